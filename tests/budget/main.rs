//! What a call may cost that does not depend on the machine: allocations, and the room that its future takes.
//!
//! What it costs in time is benched beside others (`benches/peers`), and not asserted.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod kept;

use std::future::Future;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use athena_cache::testing::MemoryBackend;
use athena_cache::{Cache, Collector, Memory, Percent, athena_cache};
use tokio::runtime::{Builder, Runtime};

#[athena_cache(ttl = "1h", cache = cache)]
async fn product(cache: &Cache, id: u64) -> String {
    format!("product {id}")
}

#[athena_cache(ttl = "1h", tags = ["products", "shop:{id}"], cache = cache)]
async fn labelled(cache: &Cache, id: u64) -> String {
    format!("product {id}")
}

#[athena_cache(ttl = "1h", tags = ["f:budget::tagged"], cache = cache)]
async fn tagged(cache: &Cache, id: u64) -> String {
    format!("product {id}")
}

#[athena_cache(ttl = "1h", grouped, cache = cache)]
async fn grouped(cache: &Cache, id: u64) -> String {
    format!("product {id}")
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn shared(memory: Memory) -> Cache {
    Cache::builder("budget").backend(MemoryBackend::new()).memory(memory).build().unwrap()
}

/// What a call allocates, once all that is made once is there.
fn allocations<F: Future>(cache: &Cache, mut call: impl FnMut() -> F) -> AllocationInfo {
    let runtime = runtime();
    runtime.block_on(async {
        for _ in 0..100 {
            call().await;
            cache.settle().await;
        }
    });
    let mut least: Option<AllocationInfo> = None;
    // The one with the least to do beside it.
    for _ in 0..20 {
        let info = measure(|| drop(runtime.block_on(call())));
        if least.as_ref().is_none_or(|least| info.count_total < least.count_total) {
            least = Some(info);
        }
        runtime.block_on(cache.settle());
    }
    least.unwrap()
}

fn within(what: &str, info: &AllocationInfo, count: u64, bytes: u64) {
    let AllocationInfo { count_total, bytes_total, .. } = info;
    eprintln!("{what}: {count_total} allocations, {bytes_total} bytes");
    assert!(*count_total <= count && *bytes_total <= bytes, "{what}: {info:?}");
}

#[test]
fn a_hit_in_memory_allocates_no_more_than_the_clone_of_its_value() {
    let cache = Cache::in_memory("budget");
    let info = allocations(&cache, || product(&cache, 1));
    within("hit in memory", &info, 1, 16);
}

#[test]
fn settings_of_functions_and_groups_cost_a_hit_nothing() {
    let never = Some(Percent::new(100));
    let cache = Cache::builder("budget")
        .site("budget::grouped", |site| (site.ttl, site.refresh) = (Some(Duration::MAX), never))
        .site("budget::other", |site| site.enabled = false)
        .build()
        .unwrap();
    for _ in 0..2 {
        within("with settings", &allocations(&cache, || grouped(&cache, 1)), 1, 16);
        within("without", &allocations(&cache, || product(&cache, 1)), 1, 16);
        cache.set_sites(cache.sites()).unwrap();
    }
}

#[test]
fn a_hit_that_is_collected_allocates_no_more_either() {
    let (cache, collector) = (Cache::in_memory("budget"), Collector::new());
    let info = allocations(&cache, || collector.scope(product(&cache, 1)));
    within("collected", &info, 1, 16);
    assert!(collector.outcomes().fresh > 0, "it was collected");
}

#[test]
fn a_group_costs_a_hit_in_the_backend_no_more_than_a_tag() {
    let cache = shared(Memory::off());
    let [group, tag] =
        [allocations(&cache, || grouped(&cache, 1)), allocations(&cache, || tagged(&cache, 1))];
    within("group", &group, tag.count_total, tag.bytes_total + 64);
}

#[test]
fn a_hit_in_the_backend_allocates_within_its_budget() {
    for (what, memory) in [("off", Memory::off()), ("fallback", Memory::fallback_only(100))] {
        let cache = shared(memory);
        within(what, &allocations(&cache, || product(&cache, 1)), 16, 2_850);
        within("two tags", &allocations(&cache, || labelled(&cache, 1)), 32, 3_600);
    }
}

#[test]
fn a_miss_allocates_within_its_budget() {
    let cache = shared(Memory::off());
    let mut id = 0;
    let info = allocations(&cache, || {
        id += 1;
        product(&cache, id)
    });
    within("miss", &info, 36, 9_700);
}

#[test]
fn a_call_is_a_small_future() {
    let cache = Cache::in_memory("budget");
    let size = size_of_val(&product(&cache, 1));
    assert!(size <= 512, "{size}");
}
