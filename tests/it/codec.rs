//! Values that the two sides of their type, or JSON, would turn into others: no process is given one.

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Invalidated, Resilience, Source, athena_cache, of};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::world::{Fault, Gate, Log, Origin, Remote, TTL, others_rest};

/// What half of all APIs return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stock {
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<u32>,
    on_hand: u32,
    history: Vec<u32>,
}

fn stock(reserved: Option<u32>) -> Stock {
    Stock { reserved, on_hand: 1, history: vec![5, 0] }
}

#[athena_cache(ttl = "10s", skip(cache, reserved), cache = cache)]
async fn shelf(cache: &Cache, id: u32, reserved: Option<u32>) -> Stock {
    Stock { on_hand: id, ..stock(reserved) }
}

#[athena_cache(ttl = "10s", skip(cache, reserved), codec = Json, cache = cache)]
async fn shelf_in_json(cache: &Cache, id: u32, reserved: Option<u32>) -> Stock {
    Stock { on_hand: id, ..stock(reserved) }
}

/// A value that compares bit by bit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Reading(f64);

impl PartialEq for Reading {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

type Readings = (Option<Option<u8>>, Option<Reading>);

#[athena_cache(ttl = "10s", skip(cache, readings), codec = Json, cache = cache)]
async fn sensor(cache: &Cache, id: u32, readings: Readings) -> Readings {
    let _ = id;
    readings
}

#[tokio::test]
async fn a_value_with_a_field_left_out_reaches_no_other_process_as_another_one() {
    let remote = Remote::tiered();
    let (cache, other) = (&remote.world.cache, remote.tiered_neighbour());
    for (id, reserved, source) in [(1, None, Source::Load), (2, Some(7), Source::Backend)] {
        assert_eq!(shelf(cache, id, reserved).await, Stock { on_hand: id, ..stock(reserved) });
        cache.settle().await;
        let seen = of(shelf(&other, id, reserved)).observe().await.unwrap();
        assert_eq!(seen.value, Stock { on_hand: id, ..stock(reserved) });
        assert_eq!(seen.outcome.source, source, "shelf {id}");
    }
    assert_eq!((cache.stats().unwritable, cache.stats().fills), (1, 1));
}

#[tokio::test]
async fn a_field_left_out_is_the_same_in_json() {
    let remote = Remote::tiered();
    let (cache, other) = (&remote.world.cache, remote.tiered_neighbour());
    for (id, reserved) in [(1, None), (2, Some(7))] {
        let value = shelf_in_json(cache, id, reserved).await;
        cache.settle().await;
        let seen = of(shelf_in_json(&other, id, Some(0))).observe().await.unwrap();
        assert_eq!((seen.value, seen.outcome.source), (value, Source::Backend));
    }
    assert_eq!((cache.stats().unwritable, cache.stats().fills), (0, 2));
}

#[tokio::test]
async fn what_json_cannot_tell_apart_reaches_no_other_process() {
    let remote = Remote::tiered();
    let (cache, other) = (&remote.world.cache, remote.tiered_neighbour());
    let lost = (Some(None), Some(Reading(f64::NAN)));
    let kept = (Some(Some(0)), Some(Reading(-0.0)));
    for (id, readings, source) in [(1, lost, Source::Load), (2, kept, Source::Backend)] {
        assert_eq!(sensor(cache, id, readings).await, readings);
        cache.settle().await;
        let seen = of(sensor(&other, id, readings)).observe().await.unwrap();
        assert_eq!((seen.value, seen.outcome.source), (readings, source));
    }
}

#[tokio::test]
async fn a_value_that_is_not_written_answers_here_while_the_backend_is_away() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let cache = &remote.world.cache;
    let load = || origin.returns(Ok::<_, Fault>(stock(None)));
    assert_eq!(cache.entry("stock").ttl(TTL).get_or_load(load).await, Ok(stock(None)));
    cache.settle().await;
    assert!(
        remote.store.names().iter().all(|name| !name.contains("k:stock")),
        "no value, no lease"
    );
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    let seen = cache.entry("stock").ttl(TTL).observe(load).await;
    assert_eq!((seen.value, seen.outcome.source), (Ok(stock(None)), Source::Memory));
    assert_eq!(origin.loads(), 1);
}

#[tokio::test]
async fn an_insert_that_cannot_be_written_is_an_error() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    let error = cache.entry("stock").insert(stock(None)).await.unwrap_err();
    assert!(error.is_codec() && error.to_string().contains("`Stock.reserved`"), "{error}");
    assert!(cache.entry("stock").insert(stock(Some(1))).await.is_ok());
    assert!(cache.entry("stock").json().insert(stock(None)).await.is_ok());
}

/// Written whatever it is, and read only if it is even.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Even(u32);

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        if number.is_multiple_of(2) { Ok(Self(number)) } else { Err(D::Error::custom("odd")) }
    }
}

#[athena_cache(ttl = "10s", skip(cache), cache = cache)]
async fn odd(cache: &Cache, id: u32) -> Even {
    Even(2 * id + 1)
}

#[tokio::test]
async fn what_cannot_be_written_or_read_is_counted_each_time_and_logged_once_per_function() {
    let log = Log::default();
    // Of a single subscriber, `tracing` asks only the threads that have it whether it wants a record.
    let (_other, _guard) = (Log::default().set(), log.set());
    let remote = Remote::new();
    let cache = &remote.world.cache;
    for id in 0..20 {
        shelf(cache, id, None).await;
        odd(cache, id).await;
        cache.settle().await;
        odd(cache, id).await;
    }
    assert_eq!(cache.stats().unwritable, 20);
    assert_eq!(cache.stats().unreadable, 20);
    let lines = log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("Stock.reserved")).collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    for part in ["ERROR", "codec::shelf", "skip_serializing_if", "use `codec = Json`"] {
        assert!(told[0].contains(part), "{}", told[0]);
    }
    let told: Vec<_> = lines.iter().filter(|line| line.contains("`Even`")).collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    for part in ["WARN", "codec::odd", "version"] {
        assert!(told[0].contains(part), "{}", told[0]);
    }
}

#[athena_cache(ttl = "10s", skip(cache), cache = cache)]
async fn document(cache: &Cache, id: u32) -> serde_json::Value {
    serde_json::json!({ "id": id })
}

#[athena_cache(ttl = "10s", skip(cache), codec = Json, cache = cache)]
async fn document_in_json(cache: &Cache, id: u32) -> serde_json::Value {
    serde_json::json!({ "id": id })
}

#[athena_cache(ttl = "10s", tier = memory, skip(cache), cache = cache)]
async fn document_here(cache: &Cache, id: u32) -> serde_json::Value {
    serde_json::json!({ "id": id })
}

#[athena_cache(ttl = "10s", negative = err, negative_ttl = "5s", skip(cache), cache = cache)]
async fn refusal(cache: &Cache, id: u32) -> Result<u32, Even> {
    Err(Even(2 * id + 1))
}

#[tokio::test]
async fn what_a_backend_would_not_take_is_told_where_there_is_none() {
    let told = async |cache: &Cache| {
        let log = Log::default();
        // Of a single subscriber, `tracing` asks only the threads that have it whether it wants a record.
        let (_other, _guard) = (Log::default().set(), log.set());
        for id in 0..3 {
            shelf(cache, id, None).await;
            document(cache, id).await;
            document_in_json(cache, id).await;
            document_here(cache, id).await;
            sensor(cache, id, (Some(None), None)).await;
            cache.settle().await;
        }
        let reason = |line: &String| {
            let line = line.split_once("reason=")?.1;
            Some(line.split(" function=").next()?.to_owned())
        };
        let mut lines: Vec<_> = log.lines().iter().filter_map(reason).collect();
        lines.sort();
        lines
    };
    let (alone, remote) = (Cache::in_memory("test"), Remote::tiered());
    let (without, with) = (told(&alone).await, told(&remote.world.cache).await);
    assert_eq!(without, with);
    assert_eq!(without.len(), 3, "{without:#?}");
    for part in ["Stock.reserved", "serde_json::value::Value"] {
        assert!(without.iter().any(|line| line.contains(part)), "{part}: {without:#?}");
    }
    assert_eq!(alone.stats().unwritable, remote.world.cache.stats().unwritable);
    assert_eq!(alone.stats().unwritable, 7, "each value, but types that are never written once");
    // What is told of is kept all the same.
    assert_eq!(
        of(shelf(&alone, 1, Some(7))).observe().await.unwrap().outcome.source,
        Source::Memory
    );
    assert_eq!(shelf(&alone, 1, Some(7)).await.reserved, None);
    assert_eq!(of(document(&alone, 1)).observe().await.unwrap().outcome.source, Source::Memory);
}

#[tokio::test]
async fn what_would_not_be_read_from_a_backend_is_told_where_there_is_none() {
    let cache = Cache::in_memory("test");
    for id in 0..3 {
        odd(&cache, id).await;
        assert_eq!(refusal(&cache, id).await, Err(Even(2 * id + 1)));
    }
    assert_eq!((cache.stats().unwritable, cache.stats().unreadable), (0, 6));
    cache.entry("odd").insert(Even(1)).await.unwrap();
    let load = |names: Vec<String>| async move {
        Ok::<_, Fault>(names.into_iter().map(|name| (name, Even(1))).collect())
    };
    let many: std::collections::HashMap<_, _> =
        cache.batch(["a", "b"]).get_or_load_many(load).await.unwrap();
    assert_eq!((many["a"].0, cache.stats().unreadable), (1, 9));
    assert_eq!(cache.entry("odd").get().await.unwrap(), Some(Even(1)), "as it was");
}

thread_local! {
    /// How often a `Costly` was written.
    static WRITTEN: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts how often it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Costly(u32);

impl Serialize for Costly {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WRITTEN.set(WRITTEN.get() + 1);
        self.0.serialize(serializer)
    }
}

#[athena_cache(ttl = "10s", skip(cache), cache = cache)]
async fn costly(cache: &Cache, id: u32) -> Costly {
    Costly(id)
}

#[tokio::test]
async fn a_hit_writes_nothing_where_there_is_no_backend_and_neither_do_values_of_this_process() {
    let cache = Cache::in_memory("test");
    assert_eq!(costly(&cache, 1).await, Costly(1));
    let written = WRITTEN.get();
    assert!(written > 0);
    for _ in 0..10 {
        assert_eq!(costly(&cache, 1).await, Costly(1));
        let load = || async { Ok::<_, Fault>(Costly(2)) };
        assert_eq!(cache.entry("costly").in_memory().get_or_load(load).await, Ok(Costly(2)));
    }
    assert_eq!(WRITTEN.get(), written);
    assert_eq!((cache.stats().unwritable, cache.stats().unreadable), (0, 0));
}

/// A type that postcard cannot read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(u64),
    Text(String),
}

#[athena_cache(ttl = "1h", key = "either:{id}", skip(number), cache = cache)]
async fn either(cache: &Cache, id: u32, number: u64) -> Either {
    Either::Number(number)
}

#[tokio::test]
async fn what_others_invalidate_of_a_type_that_cannot_be_read_is_not_fresh_past_the_window() {
    let remote = Remote::tiered();
    let (cache, other) = (&remote.world.cache, remote.tiered_neighbour());
    assert_eq!(either(cache, 1, 1).await, Either::Number(1));
    assert_eq!(either(cache, 1, 2).await, Either::Number(1), "kept here");
    assert_eq!(other.invalidate("either:1").await, Invalidated::Done);
    remote.world.advance(Resilience::default().trust_window);
    assert_eq!(either(cache, 1, 2).await, Either::Number(2));
    assert_eq!(cache.stats().unwritable, 1);
}

#[tokio::test]
async fn an_insert_of_a_type_that_cannot_be_read_is_an_error() {
    let remote = Remote::tiered();
    let entry = || remote.world.cache.entry("either").ttl(TTL);
    entry().json().insert(Either::Text("old".to_owned())).await.unwrap();
    let error = entry().insert(Either::Number(2)).await.unwrap_err().to_string();
    assert!(error.contains("postcard cannot read") && error.contains("codec = Json"), "{error}");
    for cache in [&remote.world.cache, &remote.neighbour()] {
        let old = cache.entry("either").json().get::<Either>().await.unwrap();
        assert_eq!(old, None, "outdated, as after any insert that failed");
    }
}

#[athena_cache(ttl = "1h", negative_ttl = "1m", negative = err, key = "failing", skip(error), cache = cache)]
async fn failing(cache: &Cache, error: u64) -> Result<u32, Either> {
    Err(Either::Number(error))
}

#[tokio::test]
async fn an_error_of_a_type_that_cannot_be_read_is_not_fresh_past_the_window_either() {
    let remote = Remote::tiered();
    let (cache, other) = (&remote.world.cache, remote.tiered_neighbour());
    for _ in 0..2 {
        assert_eq!(failing(cache, 1).await, Err(Either::Number(1)));
        cache.settle().await;
    }
    assert_eq!(cache.stats().fills, 0, "nobody could read it");
    assert_eq!(other.invalidate("failing").await, Invalidated::Done);
    remote.world.advance(Resilience::default().trust_window);
    assert_eq!(failing(cache, 2).await, Err(Either::Number(2)));
}

#[athena_cache(ttl = "1h", key = "slow:{id}", skip(gate, number), cache = cache)]
async fn slow_either(cache: Cache, id: u32, gate: Gate, number: u64) -> Either {
    Origin::default().waits(&gate, Either::Number(number)).await
}

#[tokio::test]
async fn a_load_of_a_type_that_cannot_be_read_is_not_as_good_as_ones_own_for_those_who_come_late() {
    let (remote, gate) = (Remote::tiered(), Gate::closed());
    let call = |number| {
        let call = slow_either(remote.world.cache.clone(), 1, gate.clone(), number);
        tokio::spawn(async move { of(call).observe().await.unwrap() })
    };
    let early = call(1);
    others_rest().await;
    // Others may have invalidated it by now, of which nobody tells.
    remote.world.advance(Resilience::default().trust_window);
    let late = call(2);
    others_rest().await;
    gate.open();
    assert_eq!(early.await.unwrap().value, Either::Number(1));
    let late = late.await.unwrap();
    assert!(late.outcome.degraded || late.value == Either::Number(2), "{late:?}");
}
