//! What services show of a cache, without a network.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]
#![allow(unreachable_pub, missing_docs, reason = "nobody depends on a test")]

#[cfg(feature = "dashboard")]
mod actions;
#[cfg(feature = "dashboard")]
mod api;
mod asked;
#[cfg(feature = "dashboard")]
mod backups;
#[cfg(feature = "dashboard")]
mod examined;
mod layer;
#[cfg(feature = "dashboard")]
#[path = "../support/many.rs"]
mod many;
#[cfg(feature = "dashboard")]
mod refused;
mod routes;
