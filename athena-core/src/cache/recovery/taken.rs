//! What came of a step.
//!
//! Invariant: its text is shown to all, and names no node; what does stands in the details.

use std::borrow::Cow;

use crate::recovery::StepResult;

/// What came of a step, and what is to be said of it.
pub(super) struct TakenStep {
    pub(super) result: StepResult,
    /// Without addresses.
    pub(super) text: Cow<'static, str>,
    pub(super) details: String,
}

impl TakenStep {
    pub(super) fn new(result: StepResult, text: impl Into<Cow<'static, str>>) -> Self {
        Self { result, text: text.into(), details: String::new() }
    }

    pub(super) fn with(self, details: String) -> Self {
        Self { details, ..self }
    }
}
