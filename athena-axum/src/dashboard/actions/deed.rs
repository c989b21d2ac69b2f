//! What came of an action.
//!
//! Invariant: it says in words what was done, and nothing of what is stored but what was asked for.

use std::borrow::Cow;

use athena_cache_core::HeldEntry;
use serde::Serialize;

use crate::dashboard::doctor::Told;

/// What came of an action.
#[derive(Debug, Serialize)]
pub(super) struct Deed {
    #[serde(rename = "done")]
    pub(super) is_done: bool,
    pub(super) text: Cow<'static, str>,
    /// What is stored, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) found: Option<HeldEntry>,
    /// What is wrong, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) diagnosis: Option<Told>,
}

impl Deed {
    pub(super) fn told(is_done: bool, text: impl Into<Cow<'static, str>>) -> Self {
        Self { is_done, text: text.into(), found: None, diagnosis: None }
    }

    pub(super) fn diagnosed(found: Result<Told, String>) -> Self {
        match found {
            Ok(told) => {
                Self { text: told.text().into(), diagnosis: Some(told), ..Self::told(true, "") }
            }
            Err(why) => Self { text: why.into(), ..Self::told(false, "") },
        }
    }
}
