//! Annotated functions on a real Redis: what callers notice while it lives, hangs, dies and returns.
//!
//! Names begin with the row of the requirements or the case of the behaviour list that they show.

#![allow(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../oracle/mod.rs"]
mod oracle;

mod breaker;
mod bytes;
mod closing;
mod cluster;
mod coherence;
mod complaints;
mod disaster;
mod drill;
mod empty;
mod fallback;
mod health;
mod heavy;
mod invalidation;
mod log;
mod names;
mod pauses;
mod recovery;
mod regions;
mod rights;
mod schema;
mod sentinel;
mod starting;
mod strangers;
mod tiered;
mod traffic;
mod world;
