//! What follows from what nodes and sentinels say of themselves: pure.
//!
//! Invariant: what nobody says is unknown, neither well nor trouble; that a primary does not answer is
//! `redis_connectivity`'s to tell.

use super::words::{few, judged};
use crate::backend::operate::{
    MemoryUse, SentinelReport, SentinelVoice, StoreKind, Survey, SurveyedNode,
};
use crate::health::{Finding, Health};
use crate::settings::HealthSettings;

/// Slots of a cluster.
const SLOTS: u32 = 16_384;
/// Less room than this share is degraded.
const HEADROOM: f64 = 0.1;
/// More bytes of the machine for each in use are degraded, of what is large enough to matter.
const FRAGMENTED: (f64, u64) = (1.5, 100 << 20);

/// Whether nodes keep what they hold beyond a restart.
pub(super) fn persistence(survey: &Survey, settings: &HealthSettings) -> Finding {
    let (mut told, mut untold, mut without) = (Vec::new(), unsaid(survey), 0_usize);
    for node in survey.primaries() {
        let at = &node.endpoint;
        let Some(says) = &node.persistence else {
            untold.push(format!("{at} does not say what it keeps"));
            continue;
        };
        if says.last_save_ok == Some(false) {
            told.push(format!("the last save of {at} failed"));
        }
        if says.aof_enabled == Some(true) && says.aof_last_write_ok == Some(false) {
            told.push(format!("{at} cannot write its append-only file"));
        }
        let saves = says.save_points.as_deref().map(|points| !points.trim().is_empty());
        match (saves, says.aof_enabled) {
            (Some(true), _) | (_, Some(true)) => {}
            (Some(false), Some(false)) => {
                without += 1;
                if settings.expect_persistence {
                    told.push(format!(
                        "{at} keeps nothing beyond a restart: neither `save` nor `appendonly` is set; if that is \
                         meant, set `health.expect_persistence = false`"
                    ));
                }
            }
            _ if settings.expect_persistence => untold.push(format!(
                "{at} does not let us ask whether it saves by itself (`CONFIG GET save`)"
            )),
            _ => {}
        }
    }
    let fine = "nodes keep what they hold as they are set up";
    judged((Health::Degraded, &told), &untold, fine).with("unpersisted", without)
}

/// Whether there is room.
///
/// What evicts by a policy that is meant for it is full for ever, and does what it is there for.
pub(super) fn memory(survey: &Survey) -> Finding {
    let (mut told, mut untold, mut notes) = (Vec::new(), unsaid(survey), Vec::new());
    let (mut used, mut evicted) = (0, 0);
    for node in survey.primaries() {
        let at = &node.endpoint;
        let Some(says) = &node.memory else {
            untold.push(format!("{at} does not say what it holds"));
            continue;
        };
        used += says.used.unwrap_or_default();
        evicted += says.evicted.unwrap_or_default();
        judge_room(node, says, &mut told);
        match (says.used, says.max) {
            (Some(_), Some(0)) => notes.push(format!("{at} has no limit (`maxmemory 0`)")),
            (Some(_), Some(_)) => {}
            _ => untold.push(format!("{at} does not say how much it may hold")),
        }
        if let (Some(policy), Some(evicted @ 1..)) = (&says.policy, says.evicted) {
            notes.push(format!("{at} has evicted {evicted} names (`maxmemory-policy {policy}`)"));
        }
    }
    let fine = if notes.is_empty() { "there is room".to_owned() } else { few(&notes) };
    let finding = judged((Health::Degraded, &told), &untold, &fine);
    finding.with("usedBytes", used).with("evicted", evicted)
}

fn judge_room(node: &SurveyedNode, says: &MemoryUse, told: &mut Vec<String>) {
    let (at, policy) = (&node.endpoint, says.policy.as_deref());
    let evicts = policy.is_some_and(|policy| policy != "noeviction");
    if let (Some(used), Some(max @ 1..), false) = (says.used, says.max, evicts) {
        let part = number(used) / number(max);
        if 1.0 - part < HEADROOM {
            let what = match policy {
                Some(policy) => {
                    format!("`maxmemory-policy {policy}`; it refuses writes when it is full")
                }
                None => "and does not say what it does when it is full".to_owned(),
            };
            let share = 100.0 * part;
            told.push(format!("{at} uses {used} of {max} bytes, {share:.0} % of them, {what}"));
        }
    }
    if let (Some(ratio), Some(used)) = (says.fragmentation, says.used)
        && ratio > FRAGMENTED.0
        && used > FRAGMENTED.1
    {
        told.push(format!("{at} takes {ratio:.2} bytes of the machine for each in use"));
    }
}

/// Whether all slots are served, by the word of every node.
pub(super) fn cluster_state(survey: &Survey) -> Finding {
    let sights = || {
        let answered = survey.nodes.iter().filter(|node| node.is_connected);
        answered.filter_map(|node| Some((&node.endpoint, node.cluster.as_ref()?)))
    };
    let Some(ok) = survey.slots_ok() else {
        return match survey.kind {
            StoreKind::Cluster => Finding::unknown("no node says anything of its cluster"),
            _ => Finding::healthy("there is no cluster"),
        };
    };
    let mut told = Vec::new();
    let mut status = Health::Degraded;
    let most = sights().filter_map(|(_, sight)| sight.slots_ok).max().unwrap_or(ok);
    for (at, sight) in sights() {
        if sight.is_ok == Some(false) {
            told.push(format!("{at} says that the cluster is down"));
        }
        if let Some(failing @ 1..) = sight.slots_pfail {
            told.push(format!("{at} says that the node of {failing} slots may have failed"));
        }
    }
    if most < SLOTS {
        // Nobody knows of a node that serves them.
        status = Health::Unhealthy;
        told.push(format!("{} of {SLOTS} slots are served by no node", SLOTS - most));
    } else if ok < SLOTS {
        told.push(format!("nodes disagree: some take {} slots for unserved", SLOTS - ok));
    }
    let answered = survey.nodes.iter().filter(|node| node.is_connected);
    let untold: Vec<_> = answered
        .filter(|node| node.cluster.as_ref().is_none_or(|sight| sight.slots_ok.is_none()))
        .map(|node| format!("{} does not say how it sees its cluster", node.endpoint))
        .collect();
    let finding = judged((status, &told), &untold, "all slots are served");
    finding.with("slotsOk", u64::from(ok))
}

/// Whether sentinels can bring about a failover.
pub(super) fn quorum(report: &SentinelReport) -> Finding {
    let (all, answered) = (report.sentinels.len(), report.answered());
    let silent = report.sentinels.iter().filter(|voice| voice.sight.is_none());
    let silent: Vec<_> =
        silent.map(|voice| format!("{} does not answer", voice.endpoint)).collect();
    let says_nothing = |voice: &&SentinelVoice| {
        voice.sight.as_ref().is_some_and(|sight| sight.has_quorum.is_none())
    };
    let untold = report.sentinels.iter().filter(says_nothing);
    let untold: Vec<_> = untold
        .map(|voice| format!("{} does not let us ask for its quorum", voice.endpoint))
        .collect();
    let finding = if answered == 0 {
        Finding::unhealthy("no sentinel answers")
    } else if report.sights().all(|sight| sight.has_quorum == Some(false)) {
        Finding::unhealthy("the sentinels have no quorum: there will be no failover")
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

/// Why nobody tells what primaries are asked for, if none does.
fn unsaid(survey: &Survey) -> Vec<String> {
    let is_silent = survey.primaries().next().is_none();
    let why = survey.error.as_deref().unwrap_or("no primary answers");
    is_silent.then(|| why.to_owned()).into_iter().collect()
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
