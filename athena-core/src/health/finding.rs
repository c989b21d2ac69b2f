//! What one check finds.
//!
//! Invariant: texts are excerpts of bounded length, and no number is one that JSON cannot hold.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Health;
use crate::excerpt::Message;

/// What a check found: how the thing fares, a sentence, and figures.
///
/// ```
/// use athena_cache_core::Finding;
///
/// let finding = Finding::degraded("2 GiB free, expected 10 GiB").with("freeBytes", 2_u64 << 30);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub(super) status: Option<Health>,
    pub(super) description: Option<String>,
    pub(super) data: BTreeMap<String, Fact>,
    /// Whether no node of the backend does its work.
    pub(crate) none_serves: bool,
}

/// A figure of a check.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Fact {
    /// Whether something is so.
    Flag(bool),
    /// How many.
    Count(u64),
    /// How much; `null` where it is no number.
    Amount(f64),
    /// What.
    Text(String),
}

impl Finding {
    /// All is well.
    pub fn healthy(description: impl fmt::Display) -> Self {
        Self::of(Health::Healthy, description)
    }

    /// It works, and not as it should.
    pub fn degraded(description: impl fmt::Display) -> Self {
        Self::of(Health::Degraded, description)
    }

    /// It does not work.
    pub fn unhealthy(description: impl fmt::Display) -> Self {
        Self::of(Health::Unhealthy, description)
    }

    /// Nobody told how it fares: that is neither well nor trouble, and no reason to take a service for either.
    pub fn unknown(description: impl fmt::Display) -> Self {
        Self::of(None, description)
    }

    /// The description is kept as one line of bounded length.
    pub(crate) fn of(status: impl Into<Option<Health>>, description: impl fmt::Display) -> Self {
        let description = Some(Message::of(description).to_string());
        Self { status: status.into(), description, data: BTreeMap::new(), none_serves: false }
    }

    /// How the thing fares; `None` if that was not found out.
    pub fn status(&self) -> Option<Health> {
        self.status
    }

    /// Adds a figure; names are written `likeThis`.
    #[must_use]
    pub fn with(mut self, name: &str, fact: impl Into<Fact>) -> Self {
        self.data.insert(Message::of(name).to_string(), fact.into());
        self
    }
}

impl From<bool> for Fact {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u64> for Fact {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Fact {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<f64> for Fact {
    fn from(amount: f64) -> Self {
        Self::Amount(amount)
    }
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Self::Text(Message::of(text).to_string())
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Self {
        Self::from(&*text)
    }
}
