//! Whether the cache does its work: what checks find, and what follows from it.
//!
//! Invariant: pure; who asks is `checks`.

mod document;
mod finding;
mod report;
mod verdict;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use document::NeutralHealth;
pub use finding::{Fact, Finding};
pub use report::{HealthEntry, HealthReport};
pub(crate) use verdict::{HealthPart, Standing};
pub use verdict::{HealthPolicy, Need};

/// How a cache, or one part of it, fares.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Health {
    /// Every tier does its work.
    #[default]
    Healthy,
    /// The backend does not answer, or does not do what it is asked: it is full, or what is needed is not
    /// allowed. Functions run as their fallback says.
    Degraded,
    /// The cache is closed, or it has no tier to do its work: the backend lets it not in, or is not reached, and
    /// memory is off. Functions run uncached.
    Unhealthy,
}

impl Health {
    /// A short name, as used in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// The name that health pages know it by.
    fn title(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Unhealthy => "Unhealthy",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
