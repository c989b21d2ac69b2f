//! How long others may share a load (coherence 1).
//!
//! Joining is not trust: a load that may not be joined any more still runs for its caller, and an entry
//! that is not trusted may still be joined while it is loaded.

use super::trust::{Backing, Trust};
use crate::clock::Tick;

/// Until when callers may share a load that runs.
#[derive(Debug, Clone)]
pub(crate) struct Joinable {
    /// What announces that the load was invalidated; nothing where nobody else can do that.
    backing: Backing,
    until: Tick,
}

impl Joinable {
    /// Nobody but this process can change what is loaded.
    pub(crate) fn always() -> Self {
        Self { backing: Backing::default(), until: Tick::FAR }
    }

    /// Nothing announces that it was invalidated: for so long only.
    pub(crate) fn unannounced(until: Tick) -> Self {
        Self { backing: Backing::default(), until }
    }

    /// While every change is announced over these sessions, and no longer than this.
    pub(crate) fn announced(backing: Backing, until: Tick) -> Self {
        Self { backing, until }
    }

    /// As it was announced so far, until then.
    pub(crate) fn extended(&self, until: Tick) -> Self {
        Self { backing: self.backing.clone(), until }
    }

    pub(crate) fn holds(&self, now: Tick) -> bool {
        now < self.until && self.backing.is_trusted(now)
    }

    /// What a load under the lease leaves is trusted for as long as the load could be joined.
    pub(crate) fn trust(&self) -> Trust {
        Trust::over(self.backing.clone()).ending(self.until)
    }
}
