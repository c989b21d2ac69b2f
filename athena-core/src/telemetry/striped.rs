//! A counter that threads do not share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A counter for hot paths: threads count in places of their own.
#[derive(Debug, Default)]
pub(crate) struct Striped {
    stripes: [Stripe; STRIPES],
}

const STRIPES: usize = 16;

/// Alone in its cache line, so that threads do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

static NEXT_STRIPE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static STRIPE: usize = NEXT_STRIPE.fetch_add(1, Ordering::Relaxed) % STRIPES;
}

impl Striped {
    /// Counts one; answers how many this place had before.
    #[inline]
    pub(crate) fn add(&self) -> u64 {
        let stripe = STRIPE.try_with(|stripe| *stripe).unwrap_or_default();
        self.stripes[stripe].0.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn sum(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}
