//! One load per key at a time.
//!
//! A flight is the work of one leader that others wait for. It is judged like an entry: whoever arrives
//! after an invalidation does not wait for the load that began before it. Whoever arrives while it is
//! valid waits; whether its result is for them is told by when they came, once it lands (coherence 14).
//!
//! A flight that has landed is waited for until its value is in the backend, so that nobody loads what is
//! on its way there.
//!
//! Invariant: a key is in the map exactly while its newest leader's [`Lead`] exists; a leader that ends
//! in any way, dropped and panicking included, leaves the map and wakes its followers.

mod departures;
mod leading;

pub(crate) use leading::Leading;

use std::any::Any;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, MutexGuard, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use self::departures::Departures;
use crate::backend::Token;
use crate::clock::Tick;
use crate::coherence::guards::{Guard, Guards};
use crate::coherence::joining::Joinable;
use crate::coherence::revision::{Dependencies, Revision, Revisions};
use crate::entry::Slot;
use crate::key::Key;
use crate::lock::Mutex;
use crate::policy::freshness::Verdict;
use crate::remote::Address;
use crate::remote::LeaseGuard;
use crate::sharded::Sharded;
use crate::telemetry::Outcome;
use crate::telemetry::span::CallLink;
use crate::undisturbed::Undisturbed;

/// The flights of a cache.
#[derive(Debug)]
pub(crate) struct Flights {
    shards: Sharded<Mutex<FlightShard>>,
    hasher: foldhash::fast::RandomState,
    /// For how long after its beginning a step may be joined that nobody announces (coherence 14).
    window: Duration,
    guards: Guards,
}

/// The flights of some keys.
#[derive(Debug, Default)]
struct FlightShard {
    flights: HashMap<Key, Arc<Flight>, foldhash::fast::RandomState>,
    departures: Departures,
}

/// That a key had no flight, and when: whoever looks then without one sees whether there was one meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calm {
    departures: u64,
}

const SHARDS: usize = 64;

/// The work of one leader.
#[derive(Debug)]
pub(crate) struct Flight {
    key: Key,
    /// Whether the value may have tags that only it knows.
    has_late_tags: bool,
    /// Refreshes a value that is still fresh.
    eager: bool,
    /// The lease under which the load runs.
    lease: Mutex<Option<LeaseGuard>>,
    state: Mutex<FlightState>,
    ended: Notify,
    /// The call that began it.
    leader: CallLink,
}

#[derive(Debug)]
struct FlightState {
    /// The key was invalidated: not to be joined, nothing to be kept.
    sealed: bool,
    dependencies: Dependencies,
    joinable: Joinable,
    step: FlightStep,
    /// Its load runs under a lease: what it leaves goes to the backend (coherence 15).
    is_leased: bool,
    phase: Phase,
    aftermath: Aftermath,
}

/// What is under way, and since when (coherence 14).
#[derive(Debug, Clone, Copy)]
enum FlightStep {
    /// A question to the backend.
    Asks(Tick),
    Loads(Tick),
}

impl FlightStep {
    fn began(self) -> Tick {
        match self {
            Self::Asks(at) | Self::Loads(at) => at,
        }
    }
}

/// What becomes of a flight once it has landed.
#[derive(Debug, Default)]
struct Aftermath {
    /// The backend has taken what it brought or something newer, or need not be told of it (coherence 20).
    is_settled: bool,
    /// The flights that this one has replaced and those that they had: what settles this one settles them.
    replaced: Vec<Weak<Flight>>,
    /// Its leader is gone, and its fill has ended (coherence 15).
    is_over: bool,
}

/// What a flight depends on.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) dependencies: Dependencies,
    pub(crate) joinable: Joinable,
    /// When it begins.
    pub(crate) now: Tick,
    /// Whether the value may have tags that only it knows.
    pub(crate) has_late_tags: bool,
}

/// A caller who came to a flight: when, and what was known of it then (coherence 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Joiner {
    at: Tick,
    /// Whatever invalidates the load is heard of here: its result is as good as one's own.
    is_announced: bool,
}

/// What a landed result is to a caller (coherence 14 and 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// As good as one's own.
    Shared,
    /// To be read from the backend once the fill has ended.
    AfterFill,
    /// It may be outdated, and nothing tells.
    Late,
}

#[derive(Debug)]
enum Phase {
    /// The leader runs.
    Running,
    /// The leader has a result.
    Landed(Landing),
    /// The leader is gone without a result.
    Abandoned,
}

/// What a leader leaves to its followers.
#[derive(Clone)]
pub(crate) enum Landing {
    /// An entry, and how it was come by.
    Entry { slot: Slot, outcome: Outcome },
    /// The function's error, which can be cloned.
    Error(Arc<dyn Any + Send + Sync>),
    /// An error of the cache, for functions that carry one.
    Refusal(crate::Error),
    /// The function's error, which cannot be cloned: everybody loads for themselves.
    Unshared,
    /// The result must not be handed on: look again.
    Again,
}

impl Landing {
    /// Whether its followers are told that it may be outdated.
    pub(crate) fn is_flagged(&self) -> bool {
        matches!(self, Self::Entry { outcome, .. } if outcome.stale || outcome.degraded)
    }

    /// The same entry for those who came too late to take it as their own (coherence 15).
    pub(crate) fn flagged(self) -> Option<Self> {
        let Self::Entry { slot, outcome } = self else { return None };
        Some(Self::Entry { slot, outcome: Outcome { degraded: true, ..outcome } })
    }
}

impl std::fmt::Debug for Landing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Entry { .. } => "Entry",
            Self::Error(_) => "Error",
            Self::Refusal(_) => "Refusal",
            Self::Unshared => "Unshared",
            Self::Again => "Again",
        })
    }
}

/// What a caller is to do.
pub(crate) enum Role {
    /// Load, and tell the others.
    Lead(Lead),
    /// Wait for the one who loads.
    Follow(Arc<Flight>, Joiner),
}

impl Flights {
    pub(crate) fn new(window: Duration, guards: Guards) -> Self {
        Self {
            shards: Sharded::new(SHARDS),
            hasher: foldhash::fast::RandomState::default(),
            window,
            guards,
        }
    }

    /// Waits for the flight of a key while nothing says that it is outdated, else begins a new one
    /// (coherence 1 and 13, S1).
    ///
    /// Who takes no copy does not wait for a load that began more than the window ago and leaves nothing
    /// in the backend either (coherence 15).
    pub(crate) fn enter(
        self: &Arc<Self>,
        key: &Key,
        terms: Terms,
        takes_copies: bool,
        revisions: &Revisions,
    ) -> Role {
        let mut shard = self.shard(key);
        if let Some(flight) = shard.flights.get(key) {
            let now = terms.now;
            let joiner = flight.joiner(revisions, now);
            let is_late = || flight.is_loading_in_vain(now, self.window) && !takes_copies;
            if let Some(joiner) = joiner.filter(|it| it.is_announced || !is_late()) {
                return Role::Follow(Arc::clone(flight), joiner);
            }
            if self.guards.lacks(Guard::Joining) {
                return Role::Follow(Arc::clone(flight), Joiner { at: now, is_announced: true });
            }
        }
        Role::Lead(self.begin(&mut shard, key, terms, false))
    }

    /// What a result that has landed is to a caller (coherence 14 and 15).
    pub(crate) fn due(&self, flight: &Flight, joiner: Joiner) -> Due {
        let state = flight.lock();
        let is_in_time = joiner.is_announced || joiner.at < state.step.began().after(self.window);
        if is_in_time || self.guards.lacks(Guard::LateJoining) {
            Due::Shared
        } else if state.is_leased || matches!(state.step, FlightStep::Asks(_)) {
            Due::AfterFill
        } else {
            Due::Late
        }
    }

    /// Begins a new flight, unless one other than `instead_of` has begun already.
    ///
    /// The old one goes on, but nobody joins it any more and it stores nothing.
    pub(crate) fn replace(
        self: &Arc<Self>,
        key: &Key,
        terms: Terms,
        instead_of: Option<&Arc<Flight>>,
    ) -> Option<Lead> {
        let mut shard = self.shard(key);
        match (shard.flights.get(key), instead_of) {
            (Some(there), Some(old)) if !Arc::ptr_eq(there, old) => return None,
            _ => {}
        }
        Some(self.begin(&mut shard, key, terms, false))
    }

    /// Begins a flight only if none runs.
    pub(crate) fn begin_alone(self: &Arc<Self>, key: &Key, terms: Terms) -> Option<Lead> {
        self.begin_if_none(key, terms, false)
    }

    /// Begins an eager refresh only if no flight runs; there is a fresh value to serve meanwhile.
    pub(crate) fn begin_eager(self: &Arc<Self>, key: &Key, terms: Terms) -> Option<Lead> {
        self.begin_if_none(key, terms, true)
    }

    fn begin_if_none(self: &Arc<Self>, key: &Key, terms: Terms, eager: bool) -> Option<Lead> {
        let mut shard = self.shard(key);
        if shard.flights.contains_key(key) {
            return None;
        }
        Some(self.begin(&mut shard, key, terms, eager))
    }

    /// Keeps the running load of a key from being joined or stored.
    pub(crate) fn seal(&self, key: &Key) {
        if let Some(flight) = self.shard(key).flights.get(key) {
            flight.seal();
        }
    }

    /// That a key has no flight now; `None` if it has one.
    pub(crate) fn calm(&self, key: &Key) -> Option<Calm> {
        let shard = self.shard(key);
        let is_calm = !shard.flights.contains_key(key);
        is_calm.then(|| Calm { departures: shard.departures.count() })
    }

    /// Whether a flight of the key may have ended since then.
    pub(crate) fn has_ended_since(&self, key: &Key, Calm { departures }: Calm) -> bool {
        let hash = self.hasher.hash_one(key);
        self.shards.of(hash).lock().departures.may_include(hash, departures)
    }

    /// Runs `keep` unless the key has a flight, or may have had one since then: what that brought is newer
    /// (coherence 2 and 19).
    ///
    /// No flight begins meanwhile, and no value of users is dropped.
    pub(crate) fn while_calm(&self, key: &Key, Calm { departures }: Calm, keep: impl FnOnce()) {
        let _undisturbed = Undisturbed::begin();
        let hash = self.hasher.hash_one(key);
        let shard = self.shards.of(hash).lock();
        let is_calm =
            !shard.flights.contains_key(key) && !shard.departures.may_include(hash, departures);
        if is_calm || self.guards.lacks(Guard::Glance) {
            keep();
        }
    }

    fn begin(
        self: &Arc<Self>,
        shard: &mut FlightShard,
        key: &Key,
        terms: Terms,
        eager: bool,
    ) -> Lead {
        let Terms { dependencies, joinable, now, has_late_tags } = terms;
        let flight = Arc::new(Flight {
            key: key.clone(),
            has_late_tags,
            eager,
            lease: Mutex::new(None),
            state: Mutex::new(FlightState {
                sealed: false,
                dependencies,
                joinable,
                step: FlightStep::Asks(now),
                is_leased: false,
                phase: Phase::Running,
                aftermath: Aftermath::default(),
            }),
            ended: Notify::new(),
            leader: CallLink::here(),
        });
        if let Some(outdated) = shard.flights.insert(key.clone(), Arc::clone(&flight)) {
            flight.replaces(&outdated);
            // Coherence 1: nothing of it is kept, and the new flight wants the lease.
            outdated.seal();
            drop(outdated.take_lease());
        }
        Lead { flights: Arc::clone(self), flight }
    }

    fn leave(&self, flight: &Arc<Flight>) {
        let hash = self.hasher.hash_one(&flight.key);
        let mut shard = self.shards.of(hash).lock();
        if shard.flights.get(&flight.key).is_some_and(|there| Arc::ptr_eq(there, flight)) {
            shard.flights.remove(&flight.key);
        }
        shard.departures.note(hash);
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, FlightShard> {
        self.shards.of(self.hasher.hash_one(key)).lock()
    }
}

impl Flight {
    /// The call that began it, for those who wait.
    pub(crate) fn leader(&self) -> &CallLink {
        &self.leader
    }

    /// Waits for the leader: what it leaves, or `Again` if it is gone or left nothing for us.
    pub(crate) async fn landing(&self) -> Landing {
        loop {
            let ended = self.ended.notified();
            match &self.lock().phase {
                Phase::Landed(landing) => return landing.clone(),
                Phase::Abandoned => return Landing::Again,
                Phase::Running => {}
            }
            ended.await;
        }
    }

    /// Waits until the leader is gone and the fill of its value has ended; tells whether the backend need
    /// not be told of it any more.
    pub(crate) async fn over(&self) -> bool {
        loop {
            let ended = self.ended.notified();
            {
                let state = self.lock();
                if state.aftermath.is_over {
                    return state.aftermath.is_settled;
                }
            }
            ended.await;
        }
    }

    pub(crate) fn is_eager(&self) -> bool {
        self.eager
    }

    /// Keeps the lease of the load, until it is taken or the flight is over.
    pub(crate) fn hold(&self, lease: LeaseGuard) {
        *self.lease.lock() = Some(lease);
        let mut state = self.lock();
        state.is_leased = !state.sealed;
        if state.sealed {
            drop(state);
            drop(self.take_lease());
        }
    }

    /// What it takes to extend the lease of the load, if there is one.
    pub(crate) fn lease(&self) -> Option<(Arc<Address>, Token)> {
        let lease = self.lease.lock();
        let lease = lease.as_ref()?;
        Some((Arc::clone(lease.address()), lease.token()?))
    }

    /// The lease lives until then by itself, and the flight may be joined for as long (coherence 1).
    pub(crate) fn extended(&self, until: Tick) {
        if let Some(lease) = &mut *self.lease.lock() {
            lease.extended(until);
        }
        let mut state = self.lock();
        state.joinable = state.joinable.extended(until);
    }

    /// How long the flight may be joined.
    pub(crate) fn joinable(&self) -> Joinable {
        self.lock().joinable.clone()
    }

    /// The lease of the load, unless a newer flight was begun.
    pub(crate) fn take_lease(&self) -> Option<LeaseGuard> {
        self.lease.lock().take()
    }

    /// Whether a tag that only the result knows was invalidated since the load began (coherence 1).
    ///
    /// Followers who came after that invalidation joined all the same, since nobody knew the tag; they
    /// cannot be told from those who came before.
    pub(crate) fn is_outdated_by_late_tags(&self, slot: &Slot, revisions: &Revisions) -> bool {
        self.has_late_tags && !slot.meta().holds(revisions)
    }

    /// A caller who comes now, unless something says that the flight is outdated: judged as an entry would be
    /// (coherence 1 and 13, I1, I2).
    fn joiner(&self, revisions: &Revisions, now: Tick) -> Option<Joiner> {
        let state = self.lock();
        let is_current = match &state.phase {
            Phase::Running => true,
            Phase::Landed(Landing::Entry { slot, .. }) => {
                slot.meta().judge(now, None, revisions) == Verdict::Fresh
            }
            Phase::Landed(_) | Phase::Abandoned => false,
        };
        let is_valid = is_current && !state.sealed && revisions.holds(&state.dependencies);
        is_valid.then(|| Joiner { at: now, is_announced: state.joinable.holds(now) })
    }

    /// Whether a load runs that began too long ago to be joined, and that will not be in the backend.
    fn is_loading_in_vain(&self, now: Tick, window: Duration) -> bool {
        let state = self.lock();
        match state.step {
            FlightStep::Loads(at) => !state.is_leased && now >= at.after(window),
            FlightStep::Asks(_) => false,
        }
    }

    pub(crate) fn seal(&self) {
        self.lock().sealed = true;
    }

    fn replaces(self: &Arc<Self>, outdated: &Arc<Self>) {
        let mut replaced = std::mem::take(&mut outdated.lock().aftermath.replaced);
        replaced.retain(|flight| flight.strong_count() > 0);
        replaced.push(Arc::downgrade(outdated));
        self.lock().aftermath.replaced = replaced;
    }

    fn lock(&self) -> MutexGuard<'_, FlightState> {
        self.state.lock()
    }
}

/// The duty of a leader; dropped without a landing, a follower takes over (S2, S4).
#[derive(Debug)]
pub(crate) struct Lead {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
}

impl Lead {
    pub(crate) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    pub(crate) fn since(&self) -> Revision {
        self.flight.lock().dependencies.since()
    }

    /// Runs `keep` unless the key was invalidated since the flight began; says whether it ran
    /// (coherence 2, I1).
    ///
    /// An invalidation waits meanwhile, so it comes wholly before or wholly after.
    /// No value of users is dropped meanwhile, which might ask for this very entry.
    pub(crate) fn unless_sealed(&self, keep: impl FnOnce()) -> bool {
        let _undisturbed = Undisturbed::begin();
        let state = self.flight.lock();
        if !state.sealed {
            keep();
        }
        !state.sealed
    }

    /// Whether anything that the flight depends on has changed since that revision.
    pub(crate) fn has_changed(&self, revisions: &Revisions, since: Revision) -> bool {
        !revisions.holds_since(&self.flight.lock().dependencies, since)
    }

    /// Whether the result is outdated by now, whatever it will be.
    pub(crate) fn is_outdated(&self, revisions: &Revisions) -> bool {
        !revisions.holds(&self.flight.lock().dependencies)
    }

    /// A question is sent, whose answer may be what lands (coherence 14).
    pub(crate) fn asks_at(&self, now: Tick) {
        self.flight.lock().step = FlightStep::Asks(now);
    }

    /// The load begins (coherence 14).
    pub(crate) fn loads_at(&self, now: Tick) {
        self.flight.lock().step = FlightStep::Loads(now);
    }

    /// When the question or the load began that is under way.
    pub(crate) fn step(&self) -> Tick {
        self.flight.lock().step.began()
    }

    /// Whether the key was invalidated since the flight began.
    pub(crate) fn is_sealed(&self) -> bool {
        self.flight.lock().sealed
    }

    /// The backend need not be told of what the flight brought (coherence 20).
    pub(crate) fn settle(&self) {
        self.flight.lock().aftermath.is_settled = true;
    }

    /// The backend has taken what the flight brought, or has forgotten what it had: it need not be told of
    /// what older flights bring either.
    pub(crate) fn stored(&self) {
        let replaced = {
            let mut state = self.flight.lock();
            state.aftermath.is_settled = true;
            std::mem::take(&mut state.aftermath.replaced)
        };
        for older in replaced.iter().filter_map(Weak::upgrade) {
            older.lock().aftermath.is_settled = true;
        }
    }

    /// How long the flight may be joined from now on.
    pub(crate) fn may_be_joined(&self, joinable: Joinable) {
        self.flight.lock().joinable = joinable;
    }

    /// The load begins later than `since`: what changed before is no matter, unless it sealed the flight
    /// (coherence 1).
    pub(crate) fn begins_after(&self, since: Revision) {
        self.flight.lock().dependencies.set_since(since);
    }

    /// Keeps the flight from being joined or stored.
    pub(crate) fn seal(&self) {
        self.flight.seal();
    }

    /// Gives the followers their result; the flight can be joined until the lead is dropped.
    pub(crate) fn land(&self, landing: Landing) {
        self.flight.lock().phase = Phase::Landed(landing);
        self.flight.ended.notify_waiters();
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        {
            let mut state = self.flight.lock();
            if matches!(state.phase, Phase::Running) {
                state.phase = Phase::Abandoned;
            }
        }
        drop(self.flight.take_lease());
        self.flights.leave(&self.flight);
        self.flight.lock().aftermath.is_over = true;
        self.flight.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_without_a_flight_is_kept_unless_there_was_one_meanwhile() {
        let (revisions, key) = (Revisions::new(), Key::named("k"));
        let flights = Arc::new(Flights::new(Duration::from_secs(1), Guards::default()));
        let terms = || Terms {
            dependencies: revisions.dependencies([], revisions.now()),
            joinable: Joinable::always(),
            now: Tick::default(),
            has_late_tags: false,
        };
        let keeps = |calm| {
            let mut has_kept = false;
            flights.while_calm(&key, calm, || has_kept = true);
            has_kept
        };
        let calm = flights.calm(&key).unwrap();
        assert!(keeps(calm));
        let lead = flights.begin_alone(&key, terms());
        assert!(flights.calm(&key).is_none());
        assert!(!keeps(calm) && !flights.has_ended_since(&key, calm), "it goes on");
        drop(lead);
        assert!(!keeps(calm) && flights.has_ended_since(&key, calm), "it has ended");
        drop(flights.begin_alone(&Key::named("other"), terms()));
        let later = flights.calm(&key).unwrap();
        assert!(keeps(later) && !flights.has_ended_since(&key, later));
    }
}
