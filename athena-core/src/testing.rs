//! What tests of services, backends and of this library need.

mod chaos;
pub mod conformance;
mod store;

pub use crate::clock::ManualClock;
pub use crate::coherence::guards::Guard;
pub use chaos::{Chaos, ChaosBackend, Fault};
pub use store::{Connection, MemoryBackend};

/// Counts so many hits in memory of a function that no cache has, as a hit does: what counting costs, for benches.
#[doc(hidden)]
pub fn count_hits(cache: &crate::Cache, hits: u64) {
    use crate::telemetry::{Source, Topic};
    for _ in 0..hits {
        let topic = Topic::everything;
        std::hint::black_box(cache.runtime().telemetry.hit(None, Source::Memory, &topic));
    }
}
