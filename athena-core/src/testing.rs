//! What tests of services, backends and of this library need.

mod chaos;
mod store;

pub use crate::clock::ManualClock;
pub use crate::coherence::damage::Guard;
pub use chaos::{Chaos, ChaosBackend, Fault};
pub use store::{Connection, MemoryBackend};
