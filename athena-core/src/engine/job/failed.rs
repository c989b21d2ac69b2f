//! How a load ends that brought nothing: it failed, or took too long.
//!
//! Invariant: a stale value that answers in its place is judged when it answers (coherence 11).

use std::sync::Arc;
use std::time::Duration;

use super::fill::{Finished, PendingFill};
use super::{Job, LeaseState, Purpose};
use crate::engine::caller::FailedLoad;
use crate::engine::{Answer, Ask};
use crate::entry::{BoxedValue, Slot};
use crate::envelope::EntryKind;
use crate::error::Error;
use crate::flight::Landing;
use crate::policy::freshness::Life;
use crate::policy::grace;
use crate::telemetry::{Event, Outcome, Source};

impl Job {
    pub(super) fn failed(self, error: FailedLoad, leased: LeaseState) -> Finished {
        if self.purpose == Purpose::Refresh {
            self.hold_off_refresh();
        } else if let (Some(answer), Some(slot)) = (self.in_grace(&error), &self.stale) {
            self.lead.land(Ask::landing(slot, answer.outcome));
            return Finished { answer, fill: None };
        }
        self.tell_miss();
        // An error is no word of the function: it takes nothing from a value that may still answer.
        let replaces = !matches!(self.purpose, Purpose::Refresh | Purpose::Reload);
        self.lead.settle();
        if let (Some(ttl), Some(error)) = (self.ask.policy.negative_ttl, error.remembered)
            && replaces
        {
            let fill = self.remember(error, ttl, leased);
            return Finished { answer: Answer::own(), fill };
        }
        self.lead.land(error.shared.map_or(Landing::Unshared, Landing::Error));
        Finished { answer: Answer::own(), fill: None }
    }

    /// Keeps an error for its own ttl.
    fn remember(self, error: BoxedValue, ttl: Duration, leased: LeaseState) -> Option<PendingFill> {
        let life = Life { ttl, grace: Duration::ZERO };
        let life = life.jittered(self.ask.policy.jitter, self.ask.runtime.random.share());
        let tags = self.ask.tags.clone();
        let meta = self.meta(EntryKind::Failed, life, &tags, leased);
        self.keep(error.keep(meta), life, tags, Ok(()), leased)
    }

    /// The hard timeout, if there is something to answer with once it is reached.
    pub(super) fn hard_limit(&self) -> Option<(Duration, Escape)> {
        let limit = self.ask.policy.hard_timeout?;
        let stale = self.stale.as_ref().filter(|slot| self.ask.can_recall(slot));
        if let Some(slot) = stale {
            return Some((limit, Escape::Stale(Arc::clone(slot))));
        }
        self.ask.typing.carries_errors.then_some((limit, Escape::Error))
    }

    /// The end of the hard timeout: a stale value, or an error of the cache (behaviour G6).
    pub(super) fn timed_out(self, limit: Duration, escape: Escape) -> Answer {
        let ask = &self.ask;
        ask.tell(|key| Event::LoadTimedOut { key, limit });
        match escape {
            Escape::Stale(slot) if ask.still_serves(&slot) || !ask.typing.carries_errors => {
                self.throttle(&slot);
                let outcome = Outcome { stale: true, ..ask.outcome(&slot, Source::Memory) };
                ask.tell(|key| Event::Stale { key, age: outcome.age });
                self.lead.land(Ask::landing(&slot, outcome));
                Answer::entry(&slot, outcome)
            }
            Escape::Stale(_) | Escape::Error => {
                self.tell_miss();
                self.lead.settle();
                let error = Error::timeout(&ask.topic(), limit);
                self.lead.land(Landing::Refusal(error.clone()));
                Answer::refusal(error, Source::Load)
            }
        }
    }

    /// The end of a load in the background that took too long.
    pub(super) fn timed_out_in_background(self, limit: Duration) {
        self.ask.tell(|key| Event::LoadTimedOut { key, limit });
        match &self.stale {
            Some(slot) if self.purpose == Purpose::Background && self.ask.still_serves(slot) => {
                self.throttle(slot);
                let outcome = self.ask.outcome(slot, Source::Memory);
                let landing = Ask::landing(slot, Outcome { stale: true, ..outcome });
                self.lead.land(landing);
            }
            _ => self.hold_off_refresh(),
        }
    }

    /// The stale value as an answer, if it may stand in for this error; no load is tried for a while.
    pub(in crate::engine) fn in_grace(&self, error: &FailedLoad) -> Option<Answer> {
        let slot = self.grace_for(error)?;
        let answer = match self.purpose {
            // The caller who waits beside tells of it.
            Purpose::Background => {
                let outcome = Outcome { stale: true, ..self.ask.outcome(&slot, Source::Memory) };
                Answer::entry(&slot, outcome)
            }
            _ => self.ask.stale(&slot, Source::Memory)?,
        };
        self.throttle(&slot);
        Some(answer)
    }

    /// Ends the job of a batch whose load failed, with what its stale value came to.
    pub(in crate::engine) fn failed_with_others(self, stale: Option<&Answer>) {
        self.ask.tell(|key| Event::LoadFailed { key });
        if let (Some(slot), Some(answer)) = (&self.stale, stale) {
            return self.lead.land(Ask::landing(slot, answer.outcome));
        }
        self.tell_miss();
        self.lead.land(Landing::Unshared);
    }

    /// The stale value, if it may stand in for this error by now (coherence 11, G1).
    pub(in crate::engine) fn grace_for(&self, error: &FailedLoad) -> Option<Slot> {
        let slot = self.stale.as_ref().filter(|_| error.allows_grace)?;
        let answers = self.ask.can_recall(slot) && self.ask.still_serves(slot);
        answers.then(|| Arc::clone(slot))
    }

    /// No further load of this entry for a while (coherence 11, G1).
    fn throttle(&self, slot: &Slot) {
        let ask = &self.ask;
        let pause = grace::throttle(ask.policy.throttle, slot.meta().life().ttl);
        slot.meta().hold_off(ask.runtime.clock.now().after(pause));
        let keeps_values = !ask.is_shared() || ask.runtime.keeps_copies();
        let slot = if keeps_values { Slot::clone(slot) } else { slot.meta().pause() };
        let weighed = ask.runtime.memory.weigh(&ask.key, &slot);
        self.lead.unless_sealed(|| ask.runtime.memory.insert(&ask.key, &weighed));
    }

    /// No further refresh of this entry for a while.
    pub(super) fn hold_off_refresh(&self) {
        if let Some(slot) = &self.stale {
            let now = self.ask.runtime.clock.now();
            let left = slot.meta().life().ttl.saturating_sub(slot.meta().age(now));
            slot.meta().hold_off(now.after(grace::refresh_backoff(left)));
        }
    }
}

/// What answers when the hard timeout is reached.
pub(super) enum Escape {
    Stale(Slot),
    /// An error of the cache.
    Error,
}
