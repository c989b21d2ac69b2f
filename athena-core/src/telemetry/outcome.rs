//! What one caller got.

use std::time::Duration;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The memory tier.
    Memory,
    /// The backend.
    Backend,
    /// The function, run for this call or for another one that this call joined.
    Load,
    /// The function, with no cache involved.
    Bypass,
}

/// What one call got, beside its value.
///
/// ```
/// use athena_cache_core::Outcome;
///
/// fn header(outcome: &Outcome) -> &'static str {
///     match outcome {
///         outcome if outcome.degraded => "DEGRADED",
///         outcome if outcome.stale => "STALE",
///         outcome if outcome.is_hit() => "HIT",
///         _ => "MISS",
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Where the value came from.
    pub source: Source,
    /// Time since the value was loaded; zero when it was loaded for this call.
    pub age: Duration,
    /// Whether the value is past its ttl.
    pub stale: bool,
    /// Whether it was served without the backend's word, because the backend could not answer.
    pub degraded: bool,
    /// Whether this call waited for the work of another one.
    pub joined: bool,
    /// Why no cache was involved, if none was.
    pub reason: Option<&'static str>,
}

impl Outcome {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            age: Duration::ZERO,
            stale: false,
            degraded: false,
            joined: false,
            reason: None,
        }
    }

    /// That of a function which ran without a cache.
    pub(crate) fn bypass(reason: &'static str) -> Self {
        Self { reason: Some(reason), ..Self::new(Source::Bypass) }
    }

    /// Whether the value came from a tier, fresh or stale.
    pub fn is_hit(&self) -> bool {
        matches!(self.source, Source::Memory | Source::Backend)
    }

    /// The value of an `x-athena-cache` header: `HIT`, `MISS`, `STALE` or `BYPASS`.
    pub fn label(&self) -> &'static str {
        match self.source {
            Source::Memory | Source::Backend if self.stale => "STALE",
            Source::Memory | Source::Backend => "HIT",
            Source::Load => "MISS",
            Source::Bypass => "BYPASS",
        }
    }
}
