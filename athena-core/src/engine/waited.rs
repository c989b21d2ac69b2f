//! What a call has waited for in vain: it does not wait for as much again.
//!
//! Invariant: it is known of one call. A load that another one begins, or nobody waits for, begins anew.

use std::sync::OnceLock;

use crate::backend::{Failure, Token};
use crate::lock::Mutex;
use crate::resilience::class::is_wait;

/// Of so many loads of others a call waits for the end: of the second one if the first has brought nothing.
///
/// What is invalidated all the time is kept by nobody, and whoever waits for its lease each time may never get it.
const MOST_HOLDERS: usize = 2;

/// What a call has waited for in vain.
#[derive(Debug, Default)]
pub(crate) struct Waited {
    /// How the backend has failed to answer in time, if it has (R8).
    unanswered: OnceLock<Failure>,
    holders: Mutex<HoldersMet>,
}

/// Those who held the lease when it was asked for.
#[derive(Debug, Default)]
struct HoldersMet {
    last: Option<Token>,
    count: usize,
}

impl Waited {
    /// How the backend has failed to answer in time, if it has: it is not asked for this call again.
    pub(super) fn unanswered(&self) -> Option<&Failure> {
        self.unanswered.get()
    }

    /// Notes how a question has failed.
    pub(super) fn note_failure(&self, failure: &Failure) {
        if is_wait(failure.class()) {
            let _ = self.unanswered.set(failure.clone());
        }
    }

    /// Notes who holds the lease that was asked for.
    pub(super) fn note_holder(&self, holder: Token) {
        let mut holders = self.holders.lock();
        if holders.last.replace(holder) != Some(holder) {
            holders.count += 1;
        }
    }

    /// Whether somebody holds it whose load is not to be waited for.
    pub(super) fn has_met_enough(&self) -> bool {
        self.holders.lock().count > MOST_HOLDERS
    }
}
