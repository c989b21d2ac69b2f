use std::future::Future;

use athena_cache::athena_cache;
use futures_util::future::BoxFuture;

#[athena_cache()]
fn product(id: u64) -> impl Future<Output = u64> {
    async move { id }
}

#[athena_cache()]
fn boxed(id: u64) -> BoxFuture<'static, u64> {
    Box::pin(async move { id })
}

fn main() {}
