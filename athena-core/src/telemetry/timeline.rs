//! What rarely happens, with the time of day.
//!
//! Invariant: no keys, and no more than [`PLACES`] of them; what happens per call never gets here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::backend::Failover;
use crate::excerpt::Excerpt;
use crate::lock::Mutex;
use crate::moment::Moment;
use crate::resilience::breaker::BreakerState;
use crate::resilience::class::Traffic;

/// Kept at most; the oldest give way.
const PLACES: usize = 256;

/// Something that rarely happens to a cache: from [`Status::timeline`](crate::Status::timeline).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Occurrence {
    /// When, by the machine's clock.
    pub at: Moment,
    /// Of what kind it is.
    pub kind: OccurrenceKind,
    /// Where the node is that it is about, if it is about one.
    pub endpoint: Option<String>,
    /// What that node took over from, if it did.
    pub from: Option<String>,
    /// Who did it, if it was asked for.
    pub actor: Option<String>,
    /// What happened, without addresses.
    pub text: String,
}

/// Of what kind an occurrence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OccurrenceKind {
    /// Another node took over.
    Failover,
    /// A breaker changed its state.
    Breaker,
    /// Nothing was sent to a node from then on, or it was again.
    Isolation,
    /// A connection was replaced.
    Reconnected,
    /// A node answers and does not do its work, or does so again.
    Refusal,
    /// Memory answers for entries of a node again, or no longer.
    Trust,
    /// Invalidations began to wait for the backend, or no longer do.
    Journal,
    /// The backend is maintained.
    Maintenance,
    /// A step of recovery.
    Recovery,
    /// Somebody asked for it.
    Action,
}

/// The latest occurrences.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    latest: Mutex<VecDeque<Occurrence>>,
    /// Whether invalidations wait, as far as was told.
    journal_waits: AtomicBool,
}

impl Occurrence {
    fn new(kind: OccurrenceKind, text: impl Into<String>) -> Self {
        let [endpoint, from, actor] = [None, None, None];
        Self { at: Moment::now(), kind, endpoint, from, actor, text: text.into() }
    }

    fn at(self, endpoint: &str) -> Self {
        Self { endpoint: Some(Excerpt::of(endpoint).into()), ..self }
    }
}

impl Timeline {
    /// Notes an event if it is a rare one.
    pub(crate) fn hear(&self, event: &Event<'_>) {
        if let Some(occurrence) = self.occurrence(event) {
            self.note(occurrence);
        }
    }

    fn note(&self, occurrence: Occurrence) {
        let mut latest = self.latest.lock();
        if latest.len() == PLACES {
            latest.pop_front();
        }
        latest.push_back(occurrence);
    }

    /// All of them, the latest last.
    pub(crate) fn read(&self) -> Vec<Occurrence> {
        self.latest.lock().iter().cloned().collect()
    }

    fn occurrence(&self, event: &Event<'_>) -> Option<Occurrence> {
        use OccurrenceKind as Kind;
        Some(match event {
            Event::Failover { failover } => {
                let Failover { from, to, cause, took } = failover;
                let text = format!("another node took over, {}, within {took:?}", cause.name());
                let from = Some(Excerpt::of(from).into());
                Occurrence { from, ..Occurrence::new(Kind::Failover, text).at(to) }
            }
            Event::Breaker { endpoint, traffic, from, to } => {
                breaker(*traffic, *from, *to)?.at(endpoint)
            }
            Event::Reconnected { endpoint } => {
                let text = "a connection was replaced by a new one";
                Occurrence::new(Kind::Reconnected, text).at(endpoint)
            }
            Event::Refused { endpoint, traffic, failure } => {
                let (of, class) = (traffic.name(), failure.class());
                let text = format!("it answers, and does not do its work: {of}, {class}");
                Occurrence::new(Kind::Refusal, text).at(endpoint)
            }
            Event::Relented { endpoint } => {
                Occurrence::new(Kind::Refusal, "it does its work again").at(endpoint)
            }
            Event::Trust { endpoint, trusted } => {
                let text = if *trusted { "memory answers again" } else { "memory does not answer" };
                Occurrence::new(Kind::Trust, text).at(endpoint)
            }
            Event::Journaled { .. } if !self.journal_waits.swap(true, Ordering::Relaxed) => {
                Occurrence::new(Kind::Journal, "invalidations wait for the backend")
            }
            Event::Replayed { left: 0, .. }
                if self.journal_waits.swap(false, Ordering::Relaxed) =>
            {
                Occurrence::new(Kind::Journal, "no invalidation waits any more")
            }
            Event::Acted { what, actor } => {
                let actor = Some(Excerpt::of(actor).into());
                Occurrence { actor, ..Occurrence::new(Kind::Action, Excerpt::of(what)) }
            }
            _ => return None,
        })
    }
}

/// A breaker's change; one of both breakers of a node that is isolated, which are so together.
fn breaker(traffic: Traffic, from: BreakerState, to: BreakerState) -> Option<Occurrence> {
    let text = match (from, to) {
        (_, BreakerState::Isolated) => "nothing is sent to it",
        (BreakerState::Isolated, _) => "it is asked again",
        _ => {
            let text = format!("breaker of {}: {}, was {}", traffic.name(), to.name(), from.name());
            return Some(Occurrence::new(OccurrenceKind::Breaker, text));
        }
    };
    let is_first = traffic == Traffic::Serving;
    is_first.then(|| Occurrence::new(OccurrenceKind::Isolation, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Topic;

    #[test]
    fn the_latest_rare_events_are_kept_and_what_happens_per_call_is_not() {
        let timeline = Timeline::default();
        let (key, what) = (Topic::of_function("f"), Topic::everything());
        for number in 0..300 {
            let endpoint = &*format!("node-{number}");
            timeline.hear(&Event::Miss { key: &key });
            timeline.hear(&Event::Reconnected { endpoint });
            timeline.hear(&Event::Invalidated { what: &what });
        }
        let latest = timeline.read();
        assert_eq!(latest.len(), PLACES);
        assert_eq!(latest.last().unwrap().endpoint.as_deref(), Some("node-299"));
        assert!(latest.iter().all(|it| it.kind == OccurrenceKind::Reconnected));
        assert!(latest.iter().all(|it| it.at.unix_millis() > 1_600_000_000_000));
    }

    #[test]
    fn a_journal_is_told_when_it_begins_and_when_it_is_empty() {
        let timeline = Timeline::default();
        let what = &Topic::everything();
        for _ in 0..3 {
            timeline.hear(&Event::Journaled { what });
        }
        timeline.hear(&Event::Replayed { count: 2, left: 1 });
        timeline.hear(&Event::Replayed { count: 1, left: 0 });
        timeline.hear(&Event::Replayed { count: 1, left: 0 });
        let texts: Vec<_> = timeline.read().into_iter().map(|it| it.text).collect();
        assert_eq!(texts, ["invalidations wait for the backend", "no invalidation waits any more"]);
    }

    #[test]
    fn an_isolation_is_one_occurrence_whatever_it_does_to_breakers() {
        let timeline = Timeline::default();
        let (closed, isolated) = (BreakerState::Closed, BreakerState::Isolated);
        for (from, to) in [(closed, isolated), (isolated, BreakerState::HalfOpen)] {
            for traffic in Traffic::ALL {
                timeline.hear(&Event::Breaker { endpoint: "node", traffic, from, to });
            }
        }
        let kinds: Vec<_> = timeline.read().into_iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [OccurrenceKind::Isolation; 2]);
    }
}
