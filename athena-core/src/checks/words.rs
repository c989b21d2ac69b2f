//! What was told becomes a finding: pure.
//!
//! Invariant: nothing is healthy of which nobody told anything, and trouble outweighs what is unknown.

use crate::health::{Finding, Health};

/// Sentences that are shown at most.
const NAMED: usize = 5;

/// `trouble` if there is any; else what nobody told, if there is such; else all is well.
pub(super) fn judged(trouble: (Health, &[String]), untold: &[String], fine: &str) -> Finding {
    match (trouble, untold) {
        ((_, []), []) => Finding::healthy(fine),
        ((_, []), untold) => Finding::unknown(few(untold)),
        ((status, told), _) => Finding::of(status, few(told)),
    }
}

/// The first of many.
pub(super) fn few(told: &[String]) -> String {
    match told.len().checked_sub(NAMED) {
        Some(more @ 1..) => format!("{}; and {more} more", told[..NAMED].join("; ")),
        _ => told.join("; "),
    }
}
