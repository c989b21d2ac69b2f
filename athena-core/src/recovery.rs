//! Sees to it, once a minute, that a cache gets well again where it does not by itself.
//!
//! Invariant: what the links do by themselves is left to them: who reconnects is asked only while they believe that
//! all is well and nobody answers. What decides is pure; what is done stands in the timeline.

mod supervision;
mod trouble;

pub(crate) use self::supervision::{Seen, Step, Supervision};
