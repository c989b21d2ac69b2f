//! What entries take in memory beyond their values, and whether they are counted for that.

use allocation_counter::measure;
use athena_cache::testing::MemoryBackend;
use athena_cache::{Builder, Cache, Memory, athena_cache};

use crate::runtime;

type Value = [u64; 8];

#[athena_cache(ttl = "1h", cache = cache)]
async fn plain(cache: &Cache, name: &str) -> Value {
    [name.len() as u64; 8]
}

#[athena_cache(ttl = "1h", tags = ["all", "own:{name}"], cache = cache)]
async fn tagged(cache: &Cache, name: &str) -> Value {
    [name.len() as u64; 8]
}

/// Over a doubling, since tables grow by doubling.
const ENTRIES: [usize; 3] = [10_000, 13_000, 17_000];
/// Fewer: a backend of tests takes its time.
const SHARED: [usize; 3] = [2_500, 3_250, 4_250];

/// Bytes that an entry takes beyond its value, and those that it is counted for.
struct PerEntry {
    taken: u64,
    counted: u64,
}

/// What so many calls leave in memory, and what the cache says of that.
fn left(
    names: &[String],
    builder: Builder,
    memory: Memory,
    call: &impl AsyncFn(&Cache, &str) -> Value,
) -> (u64, u64) {
    let runtime = runtime();
    let (mut builder, mut kept) = (Some(builder.memory(memory)), None);
    let info = measure(|| {
        runtime.block_on(async {
            let cache = kept.insert(builder.take().unwrap().build().unwrap());
            for name in names {
                call(cache, name).await;
            }
            cache.settle().await;
        });
    });
    (info.bytes_current.try_into().unwrap(), kept.unwrap().stats().memory_bytes)
}

/// Of entries whose names have so many bytes, in a cache with room for twice as many; less what is beside them.
fn per_entry(
    entries: [usize; 3],
    len: usize,
    build: impl Fn(&[String]) -> Builder,
    call: &impl AsyncFn(&Cache, &str) -> Value,
    beside: impl Fn(&[String]) -> u64,
) -> PerEntry {
    let all = entries.map(|entries| {
        let names: Vec<_> = (0..entries).map(|number| format!("{number:0len$}")).collect();
        let (entries, value) = (entries as u64, size_of::<Value>() as u64);
        let (taken, counted) = left(&names, build(&names), Memory::bounded(2 * entries), call);
        ((taken - beside(&names)) / entries - value, counted / entries - value)
    });
    let mean = |of: fn(&(u64, u64)) -> u64| all.iter().map(of).sum::<u64>() / 3;
    PerEntry { taken: mean(|it| it.0), counted: mean(|it| it.1) }
}

fn check(what: &str, PerEntry { taken, counted }: &PerEntry, most: u64) {
    eprintln!("{what}: {taken} bytes, counted for {counted}");
    assert!(*taken <= most, "{what}: {taken}");
    // Above, so that the bound in bytes is one; by no more than a quarter, so that room is not wasted.
    let is_counted = taken <= counted && counted * 4 <= taken * 5;
    assert!(is_counted, "{what}: {taken}, counted for {counted}");
}

#[test]
fn an_entry_takes_what_it_is_counted_for_and_that_is_little() {
    let (alone, nothing) = (|_: &[String]| Cache::builder("budget"), |_: &[String]| 0);
    check("alone", &per_entry(ENTRIES, 19, alone, &plain, nothing), 375);
    check("alone, long name", &per_entry(ENTRIES, 100, alone, &plain, nothing), 482);
    let tagged = per_entry(ENTRIES, 19, alone, &tagged, nothing);
    check("alone, two tags, one of its own", &tagged, 492);
}

/// A cache in front of what another process has loaded.
fn filled(names: &[String], call: &impl AsyncFn(&Cache, &str) -> Value) -> Builder {
    let store = MemoryBackend::new();
    let builder = Cache::builder("budget").backend(store.clone());
    let other = builder.memory(Memory::off()).build().unwrap();
    runtime().block_on(async {
        // As many as may be on their way to the backend.
        for names in names.chunks(100) {
            for name in names {
                call(&other, name).await;
            }
            other.settle().await;
        }
    });
    Cache::builder("budget").backend(store)
}

#[test]
fn an_entry_of_a_backend_takes_what_it_is_counted_for_and_little_more() {
    check_shared("shared", &plain, 510);
    check_shared("shared, two tags, one of its own", &tagged, 740);
}

fn check_shared(what: &str, call: &impl AsyncFn(&Cache, &str) -> Value, most: u64) {
    let filled = |names: &[String]| filled(names, call);
    // What the backend notes of who has read what.
    let beside = |names: &[String]| left(names, filled(names), Memory::off(), call).0;
    check(what, &per_entry(SHARED, 19, filled, call, beside), most);
}
