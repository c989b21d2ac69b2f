//! Words of the statuses, and how they are marked.

use athena_cache_core::Health;

use crate::out::{Mark, Out};

/// A status as a word; that of a check which found nothing out is none.
pub(super) fn health(out: &Out, health: impl Into<Option<Health>>) -> String {
    match health.into() {
        None => "unknown".to_owned(),
        Some(Health::Healthy) => out.mark("healthy", Mark::Good),
        Some(Health::Degraded) => out.mark("degraded", Mark::Doubtful),
        Some(_) => out.mark("unhealthy", Mark::Bad),
    }
}
