//! Values that do not get through to or from the backend in time, and those that are too large for it.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{BreakerState, Cache, Health, Invalidated, Resilience, Source, Stats};

use crate::world::{self, FORMS, Fault, Form, Log, Origin, Remote, others_rest, refreshed};

/// The longest for which a name is left alone after it was given up once.
const FIRST_REST: Duration = Duration::from_millis(1_200);

fn attempt() -> Duration {
    Resilience::default().attempt_timeout
}

/// What a call comes to while the clock goes on for one attempt.
async fn outlasting<T>(remote: &Remote, call: impl Future<Output = T>) -> T {
    let time = async {
        others_rest().await;
        remote.world.advance(attempt());
    };
    tokio::join!(call, time).0
}

async fn ask(form: Form, cache: &Cache, origin: &Origin, value: u32) -> (Source, u32) {
    world::ask(form, cache, "k", origin, value).await
}

async fn stored(form: Form, remote: &Remote, origin: &Origin) {
    let cache = &remote.world.cache;
    assert_eq!(ask(form, cache, origin, 1).await, (Source::Load, 1));
    cache.settle().await;
    remote.chaos.forget_operations();
}

#[tokio::test]
async fn a_value_that_does_not_get_through_is_not_asked_for_again_until_its_time_is_over() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        let cache = &remote.world.cache;
        stored(form, &remote, &origin).await;
        remote.chaos.on("read", Chaotic::Slow);
        let first = outlasting(&remote, ask(form, cache, &origin, 2)).await;
        assert_eq!(first, (Source::Load, 2), "the function's value");
        for value in 3..6 {
            assert_eq!(ask(form, cache, &origin, value).await, (Source::Load, value), "at once");
        }
        assert_eq!(remote.chaos.operations(), ["read"], "no lease, and nothing is filled");
        remote.world.advance(FIRST_REST);
        outlasting(&remote, ask(form, cache, &origin, 6)).await;
        remote.world.advance(FIRST_REST);
        ask(form, cache, &origin, 7).await;
        assert_eq!(remote.chaos.operations(), ["read"; 2], "its time has doubled");

        let Stats { held_off, unleased_loads, breaker_openings, .. } = cache.stats();
        assert_eq!((held_off, unleased_loads, breaker_openings), (6, 6, 0));
        assert_eq!((cache.stats().failures(Class::Slow), cache.health()), (2, Health::Healthy));

        remote.chaos.heal();
        remote.world.advance(2 * FIRST_REST);
        ask(form, cache, &origin, 8).await;
        cache.settle().await;
        assert_eq!(ask(form, cache, &origin, 9).await, (Source::Backend, 8));
    }
}

#[tokio::test]
async fn what_is_loaded_meanwhile_is_fresh_for_the_window() {
    for form in FORMS {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        remote.chaos.on("read", Chaotic::Slow);
        outlasting(&remote, ask(form, cache, &origin, 1)).await;
        let window = Resilience::default().trust_window;
        remote.world.advance(window - Duration::from_millis(1));
        assert_eq!(ask(form, cache, &origin, 2).await, (Source::Memory, 1));
        remote.world.advance(Duration::from_millis(1));
        assert_eq!(outlasting(&remote, ask(form, cache, &origin, 2)).await, (Source::Load, 2));
        assert_eq!(remote.chaos.operations(), ["read"; 2]);
    }
}

#[tokio::test]
async fn invalidations_of_a_value_that_is_left_alone_are_sent() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        let cache = &remote.world.cache;
        stored(form, &remote, &origin).await;
        remote.chaos.on("read", Chaotic::Slow);
        outlasting(&remote, ask(form, cache, &origin, 2)).await;
        assert_eq!(cache.invalidate("plain:k").await, Invalidated::Done);
        assert!(!remote.store.names().iter().any(|name| name.contains("plain")));
    }
}

#[tokio::test]
async fn a_refresh_of_a_value_that_is_left_alone_outdates_what_is_stored() {
    let (remote, origin) = (Remote::new(), Origin::default());
    let (cache, form) = (&remote.world.cache, Form::Entry);
    stored(form, &remote, &origin).await;
    remote.chaos.on("read", Chaotic::Slow);
    outlasting(&remote, ask(form, cache, &origin, 2)).await;
    assert_eq!(refreshed(cache, "k", origin.returns(Ok(3))).await, Ok(3));
    assert!(!remote.store.names().iter().any(|name| name.contains("plain")));
}

#[tokio::test]
async fn a_value_that_cannot_be_written_in_time_is_not_written_again_at_once() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        let cache = &remote.world.cache;
        remote.chaos.on("fill", Chaotic::Slow);
        ask(form, cache, &origin, 1).await;
        outlasting(&remote, cache.settle()).await;
        assert_eq!(remote.chaos.operations(), ["read", "ensure", "lease", "fill", "release"]);
        assert_eq!(ask(form, cache, &origin, 2).await, (Source::Load, 2));
        cache.settle().await;
        assert_eq!(remote.chaos.operations().len(), 5);
        let Stats { held_off, fills, .. } = cache.stats();
        assert_eq!((held_off, fills, cache.health()), (2, 0, Health::Healthy));

        remote.chaos.heal();
        remote.world.advance(FIRST_REST);
        ask(form, cache, &origin, 3).await;
        cache.settle().await;
        assert_eq!(ask(form, cache, &origin, 4).await, (Source::Backend, 3));
    }
}

#[tokio::test]
async fn many_slow_values_open_no_breaker() {
    let (remote, origin) = (Remote::new(), Origin::default());
    let cache = &remote.world.cache;
    remote.chaos.on("read", Chaotic::Slow);
    for number in 0..30 {
        let name = number.to_string();
        let call = Form::Entry.plain(cache, &name, origin.returns(Ok(number)));
        assert_eq!(outlasting(&remote, call).await.value, Ok(number));
    }
    assert_eq!((cache.breaker(), cache.health()), (Some(BreakerState::Closed), Health::Healthy));
}

#[tokio::test]
async fn of_a_batch_that_does_not_get_through_each_is_asked_for_alone_later() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    let names = ["a", "b", "c"];
    for name in names {
        cache.entry(name).insert(1_u32).await.unwrap();
    }
    remote.chaos.forget_operations();
    let get = || async { cache.batch(names).get_many::<u32>().await };
    remote.chaos.next(1, Chaotic::Slow);
    assert!(outlasting(&remote, get()).await.unwrap().is_empty());
    assert!(get().await.unwrap().is_empty(), "they are left alone");
    assert_eq!(remote.chaos.operations(), ["read"]);
    remote.world.advance(FIRST_REST);
    assert_eq!(get().await.unwrap().len(), 3);
    assert_eq!(remote.chaos.operations(), ["read"; 5], "each value, and before them a generation");
    assert_eq!(get().await.unwrap().len(), 3);
    assert_eq!(remote.chaos.operations(), ["read"; 6], "they are small");
}

/// Has a value given up by a caller who does not wait for it.
async fn given_up(remote: &Remote, name: &str) {
    let cache = &remote.world.cache;
    remote.chaos.on("read", Chaotic::Slow);
    tokio::select! {
        biased;
        _ = cache.entry(name).get::<u32>() => panic!("it is on its way for ever"),
        () = others_rest() => {}
    }
    remote.chaos.heal();
}

/// Retries once, half a second later at most.
fn retrying() -> Remote {
    Remote::with(|builder| builder.resilience(Resilience::default()))
}

#[tokio::test]
async fn the_others_of_a_batch_are_read_while_one_of_them_is_left_alone() {
    let remote = retrying();
    let cache = &remote.world.cache;
    let names = ["a", "b", "c"];
    for name in names {
        cache.entry(name).insert(1_u32).await.unwrap();
    }
    remote.chaos.forget_operations();
    remote.chaos.next(1, Chaotic::Error(Class::Disconnected));
    let get = async { cache.batch(names).get_many::<u32>().await };
    let meanwhile = async {
        others_rest().await;
        given_up(&remote, "a").await;
        remote.world.advance(Duration::from_millis(500));
    };
    let (found, ()) = tokio::join!(get, meanwhile);
    let mut found: Vec<_> = found.unwrap().into_keys().collect();
    found.sort();
    assert_eq!(found, ["b", "c"]);
    assert_eq!(remote.chaos.operations(), ["read"; 3], "the batch, what was given up, the batch");
    assert_eq!((cache.stats().held_off, cache.stats().failures(Class::Slow)), (1, 0));
}

#[tokio::test]
async fn nothing_is_read_for_a_value_alone_that_is_left_alone() {
    let remote = retrying();
    let cache = &remote.world.cache;
    remote.chaos.next(1, Chaotic::Error(Class::Disconnected));
    let get = async { cache.entry("a").get::<u32>().await };
    let meanwhile = async {
        others_rest().await;
        given_up(&remote, "a").await;
        remote.world.advance(Duration::from_millis(500));
    };
    assert_eq!(tokio::join!(get, meanwhile).0.unwrap(), None);
    assert_eq!(remote.chaos.operations(), ["read"; 2], "one attempt, and what was given up");
}

#[tokio::test]
async fn a_value_above_a_limit_stays_here_and_its_lease_is_given_back() {
    for form in FORMS {
        for theirs in [false, true] {
            let remote = Remote::with(|builder| {
                let mut resilience = crate::world::once(Resilience::default());
                resilience.max_value = if theirs { u64::MAX } else { 10 };
                builder.resilience(resilience)
            });
            if theirs {
                remote.chaos.take_at_most(10);
            }
            let (cache, origin) = (&remote.world.cache, Origin::default());
            for value in 1..4 {
                assert_eq!(ask(form, cache, &origin, value).await, (Source::Load, value));
                cache.settle().await;
            }
            assert_eq!(remote.chaos.operations(), ["read", "ensure", "lease", "release"]);
            let Stats { too_large, held_off, fills, .. } = cache.stats();
            assert_eq!((too_large, held_off, fills, cache.health()), (1, 2, 0, Health::Healthy));
            let is_lease = |name: &String| name.ends_with(":l");
            assert!(!remote.store.names().iter().any(is_lease), "{:?}", remote.store.names());
        }
    }
}

#[tokio::test]
async fn an_insert_above_the_limit_fails_and_leaves_nothing_behind() {
    let remote = Remote::new();
    let cache = &remote.world.cache;
    cache.entry("k").insert(1_u32).await.unwrap();
    remote.chaos.take_at_most(10);
    let error = cache.entry("k").insert(2_u32).await.unwrap_err();
    assert!(error.is_codec() && error.to_string().contains("larger than what"), "{error}");
    assert_eq!(cache.entry("k").get::<u32>().await.unwrap(), None, "the old value is outdated");
}

#[tokio::test]
async fn a_value_that_is_more_than_is_ever_let_in_is_overwritten_by_the_next_load() {
    for form in FORMS {
        let (remote, origin) = (Remote::new(), Origin::default());
        let cache = &remote.world.cache;
        remote.chaos.take_at_most(1 << 19);
        remote.chaos.on("read", Chaotic::Slow);
        let first = outlasting(&remote, ask(form, cache, &origin, 1)).await;
        assert_eq!(first, (Source::Load, 1));
        cache.settle().await;
        remote.chaos.heal();
        remote.chaos.forget_operations();
        // It is left alone, and written all the same; from then on it is a value like others.
        if cache.stats().fills == 0 {
            assert_eq!(ask(form, cache, &origin, 2).await, (Source::Load, 2));
            cache.settle().await;
            assert!(!remote.chaos.operations().contains(&"read"));
        }
        assert_eq!((cache.stats().fills, cache.stats().held_off), (1, 0));
        assert!(cache.stats().unreadable > 0);
        assert_eq!(ask(form, cache, &origin, 3).await.0, Source::Backend);
        assert_eq!(cache.health(), Health::Healthy);
    }
}

#[tokio::test]
async fn a_value_that_is_too_large_to_come_and_to_go_is_left_alone_both_ways() {
    let remote = Remote::with(|builder| {
        let mut resilience = crate::world::once(Resilience::default());
        resilience.max_value = 1;
        builder.resilience(resilience)
    });
    let (cache, origin) = (&remote.world.cache, Origin::default());
    remote.chaos.take_at_most(1 << 19);
    remote.chaos.on("read", Chaotic::Slow);
    outlasting(&remote, ask(Form::Entry, cache, &origin, 1)).await;
    cache.settle().await;
    remote.chaos.heal();
    remote.chaos.forget_operations();
    for value in 2..5 {
        assert_eq!(ask(Form::Entry, cache, &origin, value).await, (Source::Load, value));
        cache.settle().await;
    }
    assert_eq!(remote.chaos.operations(), [""; 0], "nothing is asked in vain");
}

/// Pieces of a kibibyte, counted as they are written.
#[derive(Debug, Clone, serde::Deserialize)]
struct Pieces(Vec<Piece>);

#[derive(Debug, Clone, serde::Deserialize)]
struct Piece(String);

static WRITTEN: AtomicUsize = AtomicUsize::new(0);

impl serde::Serialize for Pieces {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut sequence = serializer.serialize_seq(Some(self.0.len()))?;
        for piece in &self.0 {
            WRITTEN.fetch_add(1, Ordering::Relaxed);
            sequence.serialize_element(&piece.0)?;
        }
        sequence.end()
    }
}

#[tokio::test]
async fn of_a_value_above_the_limit_no_more_is_written_than_the_limit() {
    const PIECES: usize = 5_000;
    for json in [false, true] {
        let remote = Remote::with(|builder| {
            let mut resilience = crate::world::once(Resilience::default());
            resilience.max_value = 100 * 1_024;
            builder.resilience(resilience)
        });
        let cache = &remote.world.cache;
        let pieces = || Pieces(vec![Piece("x".repeat(1_024)); PIECES]);
        WRITTEN.store(0, Ordering::Relaxed);
        let (inserted, loaded) = (cache.entry("inserted"), cache.entry("loaded"));
        let error = if json {
            inserted.json().insert(pieces()).await.unwrap_err()
        } else {
            inserted.insert(pieces()).await.unwrap_err()
        };
        assert!(error.to_string().contains("`resilience.max_value`, 102400 bytes"), "{error}");
        let written = WRITTEN.swap(0, Ordering::Relaxed);
        assert!((90..=100).contains(&written), "{written}");
        let load = async || Ok::<_, Fault>(pieces());
        let loaded = if json {
            loaded.json().get_or_load(load).await.unwrap()
        } else {
            loaded.get_or_load(load).await.unwrap()
        };
        cache.settle().await;
        assert_eq!((loaded.0.len(), cache.stats().too_large), (PIECES, 2));
        let written = WRITTEN.load(Ordering::Relaxed);
        assert!((90..=100).contains(&written), "{written}");
        assert_eq!(remote.chaos.operations().iter().filter(|it| **it == "fill").count(), 0);
    }
}

#[tokio::test]
async fn a_heavy_value_is_told_of_once_for_each_function_with_what_to_do() {
    let log = Log::default();
    // A second one, or the callsites of other tests in this process are cached for the first.
    let (_other, _guard) = (Log::default().set(), log.set());
    let (remote, origin) = (Remote::new(), Origin::default());
    let cache = &remote.world.cache;
    remote.chaos.on("read", Chaotic::Slow);
    for value in 1..4 {
        outlasting(&remote, ask(Form::Attribute, cache, &origin, value)).await;
    }
    let lines = log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("does not get through")).collect();
    assert_eq!(told.len(), 1, "{lines:?}");
    for part in [
        "WARN",
        "function=",
        "the value was given up",
        "500 ms",
        "1048576 bytes",
        "`tier = memory`",
    ] {
        assert!(told[0].contains(part), "{part}: {told:?}");
    }
}

#[test]
fn a_limit_of_nothing_is_refused() {
    let mut resilience = Resilience::default();
    resilience.max_value = 0;
    let error = Cache::builder("test").resilience(resilience).build().unwrap_err();
    let expected = "`resilience.max_value` is 0, expected at least 1";
    assert!(error.to_string().contains(expected), "{error}");
}
