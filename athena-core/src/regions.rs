//! Decisions for a namespace that has a second region: docs/protocol.md, "Regions".
//!
//! Invariant: nothing here awaits, logs or reads a clock, and nothing is taken for heard, told or settled before it
//! was acknowledged. What obeys them is not there yet: no cache has a second region.

mod hearing;
mod maintenance;
#[cfg(test)]
mod model;
mod outbox;
mod pace;
mod reach;
mod round;
mod router;
mod untold;

pub(crate) use self::outbox::{Owed, Unapplied};
pub(crate) use self::reach::Reach;
pub(crate) use self::round::{LogReading, RoundStep};
pub(crate) use self::router::RouterSettings;
