//! Sees to it, from time to time, that a cache gets well again where it does not by itself.
//!
//! Invariant: what the links do by themselves is left to them: who reconnects is asked only while they believe that
//! all is well and nobody answers. What decides is pure; what is done stands in the timeline.

mod ledger;
mod speed;
mod step;
mod supervision;
mod trouble;

pub(crate) use self::ledger::RecoveryLedger;
pub use self::ledger::StepCount;
pub(crate) use self::speed::{SpeedCounts, SpeedRecord};
pub use self::step::{RecoveryStep, StepResult};
pub(crate) use self::supervision::{Seen, Supervision};
