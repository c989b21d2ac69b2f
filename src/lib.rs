//! A caching attribute for async functions whose cache failures never become the caller's.
//!
//! ```
//! use athena_cache::{Cache, athena_cache, athena_invalidate, of};
//!
//! #[athena_cache(ttl = "5m", grace = "1h", tags = ["category:{category}"])]
//! async fn products(category: &str) -> Result<Vec<String>, std::io::Error> {
//!     Ok(vec![format!("the first of {category}")]) // slow, in real life
//! }
//!
//! #[athena_invalidate(tags = ["category:{category}"])]
//! async fn add_product(category: &str, name: &str) -> Result<(), std::io::Error> {
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::builder("shop").build()?;
//! cache.install();
//!
//! products("books").await?; // runs the function
//! products("books").await?; // does not
//! add_product("books", "Dune").await?;
//! let seen = of(products("books")).observe().await?;
//! assert_eq!(seen.outcome.label(), "MISS"); // the tag was invalidated
//! # Ok(())
//! # }
//! ```
//!
#![doc = include_str!("guide/links.md")]
#![doc = include_str!("../docs/uses.md")]
//!
//! # What is where
//!
//! | for | see |
//! |---|---|
//! | the options of a function | [`macro@athena_cache`], [`macro@athena_invalidate`] |
//! | asking about one call: its key, outcome, entry | [`of`] |
//! | set-up, how old a value may be, recipes, monitoring, symptoms | [`guide`] |
//! | options that other libraries have | [`guide::options`] |
//! | entries without macros | [`Cache::entry`], [`Cache::batch`] |
//! | settings, from code or a file | [`Cache::builder`], [`Settings`], [`Resilience`] |
//! | what happens while a backend is away | [`Fallback`], [`Invalidated`] |
//! | counters, events | [`Cache::report`], [`Cache::history`], [`Observer`] |
//! | health, everything for operators | [`Cache::health_checks`], [`Cache::status`] |
//! | tests of a service | [`Cache::scope`], `testing` |
//! | a backend of your own | [`backend`] |
//!
//! # Promises
//!
//! * A load runs at most once per call, and its result reaches the caller unchanged. What goes wrong in
//!   the cache is an [`Event`], and an error only where a function asks for one (`fallback = FailFast`,
//!   `hard_timeout`).
//! * A caller that arrives after an invalidation of this process completed gets nothing from before it,
//!   neither from a tier nor from a load that was already running.
//! * Past its ttl a value answers only within `grace`, flagged [`stale`](Outcome::stale); what is served
//!   without the backend's word is flagged [`degraded`](Outcome::degraded).
//! * One call waits for a backend that hangs for one [`Resilience::attempt_timeout`], or for the
//!   [`Resilience::deadline`] where a node has to be connected to first, or told of an invalidation that waits; a
//!   backend known to be away is not waited for.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `redis` | the Redis backend |
//! | `redis-tls` | `rediss://` with rustls |
//! | `json` | JSON for types that postcard cannot read back, and values that leave fields out |
//! | `testing` | a manual clock, a backend in memory, one that fails on demand, the conformance suite |
//!
//! It runs on tokio with time enabled; the `redis` feature also needs I/O.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub use athena_cache_core::{
    Answerer, AsyncCall, Background, Backup, Batch, BreakerSettings, BreakerState, Builder, Cache,
    CacheOutcomes, Carry, Closed, ClusterStatus, Collector, Defect, Distribution, Entry, Error,
    Event, ExchangeReport, Fact, FailoverStatus, Fallback, Finding, Format, Health, HealthChecks,
    HealthEntry, HealthPolicy, HealthReport, HealthSettings, History, Holds, HotEntry, Invalidated,
    Jitter, JournalStatus, Json, Local, MaintenanceStatus, Memory, MemoryRole, Moment, Need,
    NeutralHealth, NodeStatus, NotKept, Observed, Observer, Occurrence, OccurrenceKind, Of,
    Outcome, Percent, Performance, Postcard, ProcessStatus, Progress, Quiet, Rates, Reconnection,
    RecoverySettings, RecoveryStatus, RecoveryStep, RegionReplication, RegionSettings,
    RegionStanding, RegionStatus, Report, Resilience, Restore, RestoreMode, Restored,
    RetrySettings, ServerStatus, Settings, SiteRates, SiteReport, SiteSettings, Source, Stats,
    Status, StepCount, StepResult, SwitchReason, Topic, Traffic, TrustStatus, Typed, Verified,
    Verify, WaitReport, WarmUp, WarmedUp, backend, escape, of, tag,
};
pub use athena_cache_macros::{athena_cache, athena_invalidate};
#[cfg(feature = "redis")]
pub use athena_cache_redis::{
    Connections, Credentials, Error as RedisError, MaintenanceNotices, Redis, RedisConfig,
    TlsConfig,
};

#[cfg(feature = "testing")]
pub use athena_cache_core::testing;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing {
    //! What reads bytes from outside, for tests and fuzzers.
    pub use athena_cache_core::fuzzing::*;

    /// The same of what Redis says.
    #[cfg(feature = "redis")]
    pub mod redis {
        pub use athena_cache_redis::fuzzing::*;
    }
}

#[doc(hidden)]
pub use athena_cache_core::private as __private;

#[cfg(any(doc, doctest))]
pub mod guide;
