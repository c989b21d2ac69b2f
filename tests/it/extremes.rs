//! Every setting at its extremes: refused with its name, or as good as any other value.
//!
//! The settings are those of the serialized defaults, so that a new one takes part by itself.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Percent, Settings, athena_cache, of};
use serde_json::{Value, json};

use crate::world::{Fault, Remote, World, others_rest};

/// After so many polls of a call, and milliseconds of its clock, it would never end.
const BOUND: usize = 20_000;

/// Drives a call while the clock goes on, so that whatever sleeps in it wakes.
async fn within_bound<T>(world: &World, what: &str, call: impl Future<Output = T>) -> T {
    let (mut call, mut polls) = (pin!(call), 0);
    poll_fn(|context| {
        polls += 1;
        assert!(polls < BOUND, "never ends: {what}");
        world.advance(Duration::from_millis(1));
        context.waker().wake_by_ref();
        call.as_mut().poll(context)
    })
    .await
}

#[athena_cache(
    ttl = "unlimited", grace = "unlimited", jitter = "100%", refresh = "99%", negative_ttl = "unlimited",
    soft_timeout = "1s", hard_timeout = "unlimited", version = 4294967295, key = "longest:{id}", cache = cache
)]
async fn longest(cache: Cache, id: u32) -> Result<Option<u32>, Fault> {
    Ok((id > 0).then_some(id))
}

#[athena_cache(
    ttl = "0s", grace = "0s", jitter = "0%", negative_ttl = "0s",
    soft_timeout = "0s", hard_timeout = "1ms", version = 0, key = "shortest:{id}", cache = cache
)]
async fn shortest(cache: Cache, id: u32) -> Result<Option<u32>, Fault> {
    Ok((id > 0).then_some(id))
}

/// Entries and batches at the extremes of what they can be told.
async fn use_builders(cache: &Cache) {
    let many = |names: Vec<String>| async move {
        Ok::<_, Fault>(names.into_iter().map(|name| (name, 1_u32)).collect::<HashMap<_, _>>())
    };
    for time in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(1), Duration::MAX] {
        for (share, version) in [(0, 0), (1, 1), (100, u32::MAX)] {
            let share = Percent::new(share);
            let named =
                |name| cache.entry(name).ttl(time).grace(time).negative_ttl(time).jitter(share);
            let none = || async { Ok::<Option<u32>, Fault>(None) };
            assert_eq!(named("none").version(version).find_or_load(none).await, Ok(None));
            let entry = || named("g");
            let load = || async { Ok::<_, Fault>(1_u32) };
            assert_eq!(entry().version(version).get_or_load(load).await, Ok(1));
            let timed = entry().hard_timeout(time).get_or_load(load).await;
            assert!(matches!(timed, Ok(1) | Err(Fault::Cache(_))), "{time:?}: {timed:?}");
            let softly = entry().in_background().refresh(share).soft_timeout(time);
            assert_eq!(softly.get_or_load(load).await, Ok(1));
            let _ = entry().insert(1_u32).await;
            let batch = || cache.batch(["h", "i"]).ttl(time).grace(time).negative_ttl(time);
            let values = batch().version(version).get_or_load_many(many).await;
            assert_eq!(values.map(|values| values.len()), Ok(2));
            let _ = batch().get_many::<u32>().await;
        }
    }
}

/// Uses all of a cache: misses, hits, batches, what goes on in the background, invalidations.
async fn use_all(cache: &Cache) {
    for round in 0..3_u32 {
        let load = || async { Ok::<_, Fault>(round) };
        for name in ["a", "b"] {
            assert!(cache.entry(name).get_or_load(load).await.is_ok());
        }
        let entry = cache.entry("c").grace(Duration::from_secs(1)).in_background();
        let entry = entry.refresh(Percent::new(1)).soft_timeout(Duration::from_millis(1));
        let load = move || async move { Ok::<_, Fault>(round) };
        assert!(entry.get_or_load(load).await.is_ok());
        let many = |names: Vec<String>| async move {
            Ok::<_, Fault>(names.into_iter().map(|name| (name, 1_u32)).collect::<HashMap<_, _>>())
        };
        assert_eq!(cache.batch(["d", "e"]).get_or_load_many(many).await.unwrap().len(), 2);
        for id in [0, 1] {
            let expected = Ok((id > 0).then_some(id));
            assert_eq!(longest(cache.clone(), id).await, expected);
            // It may be over before the load begins.
            let shortest = shortest(cache.clone(), id).await;
            assert!(
                shortest == expected || matches!(shortest, Err(Fault::Cache(_))),
                "{shortest:?}"
            );
        }
        assert_eq!(of(longest(cache.clone(), 1)).refresh().await.unwrap(), Ok(Some(1)));
        let _ = cache.entry("f").tags(["t"]).insert(1_u32).await;
        let _ = cache.entry("f").get::<u32>().await;
        let _ = cache.entry("a").expire().await;
        let _ = cache.invalidate("b").await;
        let _ = cache.invalidate_tag("t").await;
    }
    let _ = cache.clear().await;
    let _ = (cache.stats(), cache.health(), cache.nodes(), cache.breaker());
}

/// Uses a cache with its backend there, away, and back, and closes it.
async fn live(settings: Settings, what: &str) {
    let remote = Remote::with(|builder| builder.settings(settings));
    let (world, cache) = (&remote.world, &remote.world.cache);
    within_bound(world, what, use_all(cache)).await;
    others_rest().await;
    for class in [Class::Unreachable, Class::Timeout, Class::WriteRefused] {
        remote.chaos.always(Chaotic::Error(class));
        within_bound(world, what, use_all(cache)).await;
    }
    cache.isolate(Duration::MAX);
    within_bound(world, what, use_all(cache)).await;
    cache.isolate(Duration::ZERO);
    cache.resume();
    remote.chaos.heal();
    remote.chaos.reconnect();
    for _ in 0..3 {
        world.advance(Duration::from_secs(60));
        others_rest().await;
        within_bound(world, what, use_all(cache)).await;
    }
    let _ = cache.set_resilience(cache.resilience());
    within_bound(world, what, cache.close()).await;
    assert_eq!(longest(cache.clone(), 1).await, Ok(Some(1)));
}

/// The paths and defaults of all settings that are numbers, durations or shares.
fn leaves(settings: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    match settings {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(value, &path, found);
            }
        }
        leaf => found.push((path.to_owned(), leaf.clone())),
    }
}

fn with(path: &str, value: &Value) -> Result<Settings, serde_json::Error> {
    let mut settings = serde_json::to_value(Settings::default()).unwrap();
    let pointer = format!("/{}", path.replace('.', "/"));
    *settings.pointer_mut(&pointer).unwrap() = value.clone();
    serde_json::from_value(settings)
}

/// What else a setting may be, judged by its default.
fn extremes(default: &Value) -> Vec<Value> {
    match default {
        Value::Number(number) if number.is_f64() => {
            [0.0, 1.0, 100.0, 101.0, -1.0, f64::MAX, f64::MIN_POSITIVE].map(Value::from).into()
        }
        Value::Number(_) => vec![json!(0), json!(1), json!("unlimited")],
        Value::String(text) if text.ends_with('%') => vec![json!("0%"), json!("1%"), json!("100%")],
        Value::String(text) if text.starts_with(|first: char| first.is_ascii_digit()) => {
            ["0s", "1ns", "1ms", "500000000000y", "unlimited"].map(Value::from).into()
        }
        Value::Bool(default) => vec![json!(!default)],
        // Words of a list.
        _ => Vec::new(),
    }
}

/// Builds a cache with the settings and uses it; tells whether that was refused, by name.
async fn is_refused(path: &str, settings: Settings, what: &str) -> bool {
    let Err(error) = Cache::builder("test").settings(settings.clone()).build() else {
        live(settings, what).await;
        return false;
    };
    let message = error.to_string();
    assert!(error.is_settings() && message.contains(&format!("`{path}`")), "{what}: {message}");
    assert!(message.contains(", expected "), "{what}: {message}");
    // Later it is refused as at first.
    let later = Cache::in_memory("test").set_resilience(settings.resilience);
    let refusal = later.err().map(|error| error.to_string());
    assert_eq!(refusal, path.starts_with("resilience.").then_some(message), "{what}");
    true
}

#[tokio::test]
async fn every_setting_at_its_extremes_is_refused_by_name_or_works() {
    let mut settings = Vec::new();
    leaves(&serde_json::to_value(Settings::default()).unwrap(), "", &mut settings);
    assert!(settings.len() > 25, "{settings:#?}");
    let (mut refused, mut used) = (0, 0);
    for (path, default) in settings {
        for value in extremes(&default) {
            let what = format!("`{path}` is {value}");
            let settings = with(&path, &value).unwrap_or_else(|error| panic!("{what}: {error}"));
            let count = if Box::pin(is_refused(&path, settings, &what)).await {
                &mut refused
            } else {
                &mut used
            };
            *count += 1;
        }
    }
    assert!(refused > 10 && used > 40, "{refused} refused, {used} used");
}

#[tokio::test]
async fn all_settings_at_once_may_be_unlimited() {
    let mut all = serde_json::to_value(Settings::default()).unwrap();
    let mut settings = Vec::new();
    leaves(&all, "", &mut settings);
    // How long callers wait for a backend, or for a process that is dead, has an end.
    let ends = [
        "resilience.deadline",
        "resilience.blocking_deadline",
        "resilience.write_deadline",
        "resilience.attempt_timeout",
        "lease",
    ];
    for (path, default) in settings {
        if extremes(&default).contains(&json!("unlimited")) && !ends.contains(&&*path) {
            *all.pointer_mut(&format!("/{}", path.replace('.', "/"))).unwrap() = json!("unlimited");
        }
    }
    let unlimited: Settings = serde_json::from_value(all.clone()).unwrap();
    assert_eq!(unlimited.ttl, Duration::MAX);
    assert_eq!(unlimited.degraded_loads, usize::MAX);
    assert_eq!(unlimited.memory.max_entries, u64::MAX);
    assert_eq!(unlimited.resilience.breaker.minimum_calls, u32::MAX);
    assert_eq!(serde_json::to_value(&unlimited).unwrap(), all, "written as it was read");
    let text = toml::to_string(&unlimited).unwrap();
    assert_eq!(toml::from_str::<Settings>(&text).unwrap(), unlimited);
    live(unlimited, "all unlimited").await;
}

#[tokio::test]
async fn entries_and_batches_at_their_extremes_work_with_a_backend_there_away_and_back() {
    let remote = Remote::tiered();
    let (world, cache) = (&remote.world, &remote.world.cache);
    within_bound(world, "there", use_builders(cache)).await;
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    within_bound(world, "away", use_builders(cache)).await;
    remote.chaos.heal();
    remote.chaos.reconnect();
    within_bound(world, "back", use_builders(cache)).await;
    let alone = World::in_memory();
    within_bound(&alone, "without", use_builders(&alone.cache)).await;
}

#[test]
fn a_factor_that_is_no_number_is_refused_by_name() {
    for factor in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut settings = Settings::default();
        settings.resilience.retry.multiplier = factor;
        let message = Cache::builder("test").settings(settings).build().unwrap_err().to_string();
        let expected = format!("`resilience.retry.multiplier` is {factor}, expected 1 to 100");
        assert_eq!(message, expected);
    }
}

#[test]
fn a_number_that_is_none_says_what_it_may_be() {
    for (text, expected) in [
        ("degraded_loads = -1", "integer `-1`, expected a whole number"),
        ("degraded_loads = \"none\"", "string \"none\", expected a whole number"),
        ("memory.max_entries = 1.5", "floating point `1.5`, expected a whole number"),
        ("resilience.breaker.minimum_calls = 4294967296", "of at most 32 bits, or `unlimited`"),
        ("ttl = \"none\"", "invalid duration `none`"),
    ] {
        let message = toml::from_str::<Settings>(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
    let settings: Settings = toml::from_str("degraded_loads = \"7\"").unwrap();
    assert_eq!(settings.degraded_loads, 7, "as an environment has it");
}
