//! A backend that does not let a process do everything.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use athena_cache::backend::{Ability, Class};
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Event, Health, Invalidated, Observer, Resilience, Source};

use crate::world::{FORMS, Origin, Remote};

/// How long what nobody announces is fresh.
fn window() -> Duration {
    Resilience::default().trust_window
}

#[tokio::test]
async fn where_a_lease_could_not_be_given_back_none_is_asked_for_and_nothing_is_written() {
    for form in FORMS {
        let remote = Remote::tiered();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        remote.chaos.withhold(&[Ability::Lease]);
        let answer = form.plain(cache, "k", origin.returns(Ok(1))).await;
        assert_eq!((answer.value, answer.outcome.source), (Ok(1), Source::Load));
        cache.settle().await;
        assert_eq!(remote.chaos.operations(), ["read"], "it looks, for others may have stored it");
        let stats = cache.stats();
        assert_eq!((stats.unleased_loads, stats.fills, stats.refused), (1, 0, 0));
        assert_eq!(cache.health(), Health::Degraded);
        assert_eq!(cache.nodes()[0].lacks, [Ability::Lease]);

        // Coherence 18: fresh for the window from the beginning of the load, and no longer.
        remote.world.advance(window() - Duration::from_millis(1));
        let answer = form.plain(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!((answer.value, answer.outcome.source), (Ok(1), Source::Memory));
        remote.world.advance(Duration::from_millis(1));
        let answer = form.plain(cache, "k", origin.returns(Ok(2))).await;
        assert_eq!((answer.value, answer.outcome.degraded), (Ok(2), false));
        assert_eq!(origin.loads(), 2);

        remote.chaos.withhold(&[]);
        remote.world.advance(window());
        form.plain(cache, "k", origin.returns(Ok(3))).await;
        cache.settle().await;
        assert_eq!((cache.stats().fills, cache.health()), (1, Health::Healthy));
    }
}

#[tokio::test]
async fn an_invalidation_ends_what_is_kept_without_a_lease() {
    let remote = Remote::tiered();
    let (cache, origin) = (&remote.world.cache, Origin::default());
    remote.chaos.withhold(&[Ability::Lease]);
    let form = FORMS[0];
    form.plain(cache, "k", origin.returns(Ok(1))).await;
    assert_eq!(cache.clear().await, Invalidated::Done);
    let answer = form.plain(cache, "k", origin.returns(Ok(2))).await;
    assert_eq!(answer.value, Ok(2));
}

#[tokio::test]
async fn where_no_lease_may_be_taken_an_insert_fails_and_leaves_nothing_behind() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    cache.entry("k").insert(1_u32).await.unwrap();
    remote.chaos.withhold(&[Ability::Lease]);
    assert!(cache.entry("k").insert(2_u32).await.is_err());
    assert_eq!(cache.entry("k").get::<u32>().await.unwrap(), None, "the old value is outdated");
}

#[tokio::test]
async fn health_is_degraded_while_the_backend_refuses_its_work_and_for_a_while_after() {
    for (operation, class) in [
        ("read", Class::Denied),
        ("lease", Class::Denied),
        ("lease", Class::WriteRefused),
        ("fill", Class::Denied),
    ] {
        let remote = Remote::new();
        let (cache, origin) = (&remote.world.cache, Origin::default());
        let form = FORMS[0];
        form.plain(cache, "before", origin.returns(Ok(0))).await;
        cache.settle().await;
        assert_eq!(cache.health(), Health::Healthy);
        remote.chaos.on(operation, Chaotic::Error(class));
        form.plain(cache, "k", origin.returns(Ok(1))).await;
        cache.settle().await;
        assert_eq!(cache.health(), Health::Degraded, "{operation} {class}");
        // What is refused now and then is not well in between.
        remote.chaos.heal();
        remote.world.advance(Duration::from_secs(29));
        form.plain(cache, "another", origin.returns(Ok(1))).await;
        cache.settle().await;
        assert_eq!(cache.health(), Health::Degraded, "{operation} {class}");
        remote.world.advance(Duration::from_secs(1));
        assert_eq!(cache.health(), Health::Healthy, "{operation} {class}");
    }
}

/// Hears of nodes that do not do their work.
#[derive(Debug, Clone, Default)]
struct Complaints(Arc<Mutex<Vec<String>>>);

impl Observer for Complaints {
    fn observe(&self, event: &Event<'_>) {
        let text = match event {
            Event::Refused { failure, .. } => format!("refused: {}", failure.class()),
            Event::Relented { .. } => "relented".to_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(text);
    }
}

#[tokio::test]
async fn a_node_that_goes_on_saying_that_it_does_not_serve_is_told_of_once_and_not_healthy() {
    for (class, seconds) in [(Class::Moved, 2), (Class::Unready, 2), (Class::WriteRefused, 0)] {
        let heard = Complaints::default();
        let remote = Remote::with(|builder| builder.observer(heard.clone()));
        let (cache, origin, form) = (&remote.world.cache, Origin::default(), FORMS[0]);
        remote.chaos.on("lease", Chaotic::Error(class));
        for second in 0..=seconds {
            assert_eq!(*heard.0.lock().unwrap(), [""; 0], "{class} after {second} s");
            form.plain(cache, "k", origin.returns(Ok(1))).await;
            cache.settle().await;
            remote.world.advance(Duration::from_secs(1));
        }
        assert_eq!(*heard.0.lock().unwrap(), [format!("refused: {class}")]);
        assert_eq!(cache.health(), Health::Degraded, "{class}");
        assert!(cache.nodes()[0].refuses.is_some(), "{class}");
        form.plain(cache, "other", origin.returns(Ok(1))).await;
        assert_eq!(heard.0.lock().unwrap().len(), 1);

        remote.chaos.heal();
        remote.world.advance(Duration::from_secs(60));
        form.plain(cache, "another", origin.returns(Ok(1))).await;
        cache.settle().await;
        assert_eq!(heard.0.lock().unwrap()[1..], ["relented"], "{class}");
        assert_eq!((cache.health(), &cache.nodes()[0].refuses), (Health::Healthy, &None));
    }
}

#[tokio::test]
async fn what_costs_precision_alone_is_listed_and_does_not_degrade() {
    let remote = Remote::tiered();
    remote.chaos.withhold(&[Ability::Announce, Ability::Confirm]);
    let cache = &remote.world.cache;
    assert_eq!(cache.nodes()[0].lacks, [Ability::Announce, Ability::Confirm]);
    assert_eq!(cache.health(), Health::Healthy);
    for ability in [Ability::Read, Ability::Lease, Ability::Invalidate] {
        remote.chaos.withhold(&[ability]);
        assert_eq!(cache.health(), Health::Degraded, "{ability}");
    }
}

#[tokio::test]
async fn who_may_not_write_generations_and_may_remove_them_invalidates_by_that() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    cache.entry("k").tags(["t"]).insert(1_u32).await.unwrap();
    remote.chaos.on("bump", Chaotic::Error(Class::Denied));
    assert_eq!(cache.invalidate_tag("t").await, Invalidated::Done);
    assert_eq!(remote.neighbour().entry("k").get::<u32>().await.unwrap(), None);
}
