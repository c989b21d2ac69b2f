//! One load: lease (`lease`), run, keep (`keep`).
//!
//! Invariant: a job ends its flight in every way it can end; dropped half-way, its lead wakes a follower.

use std::sync::Arc;
use std::time::Duration;

use super::caller::{Caller, Loaded, OwnedLoad, Retention};
use super::limits::LoadPermit;
use super::{Answer, Ask};
use crate::clock::Tick;
use crate::coherence::revision::Revision;
use crate::entry::Slot;
use crate::flight::{Flight, Lead};
use crate::load_limits::Urgency;

mod failed;
mod fill;
mod finish;
mod keep;
mod lease;
mod terms;

pub(super) use fill::{Finished, PendingFill};
pub(super) use terms::{Labelling, LeaseState};

/// One load and everything it needs.
pub(crate) struct Job {
    ask: Box<Ask>,
    lead: Lead,
    /// What may answer if the load fails.
    stale: Option<Slot>,
    purpose: Purpose,
    permit: LoadPermit,
    /// The revision before the backend was looked at, if that was before the flight began.
    looked: Option<Revision>,
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

impl Job {
    pub(crate) fn new(
        ask: impl Into<Box<Ask>>,
        lead: Lead,
        stale: Option<Slot>,
        purpose: Purpose,
    ) -> Self {
        let ask = ask.into();
        Self { ask, lead, stale, purpose, permit: LoadPermit::NotNeeded, looked: None }
    }

    /// The same where the backend was looked at after that revision.
    pub(super) fn having_looked(mut self, since: Revision) -> Self {
        self.looked = Some(since);
        self
    }

    /// Takes over a permit of the function.
    pub(super) fn with_permit(mut self, permit: LoadPermit) -> Self {
        self.permit = permit;
        self
    }

    /// Loads in the caller's future and answers, unless another process does it first.
    ///
    /// Gives the call back if the key was invalidated before the load began and `yielding` says so: somebody
    /// else may load it by now (coherence 13).
    pub(in crate::engine) async fn run(mut self, caller: &Caller, yielding: Yielding) -> Led {
        let (began, longest) = (self.now(), self.ask.runtime.settings.resilience.attempt_timeout);
        let limit = self.ask.policy.hard_timeout.unwrap_or(Duration::MAX);
        let work = match self.hard_limit() {
            None => self.work(caller, yielding).await,
            Some((limit, escape)) => {
                let clock = self.ask.runtime.clock.clone();
                match clock.within(limit, self.work(caller, yielding)).await {
                    Some(work) => work,
                    None => return Led::Answer(self.timed_out(limit, escape)),
                }
            }
        };
        match work {
            Work::Loaded(loaded, leased, started) => {
                let clock = self.ask.runtime.clock.clone();
                let Finished { answer, fill } = self.finish(loaded, leased, started);
                if let Some(fill) = fill {
                    let left = limit.saturating_sub(clock.now().since(began));
                    fill.begin_within(left.min(longest)).await;
                }
                Led::Answer(answer)
            }
            Work::Answered(answer) => Led::Answer(answer),
            Work::Superseded => Led::Superseded(self.resign()),
        }
    }

    /// Lease, permit and load; says when the load began.
    async fn work(&mut self, caller: &Caller, yielding: Yielding) -> Work {
        let yields = |lead: &Lead| yielding != Yielding::Never && lead.is_sealed();
        if yields(&self.lead) {
            return Work::Superseded;
        }
        let leased = match self.lease_or_wait().await {
            Ok(leased) => leased,
            Err(answer) => return Work::Answered(answer),
        };
        if yields(&self.lead) {
            return Work::Superseded;
        }
        if self.purpose == Purpose::Reload
            && matches!(
                leased,
                LeaseState::HeldElsewhere | LeaseState::Overdue | LeaseState::Unleased
            )
        {
            self.outdate_stored().await;
        }
        let permit = self.permit(leased);
        let load = self.load(caller.load(Retention::Kept), leased);
        let (loaded, started) = self.ask.run_load(permit, load).await;
        Work::Loaded(loaded, leased, started)
    }

    /// Loads in a task; whoever waits beside it has the answer from the flight, if it can be handed on.
    pub(in crate::engine) async fn run_in_background(mut self, load: OwnedLoad) -> Option<Answer> {
        let leased = match self.purpose {
            Purpose::Refresh => self.lease_or_find(self.lead.since()).await,
            _ => self.lease_or_wait().await,
        };
        let leased = leased.ok()?;
        if self.purpose == Purpose::Refresh {
            // Before it begins: it may end in every way, a panic included. What it brings replaces this.
            self.hold_off_refresh();
            if leased == LeaseState::HeldElsewhere {
                return None;
            }
        }
        let runtime = &self.ask.runtime;
        let limit = self.ask.policy.hard_timeout.unwrap_or(runtime.settings.background_timeout);
        // The limit counts from the load's beginning: nobody waits for the permit.
        let permit = match self.permit(leased) {
            LoadPermit::Needed => LoadPermit::Taken(self.ask.permit(Urgency::Background).await),
            permit => permit,
        };
        let loaded = self.ask.run_load_within(limit, permit, self.load(load, leased)).await;
        let Some((loaded, started)) = loaded else {
            self.timed_out_in_background(limit);
            return None;
        };
        let Finished { answer, fill } = self.finish(loaded, leased, started);
        if let Some(fill) = fill {
            fill.begin();
        }
        Some(answer)
    }

    pub(super) fn flight(&self) -> &Arc<Flight> {
        self.lead.flight()
    }

    /// The revision before anything was asked for this load.
    pub(super) fn since(&self) -> Revision {
        self.lead.since()
    }

    pub(super) fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Whether the key was invalidated before the load began: somebody else may load it by now
    /// (coherence 13).
    pub(super) fn is_superseded(&self) -> bool {
        self.lead.is_sealed()
    }

    /// The load begins (coherence 14).
    pub(super) fn begins_to_load(&self) {
        self.lead.loads_at(self.now());
    }

    /// Leaves the load to somebody else.
    pub(super) fn resign(self) -> Box<Ask> {
        self.ask
    }

    pub(super) fn now(&self) -> Tick {
        self.ask.runtime.clock.now()
    }

    /// The permit that a load in this state needs.
    pub(super) fn permit(&mut self, leased: LeaseState) -> LoadPermit {
        match std::mem::replace(&mut self.permit, LoadPermit::NotNeeded) {
            LoadPermit::NotNeeded if leased.keeping(Labelling::BeforeLoad).is_bounded => {
                LoadPermit::Needed
            }
            permit => permit,
        }
    }
}

/// Whether a leader whose key is invalidated before its load begins leaves the load to others
/// (coherence 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Yielding {
    Twice,
    Once,
    Never,
}

impl Yielding {
    /// After it has done so once.
    pub(in crate::engine) fn spent(self) -> Self {
        match self {
            Self::Twice => Self::Once,
            Self::Once | Self::Never => Self::Never,
        }
    }
}

/// How leading ended.
pub(in crate::engine) enum Led {
    Answer(Answer),
    /// The key was invalidated before the load began.
    Superseded(Box<Ask>),
}

/// How the work of a caller ended.
enum Work {
    /// With what the load came to, the lease it ran under, and when it began.
    Loaded(Loaded, LeaseState, Tick),
    /// Another process was first.
    Answered(Answer),
    /// The key was invalidated before the load began.
    Superseded,
}
