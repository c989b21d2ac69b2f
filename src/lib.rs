//! A caching attribute for async functions whose cache failures never become the caller's.
pub use athena_cache_core::{
    Background, Batch, BreakerSettings, BreakerState, Builder, Cache, Carry, Closed, Entry, Error,
    Event, Fallback, Format, Health, Invalidated, Json, Local, Memory, NotKept, Observed, Observer,
    Of, Outcome, Percent, Postcard, Quiet, Resilience, Settings, Source, Stats, Typed, backend,
    escape, of, tag,
};
pub use athena_cache_macros::{athena_cache, athena_invalidate};
#[cfg(feature = "redis")]
pub use athena_cache_redis::{Error as RedisError, Redis, RedisConfig, TlsConfig};

#[cfg(feature = "testing")]
pub use athena_cache_core::testing;

#[doc(hidden)]
pub use athena_cache_core::private as __private;
