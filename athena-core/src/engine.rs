//! The read path: every cached call, every `entry`, every refresh goes through here.
//!
//! look (memory, then backend) → judge → load → store. What decides is in `policy`; what follows is
//! one step per file below.
//!
//! Invariant: the load runs at most once per call, and what it returned is what the caller gets.

mod answer;
mod ask;
mod attending;
mod caller;
mod course;
mod detach;
mod direct;
mod follow;
mod glance;
mod hit;
mod job;
mod lead;
mod lease_wait;
mod limits;
mod lookup;
mod many;
mod origin;
mod payload;
mod rendezvous;
mod typed;
mod waited;

use std::future::Future;
use std::sync::Arc;

use crate::coherence::joining::Joinable;
use crate::flight::{Flight, Lead, Role, Terms};
use crate::policy::fallback::Plan;
use crate::policy::freshness::Verdict;
use crate::remote::journal::Target;
use crate::runtime::Runtime;
use crate::telemetry::{Event, Topic};

use answer::Judged;
use follow::{Followed, WaitingFor};
use glance::{Glance, Glimpsed};
use job::{Led, Yielding};
use lead::Before;
use limits::LoadPermit;

pub(crate) use answer::{Answer, AnswerContent};
pub(crate) use ask::{Ask, AskNames, Confinement, Destination, Labelled};
pub(crate) use attending::Attending;
pub(crate) use caller::{Caller, Engine, Loaded, Retention};
pub use detach::Detach;
pub(crate) use hit::hit;
pub(crate) use job::{Job, Purpose};
pub(crate) use many::{EntryPlace, LoadsMany, TypedMany, answer_many, peek_many};
pub(crate) use origin::{Detached, DetachedLoading, InPlace, Loading, Origin};
pub(crate) use typed::{TypedCall, boxed};
pub(crate) use waited::Waited;

/// Why a call runs without the cache.
pub(crate) type BypassReason = &'static str;

/// The value of a call: from a tier, from another caller's load, or from its own; without the cache where there is
/// nothing to ask.
///
/// A glance leaves the call where it is: what is handed on by value stands in every future on the way.
pub(crate) fn answer(
    ask: &mut Result<Ask, BypassReason>,
    caller: &Caller,
) -> impl Future<Output = Answer> + Send {
    async move {
        let seen = match ask {
            Ok(ask) => match ask.glance().await {
                Glance::Answer(answer) => return answer,
                Glance::Seen(seen) => seen,
            },
            Err(_) => None,
        };
        // Boxed: a hit should not pay for the room that all else takes.
        let in_turn = taken(ask).map(|ask| Box::pin(Box::new(ask).answer_in_turn(seen, caller)));
        match in_turn {
            Ok(in_turn) => in_turn.await,
            Err(reason) => {
                Box::pin(caller.load(Retention::NotKept)).await;
                Answer::bypass(reason)
            }
        }
    }
}

/// Takes the call, of which nothing is left to ask.
pub(crate) fn taken(ask: &mut Result<Ask, BypassReason>) -> Result<Ask, BypassReason> {
    std::mem::replace(ask, Err("it was asked before"))
}

impl Ask {
    /// Its value by a flight of the key, and how long it took unless memory answers at once; what was seen of the
    /// backend already is not asked for again.
    async fn answer_in_turn(
        mut self: Box<Self>,
        mut glimpsed: Option<Glimpsed>,
        caller: &Caller,
    ) -> Answer {
        let mut first = Some(self.in_memory());
        if let Some(seen) = &first
            && let Some(answer) = self.answer_from(seen.as_ref())
        {
            Box::pin(self.refresh(first.flatten(), caller)).await;
            return answer;
        }
        let watch = match &glimpsed {
            Some(glimpsed) => glimpsed.watch.clone(),
            None => self.runtime.clock.stopwatch(),
        };
        let (runtime, key, site) = (Arc::clone(&self.runtime), self.key.clone(), self.site);
        // Coherence 13: twice, or a stream of invalidations would keep the load from ever beginning.
        let mut yielding = Yielding::Twice;
        let answer = loop {
            let seen = if let Some(seen) = first.take() {
                seen
            } else {
                let seen = self.in_memory();
                if let Some(answer) = self.answer_from(seen.as_ref()) {
                    Box::pin(self.refresh(seen, caller)).await;
                    break answer;
                }
                seen
            };
            self.runtime.keep_alive();
            let stale = seen.filter(|seen| seen.verdict == Verdict::Stale).map(|seen| seen.slot);
            let (flight, joiner) = match self.enter() {
                Role::Lead(lead) => {
                    let seen = Before { stale, glimpsed: glimpsed.take() };
                    match self.lead(lead, seen, yielding, caller).await {
                        Led::Answer(answer) => break answer,
                        Led::Superseded(ask) => {
                            (self, yielding) = (ask, yielding.spent());
                            continue;
                        }
                    }
                }
                Role::Follow(flight, joiner) => (flight, joiner),
            };
            if flight.is_led_here() {
                break Box::pin(self.alone(LoadPermit::NotNeeded, caller)).await;
            }
            if flight.is_eager()
                && let Some(answer) = Box::pin(self.beside()).await
            {
                break answer;
            }
            match self.follow(&flight, stale.as_ref(), WaitingFor::Another(joiner)).await {
                Followed::Answer(answer) => break answer,
                Followed::Again => {}
                Followed::Alone => break Box::pin(self.side_by_side(caller)).await,
                Followed::Impatient => {
                    if let Some(lead) = self.replace(Some(&flight)) {
                        let seen = Before { stale, glimpsed: None };
                        match self.lead(lead, seen, yielding, caller).await {
                            Led::Answer(answer) => break answer,
                            Led::Superseded(ask) => (self, yielding) = (ask, yielding.spent()),
                        }
                    }
                }
            }
        };
        let topic = || runtime.telemetry.topic(&key, site);
        runtime.telemetry.answered(&answer.outcome, watch.elapsed(), topic);
        answer
    }

    /// The load now, whatever the tiers hold; its result replaces what they hold.
    pub(crate) async fn reload(self, caller: &Caller) -> Answer {
        self.runtime.keep_alive();
        let Some(lead) = self.replace(None) else {
            return self.alone(LoadPermit::NotNeeded, caller).await;
        };
        let (flight, ask) = (Arc::clone(lead.flight()), self.clone());
        let job = Job::new(self, lead, None, Purpose::Reload);
        let answer = job.run(caller, Yielding::Never).await.or_alone(caller).await;
        ask.settle(&flight).await;
        answer
    }

    /// Returns once the backend has taken what a reload brought, or has been told that it has something
    /// outdated, or the journal remembers that it must be (coherence 20).
    ///
    /// A fill whose runtime stands still is not waited for longer than any write may take.
    async fn settle(&self, flight: &Flight) {
        let Some(remotes) = self.runtime.remotes.as_ref().filter(|_| self.is_shared()) else {
            return;
        };
        let Runtime { clock, settings, .. } = &*self.runtime;
        let over = clock.within(settings.resilience.write_deadline, flight.over()).await;
        if over != Some(true) {
            // What does not arrive is in the journal.
            let _ = remotes.invalidate(|_| vec![Target::Entry(self.entry_name().clone())]).await;
        }
    }

    /// Begins a background load if the entry is due for one (E1, E2).
    async fn refresh(self, seen: Option<Judged>, caller: &Caller) {
        if let Some(seen) = seen
            && seen.verdict == Verdict::Refresh
            && caller.detaches()
            && seen.slot.meta().may_retry(self.runtime.clock.now())
            && let Some(lead) = self.runtime.flights.begin_eager(&self.key, self.terms())
        {
            let ask = Self { waited: Waited::default(), ..self };
            ask.detach_eagerly(lead, seen.slot, caller).await;
        }
    }

    fn enter(&self) -> Role {
        let Runtime { flights, revisions, .. } = &*self.runtime;
        flights.enter(&self.key, self.terms(), self.takes_copies(), revisions)
    }

    fn replace(&self, flight: Option<&Arc<Flight>>) -> Option<Lead> {
        self.runtime.flights.replace(&self.key, self.terms(), flight)
    }

    /// The revision before the load, and who may join it (coherence 1).
    ///
    /// Until there is a lease, nothing announces that what is being loaded was invalidated.
    fn terms(&self) -> Terms {
        let Runtime { revisions, clock, .. } = &*self.runtime;
        let (entry, now) = (self.entry_name(), clock.now());
        let since = revisions.now();
        let has_late_tags = self.has_late_tags;
        let Some(remote) = self.remote() else {
            let dependencies = self.runtime.own_dependencies(&self.tags, since);
            let joinable =
                if self.is_shared() { Joinable::unannounced() } else { Joinable::always() };
            return Terms { dependencies, joinable, now, has_late_tags };
        };
        let dependencies = if has_late_tags {
            remote.dependencies_of_late_load(entry, &self.tags, since)
        } else {
            remote.dependencies_of_load(entry, &self.tags, since)
        };
        Terms { dependencies, joinable: Joinable::unannounced(), now, has_late_tags }
    }

    /// Whether its fallback serves what may be outdated, flagged.
    fn takes_copies(&self) -> bool {
        self.policy.fallback.plan(Some(Verdict::Fresh)) == Plan::Serve
    }

    fn tell(&self, event: impl for<'k> FnOnce(&'k Topic) -> Event<'k>) {
        self.runtime.telemetry.tell(&event(&self.topic()));
    }

    /// What is told of the entry.
    fn topic(&self) -> Topic {
        self.runtime.telemetry.topic(&self.key, self.site)
    }
}
