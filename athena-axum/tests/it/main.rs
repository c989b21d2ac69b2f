//! What services show of a cache, without a network.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]
#![allow(unreachable_pub, missing_docs, reason = "nobody depends on a test")]

#[cfg(feature = "dashboard")]
mod actions;
#[cfg(feature = "dashboard")]
mod api;
mod asked;
mod layer;
mod routes;
