//! Two processes of a service, each with callers and with changes of what it owns, while Redis is hostile: nobody
//! gets an error or a wrong value, and the processes stay what they were.
//!
//! The processes are the example `shop`; `cargo test` builds it.

mod cluster;
mod forgery;
mod member;
mod poison;
mod sentinel;
mod shops;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One drill at a time: what a process takes is measured, and a machine can do only so much.
fn alone() -> MutexGuard<'static, ()> {
    static PLACE: Mutex<()> = Mutex::new(());
    PLACE.lock().unwrap_or_else(PoisonError::into_inner)
}
