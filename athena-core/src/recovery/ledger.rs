//! What was done, counted, and what is wrong now.
//!
//! Invariant: whatever is done is here once, and the task that does it ends without loss of what was counted.

use std::collections::BTreeMap;

use serde::Serialize;

use super::step::{RecoveryStep, StepResult};
use crate::backend::Token;
use crate::clock::Clock;
use crate::lock::Mutex;
use crate::tasks::Sole;

/// How often a step was taken, and with what result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StepCount {
    /// What was done.
    pub step: RecoveryStep,
    /// What came of it.
    pub result: StepResult,
    /// How often.
    pub count: u64,
}

/// What the supervision of a cache has done.
#[derive(Debug)]
pub(crate) struct RecoveryLedger {
    /// The task that looks and does.
    pub(crate) task: Sole,
    written: Mutex<LedgerPages>,
}

#[derive(Debug, Default)]
struct LedgerPages {
    counts: BTreeMap<(RecoveryStep, StepResult), u64>,
    troubles: Vec<&'static str>,
    /// What holds the lease, or may hold it, since nobody said that it does not.
    token: Option<Token>,
    /// Whether it was said that it does.
    is_acting: bool,
}

impl RecoveryLedger {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { task: Sole::new(clock), written: Mutex::default() }
    }

    pub(crate) fn count(&self, step: RecoveryStep, result: StepResult) {
        *self.written.lock().counts.entry((step, result)).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> Vec<StepCount> {
        let written = self.written.lock();
        let counts = written.counts.iter();
        counts
            .map(|((step, result), count)| StepCount {
                step: *step,
                result: *result,
                count: *count,
            })
            .collect()
    }

    pub(crate) fn set_troubles(&self, troubles: Vec<&'static str>) {
        self.written.lock().troubles = troubles;
    }

    /// What is wrong now.
    pub(crate) fn troubles(&self) -> Vec<&'static str> {
        self.written.lock().troubles.clone()
    }

    /// What may hold the lease.
    pub(crate) fn token(&self) -> Option<Token> {
        self.written.lock().token
    }

    /// Notes what may hold the lease, and whether it does.
    pub(crate) fn note_lease(&self, token: Option<Token>, is_acting: bool) {
        let mut written = self.written.lock();
        (written.token, written.is_acting) = (token, is_acting);
    }

    /// Whether this process is the one that acts for all.
    pub(crate) fn is_acting(&self) -> bool {
        self.written.lock().is_acting
    }
}
