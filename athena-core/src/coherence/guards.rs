//! Guards that a test can switch off, to see whether it would notice.
//!
//! Invariant: without the feature `testing` every guard is in force, and asking costs nothing.

/// A guard of the coherence protocol.
#[cfg_attr(
    not(feature = "testing"),
    expect(unreachable_pub, reason = "`testing` hands it to the tests of other crates")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Guard {
    /// A fill is refused unless its lease is still held (coherence 6).
    Lease,
    /// An entry in the backend counts only while the generations are those from before its load
    /// (coherence 7).
    Generations,
    /// What was announced between a read and its insertion keeps it from being trusted
    /// (coherence 2).
    Registration,
    /// Nobody joins a load that began before an invalidation (coherence 1).
    Joining,
    /// Memory is trusted no longer than the window after the last proof (coherence 4).
    Window,
    /// Invalidations that did not arrive are sent again (coherence 9 and 9b).
    Journal,
    /// What another history wrote is not fresh (coherence 8).
    History,
    /// A load that nobody announces is shared by those who came within the window of its beginning
    /// (coherence 14 and 15).
    LateJoining,
    /// What the backend has not taken is fresh until the window after its load's beginning, and no longer
    /// (coherence 17).
    Keeping,
    /// What was seen without a flight counts only while nothing has changed since (coherence 22).
    Glance,
    /// The tags of an entry count that its caller has not named (coherence 24).
    UnnamedTags,
    /// What was read is as old as the backend says (coherence 25).
    Age,
    /// Nobody is answered by what was given to the backend before they came (coherence 23).
    Closed,
    /// The primary region is told of an invalidation, not only the one that is used (regions 1).
    BothRegions,
    /// A secondary region is told what this process has invalidated before it is read (regions 9).
    Untold,
    /// A secondary region that is not heard is fresh only by age (regions 11).
    Heard,
    /// What is loaded in a secondary region is as old as its load (regions 12).
    LoadAge,
    /// A secondary region keeps what the primary could not be told (regions 14).
    Outbox,
    /// Nobody returns to the primary region before it has been told (regions 16).
    Drain,
    /// A process that carries invalidations into a region hears of them itself (regions 18).
    PumpHears,
}

/// The guards that are switched off.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Guards {
    #[cfg(feature = "testing")]
    missing: u32,
}

impl Guards {
    #[cfg(feature = "testing")]
    pub(crate) fn without(self, guard: Guard) -> Self {
        Self { missing: self.missing | Self::bit(guard) }
    }

    /// Whether a guard is switched off.
    #[inline]
    #[cfg(feature = "testing")]
    pub(crate) fn lacks(self, guard: Guard) -> bool {
        self.missing & Self::bit(guard) != 0
    }

    /// Whether a guard is switched off.
    #[inline]
    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "the other build looks into it")]
    pub(crate) fn lacks(self, _guard: Guard) -> bool {
        false
    }

    #[cfg(feature = "testing")]
    fn bit(guard: Guard) -> u32 {
        1 << (guard as u32)
    }
}
