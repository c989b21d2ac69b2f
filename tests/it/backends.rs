//! The backends of this crate keep what a backend promises.

use std::sync::Arc;

use athena_cache::testing::conformance;
use athena_cache::testing::{ChaosBackend, ManualClock, MemoryBackend};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_backend_conforms() {
    conformance::check(Arc::new(MemoryBackend::new())).await;
}

#[tokio::test]
async fn the_memory_backend_conforms_on_a_clock_that_is_moved() {
    let clock = ManualClock::new();
    let backend = Arc::new(MemoryBackend::with_clock(&clock));
    conformance::check_on_clock(backend, move |time| clock.advance(time)).await;
}

#[tokio::test]
async fn a_chaos_backend_that_is_left_alone_conforms() {
    conformance::check(Arc::new(ChaosBackend::new(MemoryBackend::new(), 1))).await;
}
