//! What ties an entry to names and to a backend.
//!
//! Invariant: what depends on no name, and nobody else can change, has none of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::clock::{Tick, millis};
use crate::coherence::cell::Cells;
use crate::coherence::trust::{Backing, Trust};
use crate::policy::span::Span;

#[derive(Debug)]
pub(super) struct Ties {
    pub(super) cells: Cells,
    backing: Backing,
    /// Trusted no longer than this by the sessions, unless the backend has taken it.
    until: Tick,
    /// How long from the beginning of its load it is trusted if the backend has not taken it: its load began less
    /// than the window before (coherence 17 and 18).
    window: Span,
    /// Bytes of the value in the backend; 0 as long as that is not known.
    encoded: AtomicU32,
}

impl Ties {
    /// `None` if there is nothing to be tied to.
    pub(super) fn of(cells: Cells, trust: &Trust) -> Option<Box<Self>> {
        let backing = trust.backing().clone();
        let is_tied = cells.len() > 0 || !backing.is_own() || trust.until != Tick::FAR;
        let (window, encoded) = (Span::NONE, AtomicU32::new(0));
        let ties = || Self { cells, backing, until: trust.until, window, encoded };
        is_tied.then(|| Box::new(ties()))
    }

    pub(super) fn set_window(&mut self, window: Duration) {
        self.window = Span::at_most(millis(window));
    }

    /// Whether it is less than the window since the load began.
    pub(super) fn is_recent(&self, began: Tick, now: Tick) -> bool {
        now < began.after(self.window.into())
    }

    #[inline]
    pub(super) fn is_announced(&self, now: Tick) -> bool {
        self.backing.is_trusted(now)
    }

    /// Whether the time for which it was trusted is not over.
    #[inline]
    pub(super) fn lasts(&self, now: Tick) -> bool {
        now < self.until
    }

    pub(super) fn note_encoded(&self, len: usize) {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.encoded.store(len, Ordering::Relaxed);
    }

    pub(super) fn encoded_len(&self) -> u64 {
        self.encoded.load(Ordering::Relaxed).into()
    }
}
