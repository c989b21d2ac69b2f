//! What an athena-cache did, for systems that watch services.
//!
//! A cache counts, whether anybody reads it or not, and a [`Report`](athena_cache_core::Report) is all that it knows at one
//! moment. This crate writes reports as such systems read them:
//!
//! * [`prometheus`]: the text that Prometheus scrapes,
//! * `metrics` (feature `metrics`): through the facade of that crate,
//! * `otel` (feature `opentelemetry`): through OpenTelemetry's API.
//!
//! Invariant: nothing that is written holds a key, an argument, a tag or a value, and an address only if that was asked
//! for.

#[cfg(any(feature = "metrics", feature = "opentelemetry", test))]
mod figures;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "opentelemetry")]
pub mod otel;
pub mod prometheus;
