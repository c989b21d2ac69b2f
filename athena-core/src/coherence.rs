//! What keeps outdated values from being served and stored.

pub(crate) mod cell;
pub(crate) mod guards;
pub(crate) mod heard;
pub(crate) mod joining;
pub(crate) mod revision;
pub(crate) mod session;
pub(crate) mod trust;
