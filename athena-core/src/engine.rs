//! The read path: every cached call, every `entry`, every refresh goes through here.
//!
//! look (memory, then backend) → judge → load → store. What decides is in `policy`; what follows is
//! one step per file below.
//!
//! Invariant: the load runs at most once per call, and what it returned is what the caller gets.

mod answer;
mod direct;
mod follow;
mod job;
mod lead;
mod many;
mod remote;

use std::future::Future;
use std::sync::Arc;

use crate::codec::Wire;
use crate::coherence::trust::Trust;
use crate::flight::{Flight, Lead, Role, Terms};
use crate::key::Key;
use crate::policy::Policy;
use crate::policy::freshness::Verdict;
use crate::runtime::Runtime;
use crate::shape::{Errors, Judge, Shape};
use crate::tag::{Tag, Tags};
use crate::tasks::Spawner;
use crate::telemetry::Event;

use answer::Seen;
use follow::{Followed, Waiting};

pub(crate) use answer::Answer;
pub(crate) use job::{Job, Purpose};
pub(crate) use many::{Many, One};

/// Everything the engine needs to know about one call, but its load.
pub(crate) struct Ask<R, V, E> {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) key: Key,
    /// The number of the function; `None` for entries named by hand.
    pub(crate) site: Option<u32>,
    pub(crate) policy: Policy,
    pub(crate) tags: Tags,
    pub(crate) shape: Shape<R, V, E>,
    pub(crate) errors: Errors<E>,
    /// `None` keeps the values in this process.
    pub(crate) wire: Option<Wire<V>>,
    /// Values that are not kept.
    pub(crate) unless: Option<Arc<Judge<V>>>,
    /// Tags that only the value knows.
    pub(crate) tags_from: Option<Arc<Label<V>>>,
}

impl<R, V, E> Clone for Ask<R, V, E> {
    fn clone(&self) -> Self {
        Self {
            runtime: Arc::clone(&self.runtime),
            key: self.key.clone(),
            site: self.site,
            policy: self.policy,
            tags: self.tags.clone(),
            shape: self.shape,
            errors: self.errors.clone(),
            wire: self.wire,
            unless: self.unless.clone(),
            tags_from: self.tags_from.clone(),
        }
    }
}

/// Names the tags of a value.
pub(crate) type Label<V> = dyn Fn(&V) -> Vec<Tag> + Send + Sync;

/// A load that has not begun, and whether it can go on without its caller.
pub(crate) trait Origin<R, V, E>: Sized {
    /// The load in the caller's own future.
    type Load: Future<Output = R>;

    /// Whether [`depart`](Self::depart) works.
    const DEPARTS: bool;

    /// Loads in the caller's own future.
    fn load(self) -> Self::Load;

    /// Loads in a task, for `job`.
    fn depart(self, spawner: Spawner, job: Job<R, V, E>);
}

impl<R, V, E> Ask<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    /// The value of this call: from a tier, from another caller's load, or from its own.
    pub(crate) async fn answer<O: Origin<R, V, E>>(self, origin: O) -> Answer<R> {
        self.runtime.attend();
        loop {
            let seen = self.in_memory();
            if let Some(answer) = self.answer_from(seen.as_ref()) {
                self.refresh(seen, origin);
                return answer;
            }
            let stale = seen.filter(|seen| seen.verdict == Verdict::Stale).map(|seen| seen.slot);
            let flight = match self.enter() {
                Role::Lead(lead) => return self.lead(lead, stale, origin).await,
                Role::Follow(flight) => flight,
            };
            if flight.is_led_here() {
                return self.alone(origin).await;
            }
            if flight.is_eager()
                && let Some(answer) = self.beside().await
            {
                return answer;
            }
            match self.follow(&flight, stale.as_ref(), Waiting::ForAnother).await {
                Followed::Answer(answer) => return answer,
                Followed::Again => {}
                Followed::Alone => return self.side_by_side(origin).await,
                Followed::Impatient => {
                    if let Some(lead) = self.replace(Some(&flight)) {
                        return self.lead(lead, stale, origin).await;
                    }
                }
            }
        }
    }

    /// The load now, whatever the tiers hold; its result replaces what they hold.
    pub(crate) async fn reload<O: Origin<R, V, E>>(self, origin: O) -> Answer<R> {
        self.runtime.attend();
        match self.replace(None) {
            Some(lead) => Job::new(self, lead, None, Purpose::Reload).run(origin.load()).await,
            None => self.alone(origin).await,
        }
    }

    /// Begins a background load if the entry is due for one.
    fn refresh<O: Origin<R, V, E>>(self, seen: Option<Seen>, origin: O) {
        if let Some(seen) = seen
            && seen.verdict == Verdict::Refresh
            && O::DEPARTS
            && seen.slot.head().may_retry(self.runtime.clock.now())
            && let Some(lead) = self.runtime.flights.begin_eager(&self.key, self.terms())
        {
            self.depart_eagerly(lead, seen.slot, origin);
        }
    }

    fn enter(&self) -> Role {
        let Runtime { flights, cells, clock, .. } = &*self.runtime;
        flights.enter(&self.key, self.terms(), cells, clock.now())
    }

    fn replace(&self, flight: Option<&Arc<Flight>>) -> Option<Lead> {
        self.runtime.flights.replace(&self.key, self.terms(), flight)
    }

    /// The moment before the load, and how long others may join it.
    ///
    /// Until there is a lease, nothing announces that what is being loaded was invalidated.
    fn terms(&self) -> Terms {
        let Runtime { cells, clock, namespace, .. } = &*self.runtime;
        let since = cells.now();
        let has_late_tags = self.tags_from.is_some();
        let Some(remote) = self.remote() else {
            let mark = self.runtime.own_mark(&self.tags, since);
            return Terms { mark, trust: Trust::own(), has_late_tags };
        };
        let entry = namespace.entry(&self.key);
        let mark = if has_late_tags {
            remote.mark_of_late_load(&entry, &self.tags, since)
        } else {
            remote.mark_of_load(&entry, &self.tags, since)
        };
        let until = clock.now().after(remote.trust_window());
        Terms { mark, trust: Trust::own().ending(until), has_late_tags }
    }

    fn tell(&self, event: impl for<'k> FnOnce(&'k str) -> Event<'k>) {
        self.runtime.telemetry.tell(&event(&self.key.readable()));
    }
}
