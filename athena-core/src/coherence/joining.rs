//! Whether others may share a load however long ago it began (coherence 1).
//!
//! Joining is not trust, and trust is not validity: a load that is not announced any more still runs for
//! those who came in time, and may be waited for by others (coherence 13 to 15).

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

    /// Nothing announces that it was invalidated: when callers came decides (coherence 14).
    pub(crate) fn unannounced() -> Self {
        Self { backing: Backing::default(), until: Tick::default() }
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
