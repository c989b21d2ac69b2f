//! Settings of single functions, and all entries of one.

use std::time::Duration;

use athena_cache::{Cache, Invalidated, Source, athena_cache, athena_invalidate, of};

use crate::world::{Fault, Log, Origin, Remote, TTL, World};

#[athena_cache(ttl = "10s", grouped, skip(cache, origin), cache = cache)]
async fn products(cache: &Cache, origin: &Origin, id: u32) -> Result<u32, Fault> {
    Ok(origin.returns(id).await)
}

#[athena_invalidate(functions = [products], cache = cache)]
async fn change(cache: &Cache) {
    let _ = cache;
}

#[tokio::test]
async fn all_entries_of_a_function_are_invalidated_by_it() {
    let world = World::in_memory();
    let origin = Origin::default();
    for id in 0..3 {
        products(&world.cache, &origin, id).await.unwrap();
    }
    change(&world.cache).await;
    for id in 0..3 {
        products(&world.cache, &origin, id).await.unwrap();
    }
    assert_eq!(origin.loads(), 6);
    let done = world.cache.invalidate_function("it::functions::products").await.unwrap();
    assert_eq!(done, Invalidated::Done);
    products(&world.cache, &origin, 0).await.unwrap();
    assert_eq!(origin.loads(), 7);
}
