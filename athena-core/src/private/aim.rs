//! Keys and tags that `#[athena_invalidate]` aims at, and that a function should make.
//!
//! Invariant: nothing is told before functions had the time to be called, and one template is told of once.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Tick;
use crate::key::labels::{self, LabelKind, LabelMatch, Template};
use crate::runtime::Runtime;
use crate::telemetry::log;

/// One template of one function that invalidates.
pub struct Aim {
    function: &'static str,
    kind: LabelKind,
    template: Template,
    /// When it was missed first, in milliseconds and one more; 0 before, and the largest number once nothing is open.
    missed: AtomicU64,
}

/// The functions that make it may be called late.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
const SETTLED: u64 = u64::MAX;

impl Aim {
    /// A template of `function`.
    pub const fn new(function: &'static str, kind: LabelKind, template: Template) -> Self {
        Self { function, kind, template, missed: AtomicU64::new(0) }
    }

    /// Looks whether a function makes it, as far as functions were called.
    pub(super) fn check(&self, runtime: &Runtime) {
        let missed = self.missed.load(Ordering::Relaxed);
        if missed == SETTLED {
            return;
        }
        match labels::find(self.kind, self.template) {
            LabelMatch::Met => self.missed.store(SETTLED, Ordering::Relaxed),
            LabelMatch::Unknown => {}
            LabelMatch::Missed { function, label } => {
                let now = runtime.clock.now();
                if missed == 0 {
                    self.missed.store(now.as_millis() + 1, Ordering::Relaxed);
                } else if now >= Tick::from_millis(missed - 1).after(PATIENCE)
                    && self.missed.swap(SETTLED, Ordering::Relaxed) != SETTLED
                {
                    let template = labels::shown(self.template);
                    log::nothing_so_labelled(self.function, &template, function, &label);
                }
            }
        }
    }
}

impl fmt::Debug for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aim").field("template", &self.template).finish_non_exhaustive()
    }
}
