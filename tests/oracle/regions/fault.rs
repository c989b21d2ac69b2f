//! What breaks, by the names of the command line.

use std::fmt;

use crate::support::topology::name_of;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegionFault {
    /// Nothing.
    Health,
    /// All nodes of the primary region crash, and return empty.
    Kill,
    /// Nobody reaches the region of the others.
    Cut,
    /// All nodes of the primary region stand still, then go on.
    Freeze,
    /// The primary region loses all that it holds, its log too.
    Empty,
    /// Another node of the primary region takes over; one alone is restarted.
    Planned,
    /// All nodes of the secondary region crash, and return empty.
    SecondaryKill,
    /// The secondary region loses all that it holds.
    SecondaryEmpty,
    /// One process of each region crashes, whichever carries the log.
    PumpKilled,
    /// The log loses its records, again and again.
    Trim,
    /// A process that uses the secondary stands still, then goes on.
    Stall,
}

pub(crate) const REGION_FAULTS: [(&str, RegionFault); 11] = [
    ("health", RegionFault::Health),
    ("kill", RegionFault::Kill),
    ("cut", RegionFault::Cut),
    ("freeze", RegionFault::Freeze),
    ("empty", RegionFault::Empty),
    ("planned", RegionFault::Planned),
    ("secondary-kill", RegionFault::SecondaryKill),
    ("secondary-empty", RegionFault::SecondaryEmpty),
    ("pump-killed", RegionFault::PumpKilled),
    ("trim", RegionFault::Trim),
    ("stall", RegionFault::Stall),
];

impl RegionFault {
    /// Whether the primary region has all that it acknowledged, and answers all the time.
    pub(crate) fn spares_primary(self) -> bool {
        !matches!(self, Self::Kill | Self::Freeze | Self::Empty | Self::Planned)
    }

    /// Whether the primary region is left meanwhile.
    pub(crate) fn drives_away(self) -> bool {
        matches!(self, Self::Kill | Self::Freeze)
    }
}

impl fmt::Display for RegionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(self, &REGION_FAULTS))
    }
}
