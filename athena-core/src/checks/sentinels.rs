//! What follows from what sentinels say: pure.
//!
//! Invariant: that this process reaches none of them says nothing of what they can do, and is told apart from it.

use super::words::{few, judged};
use crate::backend::operate::{SentinelReport, SentinelVoice, StoreKind, Survey};
use crate::health::{Finding, Health};

/// Whether this process hears from them who serves: it takes the word of most of them.
pub(super) fn reached(report: &SentinelReport) -> Finding {
    let (all, answered) = (report.sentinels.len(), report.answered());
    let why =
        |SentinelVoice { endpoint, error, monitors, .. }: &SentinelVoice| match (monitors, error) {
            (Some(_), _) => format!("{endpoint} does not know `{}`", report.service),
            (None, Some(error)) => format!("{endpoint} does not answer this process: {error}"),
            (None, None) => format!("{endpoint} does not answer this process"),
        };
    let silent = report.sentinels.iter().filter(|voice| voice.sight.is_none());
    let silent: Vec<_> = silent.map(why).collect();
    let finding = match (answered, silent.is_empty()) {
        (0, _) => Finding::unhealthy(few(&silent)),
        (_, true) => Finding::healthy("all sentinels answer this process"),
        (answered, _) if 2 * answered <= all => Finding::degraded(format!(
            "{answered} of {all} sentinels answer this process, too few to confirm who serves: {}",
            few(&silent)
        )),
        _ => Finding::healthy(format!("most sentinels answer this process; {}", few(&silent))),
    };
    finding.with("sentinels", all).with("answered", answered)
}

/// Whether sentinels can bring about a failover, by their own word.
pub(super) fn quorum(report: &SentinelReport) -> Finding {
    let (all, answered) = (report.sentinels.len(), report.answered());
    let silent = report.sentinels.iter().filter(|voice| voice.sight.is_none());
    let silent: Vec<_> = silent
        .map(|voice| match voice.monitors {
            Some(_) => format!("{} does not know `{}`", voice.endpoint, report.service),
            None => format!("{} does not answer", voice.endpoint),
        })
        .collect();
    let says_nothing = |voice: &&SentinelVoice| {
        voice.sight.as_ref().is_some_and(|sight| sight.has_quorum.is_none())
    };
    let untold = report.sentinels.iter().filter(says_nothing);
    let untold: Vec<_> = untold
        .map(|voice| format!("{} does not let us ask for its quorum", voice.endpoint))
        .collect();
    let finding = if answered == 0 {
        Finding::unknown(format!(
            "no sentinel tells this process of `{}`: what they can do is not known",
            report.service
        ))
    } else if report.sights().all(|sight| sight.has_quorum == Some(false)) {
        Finding::unhealthy(if answered == all {
            "the sentinels have no quorum: there will be no failover".to_owned()
        } else {
            format!(
                "the {answered} of {all} sentinels that answer have no quorum: they bring about no failover"
            )
        })
    } else if report.has_quorum() == Some(false) {
        Finding::degraded("some sentinels have no quorum")
    } else if report.agreed() == Some(false) {
        Finding::degraded(format!("sentinels name {} primaries", report.primaries().len()))
    } else if report.tilt() == Some(true) {
        Finding::degraded("a sentinel is in tilt mode, and does nothing meanwhile")
    } else {
        let fine = "all sentinels answer and have their quorum";
        judged((Health::Degraded, &silent), &untold, fine)
    };
    finding.with("sentinels", all).with("answered", answered)
}

/// What follows if nobody tells of sentinels.
pub(super) fn no_sentinels(survey: &Survey) -> Finding {
    match survey.kind {
        StoreKind::Sentinel => Finding::unknown("no sentinel can be asked"),
        _ => Finding::healthy("there are no sentinels"),
    }
}

#[cfg(test)]
mod tests;
