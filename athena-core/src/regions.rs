//! Decisions for a namespace that has a second region: docs/protocol-regions.md.
//!
//! Invariant: nothing here awaits, logs or reads a clock, and nothing is taken for heard, told or settled before it
//! was acknowledged. `remote/regions.rs` obeys them.

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

pub(crate) use self::hearing::Hearing;
pub(crate) use self::maintenance::{Maintenance, MaintenanceAction};
pub(crate) use self::outbox::{Owed, Unapplied};
pub(crate) use self::pace::{RoundEnd, RoundPace};
pub(crate) use self::reach::Reach;
pub(crate) use self::round::{LogReading, RoundStep};
pub use self::router::{RegionStanding, SwitchReason};
pub(crate) use self::router::{Router, RouterSettings, Signs, Switch};
pub(crate) use self::untold::{Telling, Untold};
