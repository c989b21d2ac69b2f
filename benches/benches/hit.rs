//! A hit in memory, where settings of functions are in force and where there are none.

use std::hint::black_box;

use athena_cache::testing::count_hits;
use athena_cache::{Cache, Percent, athena_cache};
use criterion::{BatchSize, Criterion};
use tokio::runtime::Builder;

#[athena_cache(ttl = "unlimited", cache = cache)]
async fn product(cache: &Cache, id: u64) -> u64 {
    id
}

#[athena_cache(ttl = "unlimited", grouped, cache = cache)]
async fn grouped(cache: &Cache, id: u64) -> u64 {
    id
}

#[athena_cache(ttl = "unlimited", cache = cache)]
fn blocking(cache: &Cache, id: u64) -> u64 {
    id
}

/// So many hits in a row, since one is too short to be measured.
const HITS: u64 = 1_000;

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let plain = Cache::builder("plain").build().unwrap();
    let set = Cache::builder("set")
        .site("ratios::hit::product", |site| site.refresh = Some(Percent::new(100)))
        .site("ratios::hit::other", |site| site.enabled = false)
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group("hit");
    for (name, cache) in [("plain", &plain), ("set", &set)] {
        group.bench_function(name, |bencher| {
            let hits =
                || runtime.block_on(async { hits(async |id| product(cache, id).await).await });
            bencher.iter_batched(|| (), |()| hits(), BatchSize::SmallInput);
        });
    }
    group.bench_function("counting alone", |bencher| {
        bencher.iter_batched(|| (), |()| count_hits(&plain, HITS), BatchSize::SmallInput);
    });
    group.bench_function("grouped", |bencher| {
        let hits = || runtime.block_on(async { hits(async |id| grouped(&plain, id).await).await });
        bencher.iter_batched(|| (), |()| hits(), BatchSize::SmallInput);
    });
    group.bench_function("blocking", |bencher| {
        let hits = || {
            (0..HITS).for_each(|id| {
                black_box(blocking(&plain, black_box(id % 8)));
            });
        };
        bencher.iter_batched(|| (), |()| hits(), BatchSize::SmallInput);
    });
    group.finish();
}

async fn hits(call: impl AsyncFn(u64) -> u64) {
    for id in 0..HITS {
        black_box(call(black_box(id % 8)).await);
    }
}
