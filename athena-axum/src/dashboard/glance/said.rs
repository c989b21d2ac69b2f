//! Sentences, and how much attention they want.

use serde::Serialize;

/// Of loads, from which share on their failures are worth a word.
pub(super) const MANY_FAIL: f64 = 0.05;

/// How much attention something wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in super::super) enum Level {
    /// None.
    Calm,
    /// Something is wrong, and callers are served.
    Notice,
    /// Callers are hurt, or the cache does not do its work.
    Trouble,
}

/// A sentence, and how much attention it wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in super::super) struct Said {
    pub(in super::super) level: Level,
    pub(super) text: String,
}

impl Said {
    pub(super) fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, text: text.into() }
    }
}
