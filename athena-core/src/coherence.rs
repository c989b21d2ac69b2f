//! What keeps values that were invalidated from being served.

pub(crate) mod generation;
pub(crate) mod journal;
pub(crate) mod lease;
