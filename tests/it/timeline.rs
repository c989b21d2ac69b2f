//! What rarely happens, how long things take, and which entries are hot.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Answerer, Cache, Event, Observer, OccurrenceKind, athena_cache};

use crate::world::{Fault, Remote, World};

const SECOND: Duration = Duration::from_secs(1);

#[athena_cache(ttl = "1h", name = "timeline::user", cache = cache)]
async fn user(cache: &Cache, id: u64) -> Result<u64, Fault> {
    Ok(id)
}

#[athena_cache(ttl = "10s", grace = "1h", name = "timeline::slow", skip(clock), cache = cache)]
async fn slow(cache: &Cache, clock: &athena_cache::testing::ManualClock, id: u64) -> u64 {
    clock.advance(Duration::from_millis(40));
    id
}

fn waited(cache: &Cache, tier: Answerer) -> (u64, f64) {
    let waits = cache.report().waits;
    let took = &waits.iter().find(|wait| wait.tier == tier).unwrap().took;
    (took.count, took.sum)
}

#[tokio::test]
async fn calls_are_timed_by_what_answers_them_and_hits_are_not() {
    let world = World::in_memory();
    let cache = &world.cache;
    for _ in 0..100 {
        slow(cache, &world.clock, 1).await;
    }
    assert_eq!(waited(cache, Answerer::Memory).0, 0, "99 hits, of which none is in the sample");
    let (count, sum) = waited(cache, Answerer::Load);
    assert!(count == 1 && (sum - 0.04).abs() < 1e-9, "{sum}");
    assert_eq!(waited(cache, Answerer::Joined).0 + waited(cache, Answerer::Backend).0, 0);
}

#[tokio::test]
async fn one_hit_of_1024_is_looked_up_once_more_and_noted_as_hot() {
    let world = World::in_memory();
    let cache = &world.cache;
    for _ in 0..10 * 1_024 {
        user(cache, 7).await.unwrap();
    }
    for id in 0..50 {
        user(cache, id).await.unwrap();
    }
    let (count, _) = waited(cache, Answerer::Memory);
    assert!((9..=10).contains(&count), "{count}");
    let hot = cache.hot();
    assert_eq!((hot.len(), hot[0].topic.function()), (1, Some("timeline::user")));
    assert!((9 * 1_024..=10 * 1_024).contains(&hot[0].hits), "{hot:?}");
    assert!(hot[0].topic.key().contains('7'), "it is for programs");
    let shown = serde_json::to_string(&cache.report()).unwrap();
    assert!(!shown.contains("#7") && !shown.contains("$7"), "and stands in no report: {shown}");
}

#[tokio::test]
async fn exchanges_are_counted_by_node_and_operation() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    user(cache, 1).await.unwrap();
    cache.settle().await;
    remote.chaos.on("read", Chaotic::Error(Class::Timeout));
    let _ = cache.entry("k").get::<u8>().await;
    let exchanges = cache.report().exchanges;
    let counts: Vec<_> = exchanges
        .iter()
        .map(|it| (it.operation, it.took.count, it.failures.get("timeout")))
        .collect();
    let reads = counts.iter().find(|(operation, ..)| *operation == "read").unwrap();
    assert!(reads.1 >= 2 && reads.2.is_some(), "{counts:?}");
    assert!(
        counts.iter().any(|(operation, count, _)| *operation == "fill" && *count == 1),
        "{counts:?}"
    );
}

#[derive(Debug, Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Observer for Calls {
    fn observe(&self, event: &Event<'_>) {
        let told = match event {
            Event::Answered { outcome, .. } => {
                format!("answered {} {}", event.site().unwrap_or("by hand"), outcome.label())
            }
            Event::Asked { operation, class, .. } => {
                format!("asked {operation} {}", class.map_or("ok", Class::name))
            }
            _ => return,
        };
        self.0.lock().unwrap().push(told);
    }

    fn wants_calls(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn observers_who_want_them_hear_of_slow_calls_and_exchanges() {
    let calls = Calls::default();
    let remote = Remote::with(|builder| {
        builder.memory(athena_cache::Memory::default()).observer(calls.clone())
    });
    let cache = &remote.world.cache;
    for _ in 0..3 {
        user(cache, 1).await.unwrap();
        cache.settle().await;
    }
    let told = calls.0.lock().unwrap().clone();
    let answered: Vec<_> = told.iter().filter(|it| it.starts_with("answered")).collect();
    assert_eq!(answered, ["answered timeline::user MISS"], "hits are none of them: {told:?}");
    assert!(
        told.contains(&"asked read ok".to_owned()) && told.contains(&"asked fill ok".to_owned())
    );
}

#[tokio::test]
async fn what_rarely_happens_is_on_the_timeline_without_keys() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    cache.settle().await;
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    for id in 0..40 {
        let _ = cache.entry(format!("secret:{id}")).get::<u8>().await;
        remote.world.advance(Duration::from_millis(10));
    }
    let _ = cache.invalidate("secret:1").await;
    cache.acted("cleared `shop`", "ann");
    cache.isolate(SECOND);
    let timeline = cache.timeline();
    let kinds: Vec<_> = timeline.iter().map(|it| it.kind).collect();
    for kind in [
        OccurrenceKind::Breaker,
        OccurrenceKind::Journal,
        OccurrenceKind::Action,
        OccurrenceKind::Isolation,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} in {timeline:#?}");
    }
    let action = timeline.iter().find(|it| it.kind == OccurrenceKind::Action).unwrap();
    assert_eq!((&*action.text, action.actor.as_deref()), ("cleared `shop`", Some("ann")));
    let shown = serde_json::to_string(&timeline).unwrap();
    assert!(!shown.contains("secret"), "{shown}");
}
