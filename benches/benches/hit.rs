//! A hit in memory through the attribute, against a `get` of moka's future cache with a ttl.

use std::hint::black_box;
use std::time::Duration;

use athena_cache::{Cache, athena_cache};
use criterion::Criterion;

/// 64 bytes.
pub(crate) type Value = [u64; 8];

#[athena_cache(ttl = "5m")]
async fn product(name: &str) -> Result<Value, std::io::Error> {
    Ok([name.len() as u64; 8])
}

#[athena_cache(ttl = "5m", tags = ["products", "product:{name}"])]
async fn tagged(name: &str) -> Result<Value, std::io::Error> {
    Ok([name.len() as u64; 8])
}

#[athena_cache(ttl = "5m", key = "product:{name}")]
async fn named(name: &str) -> Result<Value, std::io::Error> {
    Ok([name.len() as u64; 8])
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    let moka = moka::future::Cache::builder()
        .max_capacity(10_000)
        .time_to_live(Duration::from_secs(300))
        .build_with_hasher(foldhash::fast::RandomState::default());
    let cache = Cache::in_memory("bench");
    cache.install();
    runtime.block_on(async {
        moka.insert("books".to_owned(), [1_u64; 8]).await;
        let _ = product("books").await;
        let _ = tagged("books").await;
        let _ = named("books").await;
    });
    let mut group = criterion.benchmark_group("hit");
    group.bench_function("moka", |bencher| {
        bencher.to_async(&runtime).iter(|| async { moka.get(black_box("books")).await });
    });
    group.bench_function("athena", |bencher| {
        bencher.to_async(&runtime).iter(|| async { product(black_box("books")).await });
    });
    group.bench_function("athena, tagged", |bencher| {
        bencher.to_async(&runtime).iter(|| async { tagged(black_box("books")).await });
    });
    group.bench_function("athena, named", |bencher| {
        bencher.to_async(&runtime).iter(|| async { named(black_box("books")).await });
    });
    group.finish();
    let allocations = allocation_counter::measure(|| {
        runtime.block_on(async { black_box(product(black_box("books")).await).ok() });
    });
    let around = allocation_counter::measure(|| {
        runtime.block_on(async { black_box(()) });
    });
    report(allocations.count_total - around.count_total);
}

fn report(allocations: u64) {
    crate::report::fact(format!("allocations per hit in memory: {allocations}"));
}
