//! What a site wants, and what that decides for an entry.
//!
//! Invariant: nothing in this folder awaits, logs, or reads a clock.

use std::time::Duration;

pub(crate) mod course;
pub(crate) mod fallback;
pub(crate) mod freshness;
pub(crate) mod grace;
mod life;
mod percent;
pub(crate) mod span;
pub(crate) mod timeout;

pub use fallback::Fallback;
pub use percent::Percent;

/// Settings of one call, site and cache defaults merged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Policy {
    pub(crate) ttl: Duration,
    pub(crate) grace: Duration,
    pub(crate) throttle: Duration,
    pub(crate) jitter: Percent,
    pub(crate) refresh: Option<Percent>,
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) hard_timeout: Option<Duration>,
    pub(crate) negative_ttl: Option<Duration>,
    pub(crate) fallback: Fallback,
    pub(crate) memory_only: bool,
    pub(crate) version: u32,
}

/// What a site or an entry asks for; what is `None` comes from the cache's settings.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct SitePolicy {
    pub(crate) ttl: Option<Duration>,
    pub(crate) grace: Option<Duration>,
    pub(crate) jitter: Option<Percent>,
    pub(crate) refresh: Option<Percent>,
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) hard_timeout: Option<Duration>,
    pub(crate) negative_ttl: Option<Duration>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) memory_only: bool,
    pub(crate) version: u32,
}

/// What the types and the form of a function leave room for, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nature {
    /// Whether each value tells how long it is fresh.
    pub(crate) has_own_ttl: bool,
    /// Whether there may be no value, or an error that is remembered.
    pub(crate) may_be_negative: bool,
    /// Whether its thread stands still while it runs.
    pub(crate) is_blocking: bool,
}

impl Default for Nature {
    /// Nothing is known: there may be room for everything.
    fn default() -> Self {
        Self { has_own_ttl: false, may_be_negative: true, is_blocking: false }
    }
}

/// Defaults for every site of a cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Defaults {
    pub(crate) ttl: Duration,
    pub(crate) grace: Duration,
    pub(crate) throttle: Duration,
    pub(crate) jitter: Percent,
    pub(crate) fallback: Fallback,
}

/// Longest that anything is kept, so that no arithmetic on times overflows: a century.
pub(crate) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl Policy {
    /// Longest that the backend may keep what a load comes to: a value, that there is none, or an error.
    pub(crate) fn longest_life(&self) -> Duration {
        self.ttl.saturating_add(self.grace).max(self.negative_ttl.unwrap_or_default())
    }
}

impl SitePolicy {
    /// Whether the function's attribute makes a load that can go on without its caller.
    pub(crate) fn detaches(&self) -> bool {
        self.refresh.is_some() || self.soft_timeout.is_some()
    }

    /// Whether it makes errors of the cache the function's own.
    pub(crate) fn carries_errors(&self) -> bool {
        self.hard_timeout.is_some() || self.fallback == Some(Fallback::FailFast)
    }

    /// What the site says, and the defaults where there are none.
    pub(crate) fn over(&self, defaults: &Defaults) -> Policy {
        Policy {
            ttl: self.ttl.unwrap_or(defaults.ttl).min(LONGEST),
            grace: self.grace.unwrap_or(defaults.grace).min(LONGEST),
            throttle: defaults.throttle,
            jitter: self.jitter.unwrap_or(defaults.jitter),
            refresh: self.refresh,
            soft_timeout: self.soft_timeout,
            hard_timeout: self.hard_timeout,
            negative_ttl: self.negative_ttl.map(|ttl| ttl.min(LONGEST)),
            fallback: self.fallback.unwrap_or(defaults.fallback),
            memory_only: self.memory_only,
            version: self.version,
        }
    }
}
