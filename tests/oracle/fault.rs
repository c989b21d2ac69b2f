//! Which Redis is broken in which way, by the names of the command line.

use std::fmt;

use crate::support::topology::{Topology, name_of};

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    Health,
    /// One process reaches nobody, then everybody again.
    Partition,
    /// No process reaches anybody; they return one by one.
    Outage,
    /// The primary crashes; alone it returns empty, else another one takes over.
    Kill,
    /// The primary stands still, then goes on.
    Freeze,
    /// What the processes are sent arrives late, by a time of each its own.
    Delay,
    /// One process stands still, then goes on.
    Stall,
    /// One process crashes.
    Crash,
    /// Another node takes over in order.
    Planned,
    /// The primary and one process reach each other and nobody else; another node takes over.
    Minority,
    /// The primary crashes together with the process whose invalidation nobody else has heard of.
    Lost,
    /// Slots move to another primary.
    Reshard,
    /// Slots stay half-way to another primary for a while.
    Open,
    /// Every node holds writes back for a while, as before a planned failover.
    Paused,
    /// The primary restarts, and takes a while to load what it has saved.
    Loading,
    /// A replica is given everything anew, again and again.
    Resync,
    /// The primary cannot save what it has, and refuses writes and signs of life.
    Unsaved,
}

pub(crate) const FAULTS: [(&str, Fault); 17] = [
    ("health", Fault::Health),
    ("partition", Fault::Partition),
    ("outage", Fault::Outage),
    ("kill", Fault::Kill),
    ("freeze", Fault::Freeze),
    ("delay", Fault::Delay),
    ("stall", Fault::Stall),
    ("crash", Fault::Crash),
    ("planned", Fault::Planned),
    ("minority", Fault::Minority),
    ("lost", Fault::Lost),
    ("reshard", Fault::Reshard),
    ("open", Fault::Open),
    ("paused", Fault::Paused),
    ("loading", Fault::Loading),
    ("resync", Fault::Resync),
    ("unsaved", Fault::Unsaved),
];

impl Fault {
    /// Whether it can be played there.
    pub(crate) fn suits(self, topology: Topology) -> bool {
        match self {
            Self::Planned | Self::Resync => topology != Topology::Standalone,
            Self::Minority | Self::Lost => topology == Topology::Sentinel,
            Self::Reshard | Self::Open => topology == Topology::Cluster,
            // What it saves is of no slot of its own.
            Self::Loading => topology != Topology::Cluster,
            _ => true,
        }
    }

    /// Whether another node takes over in its course.
    pub(crate) fn is_failover(self, topology: Topology) -> bool {
        let replaces =
            matches!(self, Self::Kill | Self::Freeze | Self::Planned | Self::Minority | Self::Lost);
        replaces && topology != Topology::Standalone
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(self, &FAULTS))
    }
}
