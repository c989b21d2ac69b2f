//! The levels of the read path: memory and backend.

pub(crate) mod memory;
pub(crate) mod remote;
