//! The locks of the breaker: the standard library's, or loom's, which tries every interleaving.
//!
//! The switch is named `athena_loom` because tokio takes `loom` for itself.

#[cfg(all(test, athena_loom))]
pub(super) use loom::sync::{Arc, Mutex, MutexGuard};
#[cfg(not(all(test, athena_loom)))]
pub(super) use std::sync::{Arc, Mutex, MutexGuard};
