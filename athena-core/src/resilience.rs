//! What keeps a failing backend from hurting callers.
//!
//! [`class`] says what follows from a failure, and [`complaint`] whether somebody is told; [`breaker`] stops asking; [`retry`], [`budget`] and
//! [`deadline`] say whether to ask again.
//!
//! Invariant: nothing in this folder awaits or reads a clock; it is told the time and decides.

pub(crate) mod backoff;
pub(crate) mod breaker;
pub(crate) mod budget;
pub(crate) mod class;
pub(crate) mod complaint;
pub(crate) mod deadline;
pub(crate) mod retry;
pub(crate) mod settings;
mod sync;
mod window;
