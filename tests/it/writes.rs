//! Loads that are faster than their values are written: callers wait for a permit, and for nothing else.

use std::time::Duration;

use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Memory, Resilience, athena_cache};

use crate::world::{Fault, Origin, Remote, TTL, once, others_rest};

const MS: Duration = Duration::from_millis(1);

/// A backend of which the only permit to write is taken by a fill that hangs.
async fn full() -> (Remote, Origin) {
    let remote = Remote::with(|builder| {
        let mut resilience = once(Resilience::default());
        resilience.max_pending_writes = 1;
        builder.resilience(resilience).memory(Memory::default())
    });
    let origin = Origin::default();
    remote.chaos.on("fill", Chaotic::Hang);
    let load = || origin.returns(Ok::<u32, Fault>(1));
    assert_eq!(remote.world.cache.entry("first").ttl(TTL).get_or_load(load).await, Ok(1));
    others_rest().await;
    (remote, origin)
}

#[tokio::test]
async fn an_error_does_not_wait_for_a_write_that_there_will_not_be() {
    let (remote, origin) = full().await;
    let (cache, load) = (remote.world.cache.clone(), origin.returns(Err::<u32, _>(Fault::Down)));
    let call =
        tokio::spawn(async move { cache.entry("second").ttl(TTL).get_or_load(|| load).await });
    others_rest().await;
    assert!(call.is_finished());
    assert_eq!(call.await.unwrap(), Err(Fault::Down));
}

#[athena_cache(ttl = "10s", unless = |value| *value == 0, skip(cache), cache = cache)]
async fn refused(cache: &Cache, value: u32) -> u32 {
    value
}

#[tokio::test]
async fn a_value_that_is_refused_does_not_wait_for_a_write_that_there_will_not_be() {
    let (remote, _) = full().await;
    let cache = remote.world.cache.clone();
    let call = tokio::spawn(async move { refused(&cache, 0).await });
    others_rest().await;
    assert!(call.is_finished());
}

#[tokio::test]
async fn the_hard_timeout_bounds_the_wait_for_a_write_as_well() {
    let (remote, origin) = full().await;
    let (cache, load) = (remote.world.cache.clone(), origin.returns(Ok::<u32, Fault>(2)));
    let call = tokio::spawn(async move {
        cache.entry("second").ttl(TTL).hard_timeout(20 * MS).get_or_load(|| load).await
    });
    others_rest().await;
    remote.world.advance(19 * MS);
    others_rest().await;
    assert!(!call.is_finished(), "it waits");
    remote.world.advance(MS);
    others_rest().await;
    assert!(call.is_finished());
    assert_eq!(call.await.unwrap(), Ok(2));
}

#[tokio::test]
async fn without_limits_of_its_own_a_caller_waits_as_long_as_one_attempt_to_write_may_take() {
    let (remote, origin) = full().await;
    let (cache, load) = (remote.world.cache.clone(), origin.returns(Ok::<u32, Fault>(2)));
    let call =
        tokio::spawn(async move { cache.entry("second").ttl(TTL).get_or_load(|| load).await });
    others_rest().await;
    remote.world.advance(Resilience::default().attempt_timeout - MS);
    others_rest().await;
    assert!(!call.is_finished(), "it waits");
    remote.world.advance(MS);
    others_rest().await;
    assert!(call.is_finished());
}

#[tokio::test]
async fn others_do_not_wait_for_the_write_and_nothing_is_lost_with_the_caller_who_does() {
    let (remote, origin) = full().await;
    let call = |value| {
        let (cache, load) = (remote.world.cache.clone(), origin.returns(Ok::<u32, Fault>(value)));
        tokio::spawn(async move { cache.entry("second").ttl(TTL).get_or_load(|| load).await })
    };
    let waiting = call(2);
    others_rest().await;
    assert!(!waiting.is_finished());
    assert_eq!(call(3).await.unwrap(), Ok(2));
    waiting.abort();
    others_rest().await;
    assert_eq!(call(4).await.unwrap(), Ok(2));
    assert_eq!(origin.loads(), 2);
}
