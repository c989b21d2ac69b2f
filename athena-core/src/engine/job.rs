//! One load: lease (`lease`), run, keep (`keep`).
//!
//! Invariant: a job ends its flight in every way it can end; dropped half-way, its lead wakes a follower.

use std::future::Future;
use std::sync::Arc;

use super::limits::LoadPermit;
use super::{Answer, Ask};
use crate::clock::Tick;
use crate::coherence::revision::Revision;
use crate::entry::Slot;
use crate::flight::{Flight, Lead};

mod failed;
mod finish;
mod keep;
mod lease;
mod terms;

pub(super) use terms::LeaseState;

/// One load and everything it needs.
pub(crate) struct Job<R, V, E> {
    ask: Ask<R, V, E>,
    lead: Lead,
    /// What may answer if the load fails.
    stale: Option<Slot>,
    purpose: Purpose,
    permit: LoadPermit,
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
        Self { ask, lead, stale, purpose, permit: LoadPermit::NotNeeded }
    }

    /// Takes over a permit of the function.
    pub(super) fn with_permit(mut self, permit: LoadPermit) -> Self {
        self.permit = permit;
        self
    }

    /// Loads in the caller's future and answers, unless another process does it first.
    pub(crate) async fn run(mut self, load: impl Future<Output = R>) -> Answer<R> {
        let work = match self.hard_limit() {
            None => self.work(load).await,
            Some((limit, escape)) => {
                let clock = self.ask.runtime.clock.clone();
                match clock.within(limit, self.work(load)).await {
                    Some(work) => work,
                    None => return self.timed_out(limit, escape),
                }
            }
        };
        match work {
            Work::Loaded(returned, leased, started) => self.finish(returned, leased, started),
            Work::Answered(answer) => answer,
        }
    }

    /// Lease, permit and load; says when the load began.
    async fn work(&mut self, load: impl Future<Output = R>) -> Work<R> {
        let leased = match self.lease_or_wait().await {
            Ok(leased) => leased,
            Err(answer) => return Work::Answered(answer),
        };
        let permit = self.permit(leased);
        let (returned, started) = self.ask.run_load(permit, self.load(load, leased)).await;
        Work::Loaded(returned, leased, started)
    }

    /// Loads in a task; nobody needs the answer.
    pub(crate) async fn run_in_background(mut self, load: impl Future<Output = R>) {
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
        let runtime = &self.ask.runtime;
        let limit = self.ask.policy.hard_timeout.unwrap_or(runtime.settings.background_timeout);
        // The limit counts from the load's beginning: nobody waits for the permit.
        let permit = match self.permit(leased) {
            LoadPermit::Needed => LoadPermit::Taken(self.ask.permit().await),
            permit => permit,
        };
        match self.ask.run_load_within(limit, permit, self.load(load, leased)).await {
            Some((returned, started)) => drop(self.finish(returned, leased, started)),
            None => self.timed_out_in_background(limit),
        }
    }

    pub(super) fn flight(&self) -> &Arc<Flight> {
        self.lead.flight()
    }

    /// The revision before anything was asked for this load.
    pub(super) fn since(&self) -> Revision {
        self.lead.since()
    }

    pub(super) fn ask(&self) -> &Ask<R, V, E> {
        &self.ask
    }

    /// Leaves the load to somebody else.
    pub(super) fn resign(self) -> Ask<R, V, E> {
        self.ask
    }

    pub(super) fn now(&self) -> Tick {
        self.ask.runtime.clock.now()
    }

    /// The permit that a load in this state needs.
    pub(super) fn permit(&mut self, leased: LeaseState) -> LoadPermit {
        match std::mem::replace(&mut self.permit, LoadPermit::NotNeeded) {
            LoadPermit::NotNeeded if leased.keeping(false).is_bounded => LoadPermit::Needed,
            permit => permit,
        }
    }
}

/// How the work of a caller ended.
enum Work<R> {
    /// With what the function returned, the lease it ran under, and when it began.
    Loaded(R, LeaseState, Tick),
    /// Another process was first.
    Answered(Answer<R>),
}
