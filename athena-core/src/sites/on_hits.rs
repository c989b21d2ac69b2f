//! What a function remembers of the settings that bear on its hits.
//!
//! Invariant: what is remembered is of one edition, in one number; several caches take turns.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Called, Sites};
use crate::policy::{Defaults, Percent};

/// The edition that was looked up last, and what it says of the function: the share at which a load begins.
#[derive(Debug)]
pub(crate) struct OnHits(AtomicU64);

/// How hits of a function are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HitPolicy {
    /// Memory answers, and a load begins once this share of the ttl has passed.
    Answers(Option<Percent>),
    /// Its settings switch the function off.
    Off,
}

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

    pub(crate) fn policy(
        &self,
        sites: &Sites,
        called: Called<'_>,
        defaults: &Defaults,
    ) -> HitPolicy {
        let known = self.0.load(Ordering::Relaxed);
        let known = if known >> SHARE == sites.edition() {
            known
        } else {
            self.look_up(sites, called, defaults)
        };
        match known & ((1 << SHARE) - 1) {
            OFF => HitPolicy::Off,
            NEVER => HitPolicy::Answers(None),
            share => HitPolicy::Answers(u8::try_from(share).ok().map(Percent::new)),
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
