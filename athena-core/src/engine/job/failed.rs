//! How a load ends that brought nothing: it failed, or took too long.
//!
//! Invariant: a stale value that answers in its place is judged when it answers (coherence 11).

use std::sync::Arc;
use std::time::Duration;

use super::fill::{Finished, PendingFill};
use super::{Job, LeaseState, Purpose};
use crate::engine::{Answer, Ask};
use crate::entry::Slot;
use crate::envelope::EntryKind;
use crate::error::Error;
use crate::flight::Landing;
use crate::policy::freshness::Life;
use crate::policy::grace;
use crate::shape::Remember;
use crate::telemetry::{Event, Outcome, Source};

impl<R, V, E> Job<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    pub(super) fn failed(self, error: E, leased: LeaseState) -> Finished<R, V, E> {
        if self.purpose == Purpose::Refresh {
            self.hold_off_refresh();
        } else if let (Some(answer), Some(slot)) = (self.in_grace(&error), &self.stale) {
            self.lead.land(Ask::<R, V, E>::landing(slot, answer.outcome));
            return Finished { answer, fill: None };
        }
        self.tell_miss();
        let ask = &self.ask;
        let outcome = Outcome::new(Source::Load);
        // An error is no word of the function: it takes nothing from a value that may still answer.
        let replaces = !matches!(self.purpose, Purpose::Refresh | Purpose::Reload);
        self.lead.settle();
        if let (Some(ttl), Some(remember)) = (ask.policy.negative_ttl, ask.errors.remember)
            && replaces
        {
            let failed = ask.shape.failed;
            let copy = (remember.copy)(&error);
            let fill = self.remember(copy, remember, ttl, leased);
            return Finished { answer: Answer::new(failed(error), outcome), fill };
        }
        self.lead.land(match &ask.errors.share {
            Some(share) => Landing::Error((share.wrap)(&error)),
            None => Landing::Unshared,
        });
        let answer = Answer::new((self.ask.shape.failed)(error), outcome);
        Finished { answer, fill: None }
    }

    /// Keeps an error for its own ttl.
    fn remember(
        self,
        error: E,
        remember: Remember<E>,
        ttl: Duration,
        leased: LeaseState,
    ) -> Option<PendingFill<V, E>> {
        let life = Life { ttl, grace: Duration::ZERO };
        let life = life.jittered(self.ask.policy.jitter, self.ask.runtime.random.share());
        let tags = self.ask.tags.clone();
        let meta = self.meta(EntryKind::Failed, life, &tags, leased);
        self.keep((remember.keep)(error, meta), life, tags, Ok(()), leased)
    }

    /// The hard timeout, if there is something to answer with once it is reached.
    pub(super) fn hard_limit(&self) -> Option<(Duration, Escape<R, E>)> {
        let limit = self.ask.policy.hard_timeout?;
        if let Some(slot) = &self.stale
            && let Some(value) = self.ask.recall(slot)
        {
            return Some((limit, Escape::Stale(value, Arc::clone(slot))));
        }
        self.ask.errors.carry.map(|carry| (limit, Escape::Error(carry)))
    }

    /// The end of the hard timeout: a stale value, or an error of the cache (behaviour G6).
    pub(super) fn timed_out(self, limit: Duration, escape: Escape<R, E>) -> Answer<R> {
        let ask = &self.ask;
        ask.tell(|key| Event::LoadTimedOut { key, limit });
        let escape = match (escape, ask.errors.carry) {
            (Escape::Stale(_, slot), Some(carry)) if !ask.still_serves(&slot) => {
                Escape::Error(carry)
            }
            (escape, _) => escape,
        };
        match escape {
            Escape::Stale(value, slot) => {
                self.throttle(&slot);
                let outcome = Outcome { stale: true, ..ask.outcome(&slot, Source::Memory) };
                ask.tell(|key| Event::Stale { key, age: outcome.age });
                self.lead.land(Ask::<R, V, E>::landing(&slot, outcome));
                Answer::new(value, outcome)
            }
            Escape::Error(carry) => {
                self.tell_miss();
                self.lead.settle();
                let error = Error::timeout(&ask.topic(), limit);
                self.lead.land(Landing::Refusal(error.clone()));
                let value = (ask.shape.failed)(carry(error));
                Answer::new(value, Outcome::new(Source::Load))
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
                let landing = Ask::<R, V, E>::landing(slot, Outcome { stale: true, ..outcome });
                self.lead.land(landing);
            }
            _ => self.hold_off_refresh(),
        }
    }

    /// The stale value as an answer, if it may stand in for this error; no load is tried for a while.
    pub(in crate::engine) fn in_grace(&self, error: &E) -> Option<Answer<R>> {
        let slot = self.grace_for(error)?;
        let answer = match self.purpose {
            // The caller who waits beside tells of it.
            Purpose::Background => {
                let outcome = Outcome { stale: true, ..self.ask.outcome(&slot, Source::Memory) };
                Answer::new(self.ask.recall(&slot)?, outcome)
            }
            _ => self.ask.stale(&slot, Source::Memory)?,
        };
        self.throttle(&slot);
        Some(answer)
    }

    /// Ends the job of a batch whose load failed, with what its stale value came to.
    pub(in crate::engine) fn failed_with_others(self, stale: Option<&Answer<R>>) {
        self.ask.tell(|key| Event::LoadFailed { key });
        if let (Some(slot), Some(answer)) = (&self.stale, stale) {
            return self.lead.land(Ask::<R, V, E>::landing(slot, answer.outcome));
        }
        self.tell_miss();
        self.lead.land(Landing::Unshared);
    }

    /// The stale value, if it may stand in for this error by now (coherence 11, G1).
    pub(in crate::engine) fn grace_for(&self, error: &E) -> Option<Slot> {
        let slot = self.stale.as_ref().filter(|_| self.ask.errors.allows_grace(error))?;
        let answers = self.ask.can_recall(slot) && self.ask.still_serves(slot);
        answers.then(|| Arc::clone(slot))
    }

    /// No further load of this entry for a while (coherence 11, G1).
    fn throttle(&self, slot: &Slot) {
        let ask = &self.ask;
        let pause = grace::throttle(ask.policy.throttle, slot.meta().life.ttl);
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
            let left = slot.meta().life.ttl.saturating_sub(slot.meta().age(now));
            slot.meta().hold_off(now.after(grace::refresh_backoff(left)));
        }
    }
}

/// What answers when the hard timeout is reached.
pub(super) enum Escape<R, E> {
    Stale(R, Slot),
    Error(fn(Error) -> E),
}
