//! What an athena-cache did, for systems that watch services.
//!
//! A cache counts, whether anybody reads it or not, and a [`Report`](athena_cache_core::Report) is all that it knows at one
//! moment. This crate writes reports as such systems read them:
//!
//! | feature | adds |
//! |---|---|
//! | (none) | [`prometheus`]: the text that Prometheus scrapes |
//! | `metrics` | `metrics`: the same through the facade of that crate |
//! | `opentelemetry` | `otel`: the same through OpenTelemetry's API |
//! | `doctor` | `doctor`: asks the servers of a cache, and says what is wrong with them |
//!
//! Invariant: nothing that is written holds a key, an argument, a tag or a value, and an address only if that was asked
//! for.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "doctor")]
pub mod doctor;
mod families;
#[cfg(any(feature = "metrics", feature = "opentelemetry", test))]
mod figures;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "opentelemetry")]
pub mod otel;
pub mod prometheus;
