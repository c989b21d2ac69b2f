//! Annotated functions.

use std::sync::OnceLock;
use std::time::Duration;

use crate::key::site;
use crate::policy::{Fallback, Percent, Wishes};
use crate::telemetry::log;

/// One annotated function.
#[derive(Debug)]
pub struct Site {
    here: fn() -> &'static str,
    given: Option<&'static str>,
    pub(super) wishes: Wishes,
    path: OnceLock<&'static str>,
    number: OnceLock<Option<u32>>,
}

/// The options of one annotated function; what is `None` comes from the cache's settings.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the options of the attribute, documented there")]
pub struct SitePolicy {
    pub name: Option<&'static str>,
    pub version: u32,
    pub ttl: Option<Duration>,
    pub grace: Option<Duration>,
    pub negative_ttl: Option<Duration>,
    pub soft_timeout: Option<Duration>,
    pub hard_timeout: Option<Duration>,
    pub jitter: Option<u8>,
    pub refresh: Option<u8>,
    pub memory_only: bool,
    pub fallback: Option<Fallback>,
    pub remember_errors: bool,
}

impl SitePolicy {
    /// No option given.
    pub const NEW: Self = Self {
        name: None,
        version: 0,
        ttl: None,
        grace: None,
        negative_ttl: None,
        soft_timeout: None,
        hard_timeout: None,
        jitter: None,
        refresh: None,
        memory_only: false,
        fallback: None,
        remember_errors: false,
    };
}

impl Site {
    /// A function; `here` names an item inside it.
    pub const fn new(here: fn() -> &'static str, policy: SitePolicy) -> Self {
        let wishes = Wishes {
            ttl: policy.ttl,
            grace: policy.grace,
            jitter: share(policy.jitter),
            refresh: share(policy.refresh),
            soft_timeout: policy.soft_timeout,
            hard_timeout: policy.hard_timeout,
            negative_ttl: policy.negative_ttl,
            fallback: policy.fallback,
            memory_only: policy.memory_only,
            version: policy.version,
        };
        Self { here, given: policy.name, wishes, path: OnceLock::new(), number: OnceLock::new() }
    }

    /// The name: as given, else the path of the function.
    pub(super) fn name(&self) -> &'static str {
        self.given.unwrap_or_else(|| self.path())
    }

    /// The path of the function.
    #[inline]
    pub(super) fn path(&self) -> &'static str {
        self.path.get_or_init(|| {
            let here = (self.here)();
            without_closures(here.rsplit_once("::").map_or(here, |(function, _)| function))
        })
    }

    #[inline]
    pub(super) fn number(&'static self) -> Option<u32> {
        *self.number.get_or_init(|| {
            let number = site::number(self.name(), std::ptr::from_ref(self).addr());
            if number.is_none() {
                log::name_taken(self.name());
            }
            number
        })
    }
}

/// The function that a closure or an async body belongs to.
pub(super) fn without_closures(mut path: &'static str) -> &'static str {
    while let Some(outer) = path.strip_suffix("::{{closure}}") {
        path = outer;
    }
    path
}

const fn share(percent: Option<u8>) -> Option<Percent> {
    match percent {
        Some(percent) => Some(Percent::new(percent)),
        None => None,
    }
}
