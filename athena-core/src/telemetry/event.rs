//! Events.

use std::time::Duration;

use super::not_kept::NotKept;
use super::outcome::{Outcome, Source};
use super::topic::Topic;
use crate::backend::{Class, Failover, Failure, LogBreak, MaintenanceEvent};
use crate::recovery::{RecoveryStep, StepResult};
use crate::regions::SwitchReason;
use crate::resilience::breaker::BreakerState;
use crate::resilience::class::Traffic;

/// Something that happened in a cache.
///
/// What it is about is a [`Topic`], which gives the key to programs and shows it only where that was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A fresh entry answered; told to observers that [want hits](crate::Observer::wants_hits).
    #[non_exhaustive]
    Hit {
        /// The entry.
        key: &'a Topic,
        /// The tier.
        source: Source,
    },
    /// No entry could answer, so the function ran for this caller.
    #[non_exhaustive]
    Miss {
        /// The entry.
        key: &'a Topic,
    },
    /// A caller got the result of another caller's load.
    #[non_exhaustive]
    Joined {
        /// The entry.
        key: &'a Topic,
    },
    /// A stale value answered.
    #[non_exhaustive]
    Stale {
        /// The entry.
        key: &'a Topic,
        /// Time since it was loaded.
        age: Duration,
    },
    /// A memory copy answered because the backend could not.
    #[non_exhaustive]
    Degraded {
        /// The entry.
        key: &'a Topic,
    },
    /// A load ended with something to return.
    #[non_exhaustive]
    Loaded {
        /// The entry.
        key: &'a Topic,
        /// How long it took.
        took: Duration,
    },
    /// A load ended with the function's error.
    #[non_exhaustive]
    LoadFailed {
        /// The entry.
        key: &'a Topic,
    },
    /// A load was given up: hard timeout.
    #[non_exhaustive]
    LoadTimedOut {
        /// The entry.
        key: &'a Topic,
        /// The limit.
        limit: Duration,
    },
    /// The background began to reload an entry.
    #[non_exhaustive]
    Refreshing {
        /// The entry.
        key: &'a Topic,
    },
    /// The backend took a value.
    #[non_exhaustive]
    Filled {
        /// The entry.
        key: &'a Topic,
    },
    /// A loaded value was not kept.
    #[non_exhaustive]
    NotKept {
        /// The entry.
        key: &'a Topic,
        /// Why.
        reason: NotKept,
    },
    /// Bytes in the backend were not an entry for this reader: a miss.
    #[non_exhaustive]
    Unreadable {
        /// The entry.
        key: &'a Topic,
        /// Why.
        reason: &'a str,
    },
    /// Bytes that were written for this type, by this codec, are no value of it: a miss.
    #[non_exhaustive]
    Undecodable {
        /// The entry.
        key: &'a Topic,
        /// The type, and why.
        reason: &'a str,
    },
    /// A value would be read as another one, or not at all, so it stays in this process.
    #[non_exhaustive]
    Unwritable {
        /// The entry.
        key: &'a Topic,
        /// The type, the way to the field or variant, what is wrong with it, and what to do.
        reason: &'a str,
    },
    /// The backend was not asked for an entry, or not for as long as it takes: its value does not get through
    /// in time.
    #[non_exhaustive]
    HeldOff {
        /// The entry.
        key: &'a Topic,
        /// How large it is at least, and for how long it is left alone.
        reason: &'a str,
    },
    /// Something was invalidated.
    #[non_exhaustive]
    Invalidated {
        /// What: an entry, a tag or everything.
        what: &'a Topic,
    },
    /// An invalidation did not reach the backend and waits for it.
    #[non_exhaustive]
    Journaled {
        /// What: an entry, a tag or everything.
        what: &'a Topic,
    },
    /// Waiting invalidations reached the backend.
    #[non_exhaustive]
    Replayed {
        /// How many.
        count: usize,
        /// How many wait still.
        left: usize,
    },
    /// The backend did not do what was asked.
    #[non_exhaustive]
    BackendFailed {
        /// Where it is.
        endpoint: &'a str,
        /// What was asked.
        operation: &'static str,
        /// Why not.
        failure: &'a Failure,
    },
    /// A node of the backend answers, and does not do its work: it is full, or a replica, or its cluster does
    /// not serve. Told once, and of what a failover may be the reason only if it lasts.
    #[non_exhaustive]
    Refused {
        /// Where the node is.
        endpoint: &'a str,
        /// Whether it is about writes, or about everything else.
        traffic: Traffic,
        /// What it answers.
        failure: &'a Failure,
    },
    /// A node of which [`Refused`](Self::Refused) was told does its work again.
    #[non_exhaustive]
    Relented {
        /// Where the node is.
        endpoint: &'a str,
    },
    /// A load runs without a lease, since the backend cannot be asked for one.
    #[non_exhaustive]
    Unleased {
        /// The entry.
        key: &'a Topic,
    },
    /// A lease is not given back but left to end by itself, since too many others wait for their node.
    ///
    /// Until then other processes wait for the entry as if it was loaded.
    #[non_exhaustive]
    LeaseLeft {
        /// The entry.
        key: &'a Topic,
    },
    /// A lease was removed that nobody can hold: it was no lease, or had no end, or one that no setting allows.
    ///
    /// Somebody else has written it; every load of the entry would have waited for it.
    #[non_exhaustive]
    LeaseOusted {
        /// The entry.
        key: &'a Topic,
    },
    /// A load runs beyond [`degraded_loads`](crate::Settings::degraded_loads), since none of the others ended.
    #[non_exhaustive]
    Unbounded {
        /// The entry.
        key: &'a Topic,
    },
    /// An operation that failed is attempted again.
    #[non_exhaustive]
    Retrying {
        /// Where it failed.
        endpoint: &'a str,
        /// What was asked.
        operation: &'static str,
        /// The attempts made so far.
        attempt: u32,
        /// What the failure says.
        class: Class,
    },
    /// Another node of the backend took over.
    #[non_exhaustive]
    Failover {
        /// What is known of it.
        failover: &'a Failover,
    },
    /// A connection was replaced although it was open, because nothing came back on it, or an operator asked for that.
    #[non_exhaustive]
    Reconnected {
        /// Where the node is.
        endpoint: &'a str,
    },
    /// Whether memory answers for entries of a node has changed: all changes of them are heard of, or not.
    #[non_exhaustive]
    Trust {
        /// Where the node is.
        endpoint: &'a str,
        /// Whether it does now.
        trusted: bool,
    },
    /// Somebody asked for something to be done, by hand: see [`Cache::acted`](crate::Cache::acted).
    #[non_exhaustive]
    Acted {
        /// What.
        what: &'a str,
        /// Who.
        actor: &'a str,
    },
    /// A step was taken so that the cache gets well: see [`RecoverySettings`](crate::RecoverySettings).
    #[non_exhaustive]
    Recovery {
        /// What was done.
        step: RecoveryStep,
        /// What came of it.
        result: StepResult,
        /// What was found, or why it was not done; without addresses.
        text: &'a str,
        /// More of it, which may name nodes; empty if there is no more to say.
        details: &'a str,
    },
    /// A call was answered that memory did not answer at once; told to observers that [want
    /// calls](crate::Observer::wants_calls).
    #[non_exhaustive]
    Answered {
        /// The entry.
        key: &'a Topic,
        /// What the caller got.
        outcome: &'a Outcome,
        /// How long the caller waited.
        took: Duration,
    },
    /// A node of the backend was asked for something, once; likewise.
    #[non_exhaustive]
    Asked {
        /// Where the node is.
        endpoint: &'a str,
        /// For what.
        operation: &'static str,
        /// How long it took.
        took: Duration,
        /// Of what class the failure is, if it failed.
        class: Option<Class>,
    },
    /// A breaker changed its state.
    #[non_exhaustive]
    Breaker {
        /// Where the node is.
        endpoint: &'a str,
        /// Whether it is the breaker of writes, or of everything else.
        traffic: Traffic,
        /// Before.
        from: BreakerState,
        /// Now.
        to: BreakerState,
    },
    /// Another region is used from now on, by this process.
    #[non_exhaustive]
    RegionSwitched {
        /// The region that was used.
        from: &'a str,
        /// The one that is.
        to: &'a str,
        /// Why.
        reason: SwitchReason,
    },
    /// Whether a region that is not the primary is known to follow it has changed: while it is not, what it holds is
    /// fresh for [`alone_ttl`](crate::RegionSettings::alone_ttl) only.
    #[non_exhaustive]
    RegionHeard {
        /// The region.
        region: &'a str,
        /// Whether it is now.
        heard: bool,
    },
    /// A region was cleared, since it may lack something that the primary has invalidated.
    #[non_exhaustive]
    Resynced {
        /// The region.
        region: &'a str,
        /// Why.
        reason: LogBreak,
    },
    /// Something that the primary has invalidated was rejected by a region, which forgot more in its place.
    #[non_exhaustive]
    Parked {
        /// The region.
        region: &'a str,
        /// How many records.
        count: usize,
    },
    /// This process cannot carry into a region what the primary has invalidated; told once, until it can.
    #[non_exhaustive]
    NotFollowed {
        /// The region.
        region: &'a str,
        /// Why not; `None` if that took too long.
        failure: Option<&'a Failure>,
    },
    /// A region has the store of the primary, or a copy of it: it is no second region.
    #[non_exhaustive]
    RegionsAlike {
        /// The region.
        region: &'a str,
    },
    /// A backend, or those who run it, announced its maintenance; who has another region may leave that one for it.
    #[non_exhaustive]
    Maintenance {
        /// What was said.
        notice: &'a MaintenanceEvent,
    },
    /// A caller got an error, since the backend could not answer and nothing else may: its function has
    /// [`FailFast`](crate::Fallback::FailFast), or it only looked.
    #[non_exhaustive]
    Failed {
        /// The entry.
        key: &'a Topic,
    },
    /// A function ran without the cache.
    #[non_exhaustive]
    Bypassed {
        /// The function or entry.
        key: &'a Topic,
        /// Why.
        reason: &'a str,
    },
}

impl Event<'_> {
    /// The function that it is about, if it is about a call of one.
    pub fn site(&self) -> Option<&'static str> {
        match self {
            Self::Hit { key, .. } | Self::Answered { key, .. } => key.function(),
            _ => self.about()?.function(),
        }
    }

    /// The call that it is an end of, or a load of one.
    pub(super) fn about(&self) -> Option<&Topic> {
        match self {
            Self::Miss { key }
            | Self::Joined { key }
            | Self::Stale { key, .. }
            | Self::Degraded { key }
            | Self::Bypassed { key, .. }
            | Self::Failed { key }
            | Self::Loaded { key, .. }
            | Self::LoadFailed { key }
            | Self::LoadTimedOut { key, .. }
            | Self::Refreshing { key } => Some(key),
            _ => None,
        }
    }

    /// The class of the backend's failure, if that is the event.
    pub(crate) fn class(&self) -> Option<Class> {
        match self {
            Self::BackendFailed { failure, .. } => Some(failure.class()),
            _ => None,
        }
    }
}
