//! What a user of the server must be allowed, and what is done without it: one table, which probes,
//! warnings and docs/high-availability.md come from.
//!
//! Invariant: what is taken by one right is given back by the same. So no lease is asked for over a
//! connection on which it could not be extended, filled and given back.

mod check;
mod lacks;
mod probe;

use athena_cache_core::backend::Ability;

pub(crate) use self::check::RightsCheck;
pub(super) use self::lacks::Lacks;
pub(super) use self::probe::{Probe, Rights, Terms, ask_tracking};

/// The right to be told of changes.
pub(super) const TRACKING: &str = "client|tracking";
/// The right to ask what a node is and does.
pub(super) const INFO: &str = "info";

/// The right to ask a node for its time.
pub(super) const TIME: &str = "time";

/// The right to ask how many names a node remembers the readers of, and how large values may be.
pub(super) const LIMITS: &str = "config|get";

/// The right to ask a member whether its cluster serves.
const CLUSTER_INFO: &str = "cluster|info";

/// A command that the user of a data node has to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Right {
    /// As an ACL rule names it.
    pub(super) command: &'static str,
    /// What needs it.
    pub(super) promises: &'static [Promise],
    pub(super) place: NodeKind,
}

/// Which nodes a right is needed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeKind {
    Everywhere,
    /// On members of a cluster, beside the others.
    Cluster,
    /// On nodes of a region that has others beside it.
    Region,
}

/// What a cache does by the rights that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    Read,
    Lease,
    Invalidate,
    Announce,
    Confirm,
    Age,
    Ready,
    Follow,
    Log,
}

/// All rights; no two have the same command.
pub(super) const RIGHTS: [Right; 24] = {
    use Promise::{Age, Announce, Confirm, Follow, Invalidate, Lease, Log, Read, Ready};
    const fn right(command: &'static str, promises: &'static [Promise]) -> Right {
        Right { command, promises, place: NodeKind::Everywhere }
    }
    const fn of_cluster(command: &'static str, promises: &'static [Promise]) -> Right {
        Right { command, promises, place: NodeKind::Cluster }
    }
    const fn of_region(command: &'static str) -> Right {
        Right { command, promises: &[Log], place: NodeKind::Region }
    }
    [
        right("mget", &[Read, Lease]),
        right("pttl", &[Read]),
        right("get", &[Lease]),
        right("exists", &[Lease]),
        right("set", &[Lease, Invalidate]),
        right("del", &[Lease, Invalidate]),
        right("pexpire", &[Lease]),
        right("eval", &[Lease]),
        right("evalsha", &[Lease]),
        right(TRACKING, &[Announce]),
        right(INFO, &[Announce, Confirm]),
        right(LIMITS, &[Announce]),
        right("ping", &[Ready]),
        right(TIME, &[Age]),
        // Its probe is spent by the next one.
        of_cluster("asking", &[Follow]),
        of_cluster(CLUSTER_INFO, &[Confirm]),
        of_region("xadd"),
        of_region("xrange"),
        of_region("xlen"),
        of_region("xtrim"),
        of_region("hget"),
        of_region("hset"),
        of_region("hmget"),
        of_region("hincrby"),
    ]
};

impl Promise {
    pub(super) const ALL: [Self; 9] = [
        Self::Read,
        Self::Lease,
        Self::Invalidate,
        Self::Announce,
        Self::Confirm,
        Self::Age,
        Self::Ready,
        Self::Follow,
        Self::Log,
    ];

    /// What the core calls it, if it has to know.
    pub(super) fn ability(self) -> Option<Ability> {
        match self {
            Self::Read => Some(Ability::Read),
            Self::Lease => Some(Ability::Lease),
            Self::Invalidate | Self::Log => Some(Ability::Invalidate),
            Self::Announce => Some(Ability::Announce),
            Self::Confirm => Some(Ability::Confirm),
            Self::Age | Self::Ready | Self::Follow => None,
        }
    }

    /// What is done without it.
    pub(super) fn without(self) -> &'static str {
        match self {
            Self::Read => "redis answers no call: functions run as their fallback says",
            Self::Lease => {
                "no leases are taken: each process loads for itself, and keeps a result for the \
                 trust window"
            }
            Self::Invalidate => {
                "invalidations stay pending: other processes do not hear of them, and this one does \
                 not read from redis while any waits"
            }
            Self::Announce => {
                "memory answers for the trust window after each reading, and changes by other \
                 processes are noticed as late"
            }
            Self::Confirm => {
                "whether the node is still the primary is not asked of it, and what it forgot in a \
                 failover may be served"
            }
            Self::Age => {
                "redis is asked for the age of each value by itself, and does twice the work"
            }
            Self::Ready => "it is noticed only by operations that fail",
            Self::Follow => "operations on them fail until it has arrived",
            Self::Log => {
                "invalidations stay pending in the primary region, and a secondary one does not \
                 follow it: what it holds answers for `alone_ttl` after it was loaded"
            }
        }
    }
}

#[cfg(test)]
mod tests;
