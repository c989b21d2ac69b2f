//! What tests of services, backends and of this library need.

mod chaos;
pub mod conformance;
mod store;

pub use crate::clock::ManualClock;
pub use crate::coherence::guards::Guard;
pub use chaos::{Chaos, ChaosBackend, Fault};
pub use store::{Connection, MemoryBackend};
