//! What a function remembers of the settings that bear on its hits.
//!
//! Invariant: what is remembered is of one edition, in one number; several caches take turns.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Called, Sites};
use crate::policy::{Defaults, Percent};

/// The edition that was looked up last, and what it says of the function: the share at which a load begins.
#[derive(Debug)]
pub(crate) struct OnHits(AtomicU64);

/// Bits of the share.
const SHARE: u32 = 8;
/// In place of a share: no call is answered by memory.
const OFF: u64 = 255;
/// In place of a share: never.
const NEVER: u64 = 254;

impl OnHits {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The share at which a load begins; `None` if memory does not answer calls of this function.
    pub(crate) fn refresh(
        &self,
        sites: &Sites,
        called: Called<'_>,
        defaults: &Defaults,
    ) -> Option<Option<Percent>> {
        let known = self.0.load(Ordering::Relaxed);
        let known = if known >> SHARE == sites.edition() {
            known
        } else {
            self.look_up(sites, called, defaults)
        };
        match known & ((1 << SHARE) - 1) {
            OFF => None,
            share => Some(u8::try_from(share).ok().filter(|_| share != NEVER).map(Percent::new)),
        }
    }

    #[cold]
    #[inline(never)]
    fn look_up(&self, sites: &Sites, called: Called<'_>, defaults: &Defaults) -> u64 {
        let (edition, policy) = sites.on_hits(called, defaults);
        let share = match policy {
            None => OFF,
            Some(policy) => policy.refresh.map_or(NEVER, |share| share.get().into()),
        };
        let known = edition << SHARE | share;
        self.0.store(known, Ordering::Relaxed);
        known
    }
}
