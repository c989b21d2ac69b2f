//! What somebody wants to know who is woken at three in the morning: are callers hurt, what broke, does it heal.
//!
//! Invariant: pure, and nothing is said that the status does not hold; what is not known is said to be unknown.

mod broken;
mod said;
mod words;

use athena_cache_core::{Health, Moment, Performance, Status};
use serde::Serialize;

use broken::Broken;
use said::{Level, MANY_FAIL, Said};
use words::{count, percent, seconds};

/// Of calls, from which share on those that get an error are trouble.
const MANY_HURT: f64 = 0.01;
/// Of calls, from which share on stale answers are worth a word.
const SOME_STALE: f64 = 0.01;

/// The state of a cache in a few sentences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Glance {
    pub(super) level: Level,
    /// All of it.
    pub(super) sentence: String,
    /// Whether callers are hurt.
    pub(super) callers: Said,
    /// What broke, the worst first; empty if nothing did.
    pub(super) broke: Vec<String>,
    /// Whether it heals by itself.
    pub(super) heals: Said,
    /// When something last changed, as far as the timeline goes back.
    pub(super) changed: Option<Moment>,
}

impl Glance {
    pub(super) fn of(status: &Status) -> Self {
        let broken = Broken::of(status);
        let callers = callers(status, &broken);
        let unhealthy = status.overall_health.status == Health::Unhealthy || broken.is_shut_out();
        let level = match (unhealthy, broken.is_empty()) {
            (true, _) => Level::Trouble,
            (false, false) => callers.level.max(Level::Notice),
            (false, true) => callers.level,
        };
        Self {
            level,
            sentence: sentence(status, &broken, &callers),
            callers,
            broke: broken.lines(),
            heals: broken.heals(status),
            changed: status.timeline.last().map(|last| last.at),
        }
    }
}

fn sentence(status: &Status, broken: &Broken, callers: &Said) -> String {
    let Performance { hit_rate, requests, .. } = status.performance;
    let served = match requests {
        0 => "no calls of late".to_owned(),
        _ => format!("{} answered from the cache", percent(hit_rate)),
    };
    let end = match callers.level {
        _ if requests == 0 => "",
        Level::Calm if broken.is_empty() => ", nobody is hurt",
        // They wait for their functions more often, perhaps.
        Level::Calm => ", no caller gets an error",
        Level::Notice => ", callers are served",
        Level::Trouble => ", callers are hurt",
    };
    format!("{}, {served}{end}.", broken.subject(status))
}

fn callers(status: &Status, broken: &Broken) -> Said {
    let Performance { hit_rate, requests, stale_rate, load_error_rate, failed_rate, .. } =
        status.performance;
    if requests == 0 && load_error_rate == 0.0 {
        return Said::new(Level::Calm, "There are no calls at the moment.");
    }
    if failed_rate > 0.0 {
        let (level, word) = if failed_rate >= MANY_HURT {
            (Level::Trouble, "Yes")
        } else {
            (Level::Notice, "Hardly")
        };
        let text = "get an error, since Redis cannot answer and they may have no other answer (`FailFast`).";
        return Said::new(level, format!("{word}: {} {text}", percent(failed_rate)));
    }
    // At most: a run that fails where an old value is within grace hurts nobody.
    let (failing, hurt) = (percent(load_error_rate), load_error_rate * (1.0 - hit_rate));
    if hurt >= MANY_HURT {
        let text = format!(
            "Yes: up to {} get an error, since {failing} of the functions' runs fail.",
            percent(hurt)
        );
        return Said::new(Level::Trouble, text);
    }
    if broken.is_all_away() {
        let text = "get their answer from the cache, the others wait for their function. None got an error of Redis.";
        return Said::new(Level::Notice, format!("They may wait: {} {text}", percent(hit_rate)));
    }
    if load_error_rate > 0.0 {
        let level = if load_error_rate >= MANY_FAIL { Level::Notice } else { Level::Calm };
        let text = format!(
            "Hardly: {failing} of the functions' runs fail, which is {} of the calls.",
            percent(hurt)
        );
        return Said::new(level, text);
    }
    if stale_rate >= SOME_STALE {
        let text = "of the answers are older than their ttl, within grace.";
        return Said::new(Level::Notice, format!("No errors: {} {text}", percent(stale_rate)));
    }
    if broken.is_any_away() {
        let text = "No errors: what the lost node held is answered by its function.";
        return Said::new(Level::Notice, text);
    }
    let Performance { average_response_time: took, window_seconds: window, .. } =
        status.performance;
    let calls = count(requests, "call");
    Said::new(
        Level::Calm,
        format!("No. {calls} in the last {}, {took:.1} ms each on average.", seconds(window)),
    )
}

#[cfg(test)]
mod tests;
