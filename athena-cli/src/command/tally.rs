//! Words of the statuses, and how they are marked.

use athena_cache_core::Health;

use crate::out::{Mark, Out};

/// A status as a word.
pub(super) fn health(out: &Out, health: Health) -> String {
    match health {
        Health::Healthy => out.mark("healthy", Mark::Good),
        Health::Degraded => out.mark("degraded", Mark::Doubtful),
        _ => out.mark("unhealthy", Mark::Bad),
    }
}
