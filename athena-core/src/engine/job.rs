//! One load: lease (`lease`), run, keep (`keep`).
//!
//! Invariant: a job ends its flight in every way it can end; dropped half-way, its lead wakes a follower.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::{Answer, Ask};
use crate::clock::Tick;
use crate::coherence::revision::Revision;
use crate::coherence::trust::Trust;
use crate::entry::{Meta, Slot, TypedEntry};
use crate::envelope::EntryKind;
use crate::error::Error;
use crate::flight::{Flight, Landing, Lead};
use crate::policy::freshness::Life;
use crate::policy::grace;
use crate::shape::Loaded;
use crate::tag::Tags;
use crate::telemetry::event::NotKept;
use crate::telemetry::{Event, Outcome, Source};

mod keep;
mod lease;

pub(super) use lease::{LeaseState, looks};

/// One load and everything it needs.
pub(crate) struct Job<R, V, E> {
    ask: Ask<R, V, E>,
    lead: Lead,
    /// What may answer if the load fails.
    stale: Option<Slot>,
    purpose: Purpose,
    /// A place among the function's loads that is ours already.
    place: Option<OwnedSemaphorePermit>,
}

/// What a load is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A caller waits, in whose future it runs.
    Answer,
    /// The same, and the backend is known to be away.
    AnswerWithoutBackend,
    /// The same, whatever the tiers hold.
    Reload,
    /// It runs in a task; a caller may wait beside it.
    Background,
    /// It runs in a task, while the current value is still fresh.
    Refresh,
}

impl Purpose {
    /// A caller waits; the backend may be `away`.
    pub(super) fn of_caller(away: bool) -> Self {
        if away { Self::AnswerWithoutBackend } else { Self::Answer }
    }
}

impl<R, V, E> Job<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    pub(crate) fn new(
        ask: Ask<R, V, E>,
        lead: Lead,
        stale: Option<Slot>,
        purpose: Purpose,
    ) -> Self {
        Self { ask, lead, stale, purpose, place: None }
    }

    /// Takes over a place among the function's loads.
    pub(super) fn with_place(mut self, place: Option<OwnedSemaphorePermit>) -> Self {
        self.place = place;
        self
    }

    /// Loads in the caller's future and answers, unless another process does it first.
    pub(crate) async fn run(self, load: impl Future<Output = R>) -> Answer<R> {
        let work = self.work(load);
        let work = match self.hard_limit() {
            None => work.await,
            Some((limit, escape)) => match self.ask.runtime.clock.within(limit, work).await {
                Some(work) => work,
                None => return self.timed_out(limit, escape),
            },
        };
        match work {
            Work::Loaded(returned, leased, started) => self.finish(returned, leased, started),
            Work::Answered(answer) => answer,
        }
    }

    /// Lease, place and load; says when the load began.
    async fn work(&self, load: impl Future<Output = R>) -> Work<R> {
        let leased = match self.lease_or_wait().await {
            Ok(leased) => leased,
            Err(answer) => return Work::Answered(answer),
        };
        let _place = self.place(leased).await;
        let started = self.now();
        let returned = self.load(load, leased).await;
        Work::Loaded(returned, leased, started)
    }

    /// Loads in a task; nobody needs the answer.
    pub(crate) async fn run_in_background(self, load: impl Future<Output = R>) {
        let leased = match self.purpose {
            Purpose::Refresh => self.lease_or_find(self.lead.since()).await,
            _ => self.lease_or_wait().await,
        };
        let Ok(leased) = leased else {
            return;
        };
        if self.purpose == Purpose::Refresh && leased == LeaseState::HeldElsewhere {
            self.hold_off_refresh();
            return;
        }
        let _place = self.place(leased).await;
        let started = self.ask.runtime.clock.now();
        let limit =
            self.ask.policy.hard_timeout.unwrap_or(self.ask.runtime.settings.background_timeout);
        let load = self.load(load, leased);
        match self.ask.runtime.clock.within(limit, load).await {
            Some(returned) => drop(self.finish(returned, leased, started)),
            None => self.gave_up(limit),
        }
    }

    pub(super) fn flight(&self) -> &Arc<Flight> {
        self.lead.flight()
    }

    /// The revision before anything was asked for this load.
    pub(super) fn since(&self) -> Revision {
        self.lead.since()
    }

    /// Leaves the load to somebody else.
    pub(super) fn resign(self) -> Ask<R, V, E> {
        self.ask
    }

    pub(super) fn now(&self) -> Tick {
        self.ask.runtime.clock.now()
    }

    /// A place among the function's loads, which are bounded while the backend is away.
    async fn place(&self, leased: LeaseState) -> Option<OwnedSemaphorePermit> {
        if leased == LeaseState::None && self.place.is_none() {
            return self.ask.place().await;
        }
        None
    }

    /// The hard timeout, if there is something to answer with once it is reached.
    fn hard_limit(&self) -> Option<(Duration, Escape<R, E>)> {
        let limit = self.ask.policy.hard_timeout?;
        if let Some(slot) = &self.stale
            && let Some(value) = self.ask.recall(slot)
        {
            return Some((limit, Escape::Stale(value, Arc::clone(slot))));
        }
        self.ask.errors.carry.map(|carry| (limit, Escape::Error(carry)))
    }

    fn timed_out(self, limit: Duration, escape: Escape<R, E>) -> Answer<R> {
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
                Answer { value, outcome }
            }
            Escape::Error(carry) => {
                self.tell_miss();
                let error = Error::timeout(ask.key.readable(), limit);
                self.lead.land(Landing::Refusal(error.clone()));
                let value = (ask.shape.failed)(carry(error));
                Answer { value, outcome: Outcome::new(Source::Load) }
            }
        }
    }

    /// The end of a background load that took too long.
    fn gave_up(self, limit: Duration) {
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

    pub(super) fn finish(self, returned: R, leased: LeaseState, started: Tick) -> Answer<R> {
        let took = self.ask.runtime.clock.now().since(started);
        match (self.ask.shape.split)(returned) {
            Loaded::Found(value) => {
                self.ask.tell(|key| Event::Loaded { key, took });
                self.found(value, leased)
            }
            Loaded::Absent(value) => {
                self.ask.tell(|key| Event::Loaded { key, took });
                self.absent(value, leased)
            }
            Loaded::Failed(error) => {
                self.ask.tell(|key| Event::LoadFailed { key });
                self.failed(error, leased)
            }
        }
    }

    /// A caller whom no entry could answer, and who is not counted elsewhere.
    fn tell_miss(&self) {
        if !matches!(self.purpose, Purpose::Background | Purpose::Refresh) {
            self.ask.tell(|key| Event::Miss { key });
        }
    }

    fn found(self, value: V, leased: LeaseState) -> Answer<R> {
        self.tell_miss();
        let ask = &self.ask;
        let wanted = !ask.unless.as_ref().is_some_and(|unless| unless(&value));
        let mut tags = ask.tags.clone();
        if let Some(tags_from) = &ask.tags_from {
            for tag in tags_from(&value) {
                tags.add(tag);
            }
        }
        let life = Life { ttl: ask.policy.ttl, grace: ask.policy.grace };
        let life = life.jittered(ask.policy.jitter, ask.runtime.random.share());
        let answer = (ask.shape.found)(value.clone());
        let meta = self.meta(EntryKind::Value, life, &tags, leased);
        self.keep(Arc::new(TypedEntry { meta, value }), life, tags, wanted, leased);
        Answer { value: answer, outcome: Outcome::new(Source::Load) }
    }

    fn absent(self, value: R, leased: LeaseState) -> Answer<R> {
        self.tell_miss();
        let ttl = self.ask.policy.negative_ttl;
        let life = Life { ttl: ttl.unwrap_or_default(), grace: Duration::ZERO };
        let tags = self.ask.tags.clone();
        let meta = self.meta(EntryKind::Absent, life, &tags, leased);
        self.keep(Arc::new(TypedEntry { meta, value: () }), life, tags, ttl.is_some(), leased);
        Answer { value, outcome: Outcome::new(Source::Load) }
    }

    fn failed(self, error: E, leased: LeaseState) -> Answer<R> {
        if self.purpose == Purpose::Refresh {
            self.hold_off_refresh();
        } else if let (Some(answer), Some(slot)) = (self.in_grace(&error), &self.stale) {
            self.lead.land(Ask::<R, V, E>::landing(slot, answer.outcome));
            return answer;
        }
        self.tell_miss();
        let ask = &self.ask;
        let outcome = Outcome::new(Source::Load);
        if let (Some(ttl), Some(remember)) = (ask.policy.negative_ttl, ask.errors.remember) {
            let life = Life { ttl, grace: Duration::ZERO };
            let tags = ask.tags.clone();
            let meta = self.meta(EntryKind::Failed, life, &tags, leased);
            let slot = (remember.keep)((remember.copy)(&error), meta);
            let value = (ask.shape.failed)(error);
            self.keep(slot, life, tags, true, leased);
            return Answer { value, outcome };
        }
        self.lead.land(match &ask.errors.share {
            Some(share) => Landing::Error((share.wrap)(&error)),
            None => Landing::Unshared,
        });
        Answer { value: (self.ask.shape.failed)(error), outcome }
    }

    /// The stale value as an answer, if it may stand in for this error; no load is tried for a while.
    pub(super) fn in_grace(&self, error: &E) -> Option<Answer<R>> {
        let slot = self.grace_for(error)?;
        let answer = match self.purpose {
            // The caller who waits beside tells of it.
            Purpose::Background => {
                let outcome = Outcome { stale: true, ..self.ask.outcome(&slot, Source::Memory) };
                Answer { value: self.ask.recall(&slot)?, outcome }
            }
            _ => self.ask.stale(&slot, Source::Memory)?,
        };
        self.throttle(&slot);
        Some(answer)
    }

    /// Ends the job after its load failed elsewhere, with what its stale value came to.
    pub(super) fn give_up(self, stale: Option<&Answer<R>>) {
        self.ask.tell(|key| Event::LoadFailed { key });
        if let (Some(slot), Some(answer)) = (&self.stale, stale) {
            return self.lead.land(Ask::<R, V, E>::landing(slot, answer.outcome));
        }
        self.tell_miss();
        self.lead.land(Landing::Unshared);
    }

    /// The stale value, if it may stand in for this error by now.
    pub(super) fn grace_for(&self, error: &E) -> Option<Slot> {
        let slot = self.stale.as_ref().filter(|_| self.ask.errors.allows_grace(error))?;
        self.ask.recall(slot)?;
        self.ask.still_serves(slot).then(|| Arc::clone(slot))
    }

    /// No further load of this entry for a while.
    fn throttle(&self, slot: &Slot) {
        let ask = &self.ask;
        let pause = grace::throttle(ask.policy.throttle, slot.meta().life.ttl);
        slot.meta().hold_off(ask.runtime.clock.now().after(pause));
        self.lead.unless_sealed(|| ask.runtime.memory.insert(&ask.key, slot));
    }

    /// No further refresh of this entry for a while.
    fn hold_off_refresh(&self) {
        if let Some(slot) = &self.stale {
            let now = self.ask.runtime.clock.now();
            let left = slot.meta().life.ttl.saturating_sub(slot.meta().age(now));
            slot.meta().hold_off(now.after(grace::refresh_backoff(left)));
        }
    }

    /// What an entry is that was loaded just now.
    ///
    /// Without a lease nobody announces that it was invalidated during the load, and tags that only the
    /// value knows have not been read yet: such an entry is a copy for the time when the backend is away.
    fn meta(&self, kind: EntryKind, life: Life, tags: &Tags, leased: LeaseState) -> Meta {
        let Ask { runtime, key, .. } = &self.ask;
        let since = self.lead.since();
        let dependencies = match self.ask.remote() {
            None => runtime.own_dependencies(tags, since),
            Some(remote) => remote.dependencies_of_load(&runtime.namespace.entry(key), tags, since),
        };
        let trust = match leased {
            LeaseState::NotNeeded => Trust::own(),
            LeaseState::Held if !self.has_late_tags(tags) => self.lead.flight().trust(),
            LeaseState::Held | LeaseState::HeldElsewhere | LeaseState::None => Trust::none(),
        };
        Meta::new(kind, life, runtime.clock.now(), dependencies, &trust)
    }

    /// Whether there are tags that were not known before the load.
    fn has_late_tags(&self, tags: &Tags) -> bool {
        tags.beyond(&self.ask.tags).next().is_some()
    }

    fn not_kept(&self, reason: NotKept) {
        self.ask.tell(|key| Event::NotKept { key, reason });
    }
}

/// How the work of a caller ended.
enum Work<R> {
    /// With what the function returned, the lease it ran under, and when it began.
    Loaded(R, LeaseState, Tick),
    /// Another process was first.
    Answered(Answer<R>),
}

/// What answers when the hard timeout is reached.
enum Escape<R, E> {
    Stale(R, Slot),
    Error(fn(Error) -> E),
}
