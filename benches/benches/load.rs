//! What a load costs beside the function: single-flight and storing, on keys that are always cold,
//! against `try_get_with` of moka, which loads once per key as well.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use athena_cache::{Cache, athena_cache};
use criterion::Criterion;

#[athena_cache(ttl = "5m")]
async fn cold(number: u64) -> Result<u64, Infallible> {
    Ok(number)
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let moka = moka::future::Cache::builder()
        .max_capacity(10_000)
        .time_to_live(Duration::from_secs(300))
        .build_with_hasher(foldhash::fast::RandomState::default());
    Cache::in_memory("bench").install();
    let mut group = criterion.benchmark_group("load");
    let mut number = 0_u64;
    group.bench_function("moka", |bencher| {
        bencher.iter(|| {
            number += 1;
            let load = async { Ok::<_, Infallible>(number) };
            runtime.block_on(moka.try_get_with(black_box(number), load))
        });
    });
    group.bench_function("athena", |bencher| {
        bencher.iter(|| {
            number += 1;
            runtime.block_on(cold(black_box(number)))
        });
    });
    group.finish();
}
