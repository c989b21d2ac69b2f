//! What keeps outdated values from being served and stored.

pub(crate) mod change;
pub(crate) mod damage;
pub(crate) mod journal;
pub(crate) mod known;
pub(crate) mod lease;
pub(crate) mod recent;
pub(crate) mod trust;
pub(crate) mod wake;
