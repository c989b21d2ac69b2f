//! Reloading ahead of expiry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use athena_cache::Percent;

use crate::world::{FORMS, Fault, Gate, Origin, Remote, TTL, World, others_rest, until};

const THRESHOLD: Duration = Duration::from_secs(8); // 80 % of the ttl

#[tokio::test]
async fn e1_a_refresh_begins_only_on_access_past_the_threshold_and_delays_nobody() {
    for form in FORMS {
        for world in [World::in_memory(), Remote::new().world] {
            let (cache, origin, gate) = (&world.cache, Origin::default(), Gate::closed());
            form.background(cache, "k", origin.returns(Ok(1))).await;
            cache.settle().await;
            world.advance(THRESHOLD - Duration::from_millis(1));
            form.background(cache, "k", origin.returns(Ok(2))).await;
            others_rest().await;
            assert_eq!(origin.loads(), 1, "not before the threshold");
            world.advance(Duration::from_millis(1));
            others_rest().await;
            assert_eq!(origin.loads(), 1, "not without an access");
            for _ in 0..3 {
                let answer = form.background(cache, "k", origin.waits(&gate, Ok(3))).await;
                assert_eq!(answer.value, Ok(1), "the current value, at once");
                assert!(!answer.outcome.stale);
            }
            until("the refresh", || origin.loads() == 2).await;
            others_rest().await;
            assert_eq!(origin.loads(), 2, "one at a time");
            gate.open();
            cache.settle().await;
            let answer = form.background(cache, "k", origin.returns(Ok(4))).await;
            assert_eq!(answer.value, Ok(3), "{form:?}");
            assert_eq!(cache.stats().refreshes, 1);
        }
    }
}

#[tokio::test]
async fn e2_a_failed_refresh_is_tried_again_with_backoff_before_the_expiry() {
    for form in FORMS {
        let world = World::in_memory();
        let (cache, origin) = (&world.cache, Origin::default());
        form.background(cache, "k", origin.returns(Ok(1))).await;
        world.advance(THRESHOLD);
        for _ in 0..3 {
            form.background(cache, "k", origin.returns(Err(Fault::Down))).await;
            cache.settle().await;
        }
        assert_eq!(origin.loads(), 2, "not at once");
        world.advance(Duration::from_millis(200)); // a tenth of the two seconds left
        form.background(cache, "k", origin.returns(Ok(2))).await;
        cache.settle().await;
        assert_eq!(origin.loads(), 3);
        let answer = form.background(cache, "k", origin.returns(Ok(3))).await;
        assert_eq!(answer.value, Ok(2));
    }
}

#[tokio::test]
async fn e3_when_the_entry_expires_during_a_refresh_callers_wait_for_it() {
    for form in FORMS {
        let world = World::in_memory();
        let (origin, gate) = (Origin::default(), Gate::closed());
        form.background(&world.cache, "k", origin.returns(Ok(1))).await;
        world.advance(THRESHOLD);
        form.background(&world.cache, "k", origin.waits(&gate, Ok(2))).await;
        until("the refresh", || origin.loads() == 2).await;
        world.advance(TTL - THRESHOLD);
        let (cache, load) = (world.cache.clone(), origin.returns(Ok(3)));
        let caller = tokio::spawn(async move { form.background(&cache, "k", load).await });
        others_rest().await;
        assert!(!caller.is_finished());
        gate.open();
        assert_eq!(caller.await.unwrap().value, Ok(2));
        assert_eq!(origin.loads(), 2);
    }
}

#[tokio::test]
async fn e4_dropping_the_caller_that_triggered_it_changes_nothing() {
    for form in FORMS {
        let world = World::in_memory();
        let (origin, gate) = (Origin::default(), Gate::closed());
        form.background(&world.cache, "k", origin.returns(Ok(1))).await;
        world.advance(THRESHOLD);
        let (cache, load) = (world.cache.clone(), origin.waits(&gate, Ok(2)));
        let caller = tokio::spawn(async move { form.background(&cache, "k", load).await });
        until("the refresh", || origin.loads() == 2).await;
        caller.abort();
        others_rest().await;
        gate.open();
        world.cache.settle().await;
        let answer = form.background(&world.cache, "k", origin.returns(Ok(3))).await;
        assert_eq!(answer.value, Ok(2));
    }
}

#[tokio::test]
async fn an_invalidation_during_a_refresh_keeps_its_result_out() {
    for form in FORMS {
        for world in [World::in_memory(), Remote::new().world] {
            let (origin, gate) = (Origin::default(), Gate::closed());
            form.background(&world.cache, "k", origin.returns(Ok(1))).await;
            world.cache.settle().await;
            world.advance(THRESHOLD);
            form.background(&world.cache, "k", origin.waits(&gate, Ok(2))).await;
            until("the refresh", || origin.loads() == 2).await;
            let _ = world.cache.invalidate("background:k").await;
            gate.open();
            world.cache.settle().await;
            let answer = form.background(&world.cache, "k", origin.returns(Ok(3))).await;
            assert_eq!(answer.value, Ok(3));
        }
    }
}

#[tokio::test]
async fn a_share_at_which_there_is_nothing_to_refresh_begins_no_load() {
    let world = World::in_memory();
    for share in [0, 100] {
        let name = format!("at {share}");
        let (loads, share) = (Arc::new(AtomicU32::new(0)), Percent::new(share));
        for _ in 0..3 {
            let loads = Arc::clone(&loads);
            let entry = world.cache.entry(&name).ttl(TTL).in_background().refresh(share);
            let load = move || async move { Ok::<_, Fault>(loads.fetch_add(1, Ordering::Relaxed)) };
            assert_eq!(entry.get_or_load(load).await, Ok(0));
            world.cache.settle().await;
            world.advance(TTL / 4);
        }
        assert_eq!(loads.load(Ordering::Relaxed), 1, "{share}");
    }
}
