//! Plays: several processes read, write and invalidate while Redis is broken and repaired; everything
//! is written down, and what the cache promises is checked afterwards.
//!
//! Include it beside the servers, with `#[path = "…/tests/oracle/mod.rs"] mod oracle;`. Every value tells
//! for which item and of which version it is. A [`play::Play`] says what is played; what came of it is
//! a [`report::Report`].
//!
//! Invariant: what decides about right and wrong ([`check`]) sees records alone, all of them with times
//! of one clock: a read is stamped before it begins, an invalidation after it has ended.

// Every program compiles all of it and uses a part.
#![allow(dead_code, reason = "shared by several programs")]
#![allow(clippy::expect_used, reason = "a play that cannot go on panics")]

pub(crate) mod callers;
pub(crate) mod check;
pub(crate) mod configuration;
pub(crate) mod duty;
pub(crate) mod expected;
pub(crate) mod fault;
mod furnished;
pub(crate) mod left;
pub(crate) mod perform;
pub(crate) mod play;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod record;
pub(crate) mod regions;
pub(crate) mod report;
pub(crate) mod sites;
pub(crate) mod source;
pub(crate) mod stage;
pub(crate) mod staleness;
pub(crate) mod story;
pub(crate) mod value;
pub(crate) mod workload;
