//! What keeps a failing backend from hurting callers.
//!
//! Invariant: nothing in this folder awaits or reads a clock; it is told the time and decides.

pub(crate) mod breaker;
pub(crate) mod deadline;
