//! What is bounded, whatever a process is asked for: tasks, leases on their way back, entries.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::{Fault as Chaotic, ManualClock, MemoryBackend};
use athena_cache::{Builder, Cache, Invalidated, Memory, Resilience, athena_invalidate};
use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::world::{
    FORMS, Fault, Form, GRACE, Gate, Origin, Remote, TTL, World, once, others_rest, until,
};

/// More than any bound in the library.
const MANY: usize = 10_000;
/// More tasks than a cache needs for itself.
const FEW_TASKS: usize = 40;

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

fn with_resilience(change: impl FnOnce(&mut Resilience)) -> Remote {
    let mut resilience = once(Resilience::default());
    change(&mut resilience);
    Remote::with(|builder| builder.resilience(resilience))
}

/// Begins a load of a key and drops it half-way.
async fn drop_a_load(form: Form, cache: &Cache, name: &str, origin: &Origin, gate: &Gate) {
    let loads = origin.loads();
    let call = pin!(form.plain(cache, name, origin.waits(gate, Ok(1))));
    tokio::select! {
        _ = call => panic!("nobody opened the gate"),
        () = until("the load", || origin.loads() > loads) => {}
    }
}

#[tokio::test]
async fn s7_a_few_tasks_give_leases_back_however_many_loads_are_dropped() {
    for form in FORMS {
        let (remote, origin, gate) = (Remote::new(), Origin::default(), Gate::closed());
        let cache = &remote.world.cache;
        remote.chaos.on("release", Chaotic::Hang);
        for number in 0..MANY {
            drop_a_load(form, cache, &number.to_string(), &origin, &gate).await;
            assert!(tasks() < FEW_TASKS, "after {number} loads");
        }
        let left = cache.stats().leases_left;
        assert!(left > MANY as u64 / 2 && left < MANY as u64, "{left} were left");
    }
}

#[tokio::test]
async fn s7_what_waited_for_a_node_is_given_back_once_it_answers() {
    let remote = with_resilience(|resilience| resilience.breaker.enabled = false);
    let (origin, gate) = (Origin::default(), Gate::closed());
    let (cache, clock) = (&remote.world.cache, &remote.world.clock);
    remote.chaos.on("release", Chaotic::Error(Class::Unreachable));
    for number in 0..100 {
        drop_a_load(Form::Entry, cache, &number.to_string(), &origin, &gate).await;
    }
    cache.settle().await;
    remote.chaos.heal();
    let leases = || remote.store.names().iter().filter(|name| name.ends_with(":l")).count();
    assert_eq!(leases(), 100, "given back before");
    // Their lives are longer than this.
    for _ in 0..4 {
        clock.advance(Duration::from_millis(500));
        others_rest().await;
    }
    assert_eq!(leases(), 0);
    assert!(tasks() < FEW_TASKS);
}

#[tokio::test]
async fn c3_closing_leaves_leases_that_wait_for_their_node_to_their_own_end() {
    let (remote, origin, gate) = (Remote::new(), Origin::default(), Gate::closed());
    let cache = &remote.world.cache;
    remote.chaos.on("release", Chaotic::Hang);
    for number in 0..100 {
        drop_a_load(Form::Entry, cache, &number.to_string(), &origin, &gate).await;
    }
    cache.close().await;
    cache.settle().await; // returns: nothing waits for them any more
    until("their tasks are gone", || tasks() == 0).await;
}

#[tokio::test]
async fn loads_that_writes_cannot_follow_leave_no_tasks_behind() {
    for form in FORMS {
        let remote = with_resilience(|resilience| resilience.max_pending_writes = 1);
        let (cache, origin) = (&remote.world.cache, Origin::default());
        let clock = &remote.world.clock;
        remote.chaos.on("fill", Chaotic::Hang);
        let names: Vec<_> = (0..MANY).map(|number| number.to_string()).collect();
        let calls =
            join_all(names.iter().map(|name| form.plain(cache, name, origin.returns(Ok(1)))));
        let most = std::cell::Cell::new(0);
        let time = async {
            loop {
                most.set(most.get().max(tasks()));
                clock.advance(Duration::from_millis(100));
                others_rest().await;
            }
        };
        tokio::select! {
            answers = calls => assert!(answers.iter().all(|it| it.value == Ok(1))),
            () = time => {}
        }
        assert!(cache.stats().dropped_writes > MANY as u64 / 2);
        assert!(most.get() < FEW_TASKS, "{} tasks", most.get());
    }
}

#[tokio::test]
async fn changes_whose_callers_are_gone_invalidate_in_a_bounded_number_of_tasks() {
    #[athena_invalidate(keys = ["plain:{name}"], on = always, cache = cache)]
    async fn change(cache: &Cache, name: &str) -> Result<(), Fault> {
        std::future::pending().await
    }

    let (remote, origin) = (Remote::new(), Origin::default());
    let cache = &remote.world.cache;
    Form::Entry.plain(cache, "9999", origin.returns(Ok(1))).await;
    cache.settle().await;
    remote.chaos.on("remove", Chaotic::Hang);
    for number in 0..MANY {
        let name = number.to_string();
        assert!(change(cache, &name).now_or_never().is_none());
    }
    assert!(tasks() < MANY / 2, "{} tasks", tasks());
    remote.chaos.heal();
    let seen = cache.entry("plain:9999").get::<u32>().await;
    assert_eq!(
        seen.unwrap(),
        None,
        "what found no task is in the journal, before anything is read"
    );
}

/// Keeps `count` entries with the tag `all`; the probe is as often held as there are entries, and once more.
async fn keep(cache: &Cache, count: usize) -> Arc<()> {
    let probe = Arc::new(());
    for number in 0..count {
        let entry = cache.entry(number.to_string()).in_memory().tags(["all"]).ttl(TTL).grace(GRACE);
        entry.insert(Arc::clone(&probe)).await.unwrap();
    }
    assert_eq!(Arc::strong_count(&probe), count + 1);
    probe
}

#[tokio::test]
async fn what_a_tag_or_clear_invalidates_is_freed_in_a_process_that_is_idle_afterwards() {
    for clears in [false, true] {
        let world = World::in_memory();
        let probe = keep(&world.cache, 5_000).await;
        let invalidated = if clears {
            world.cache.clear().await
        } else {
            world.cache.invalidate_tag("all").await
        };
        assert_eq!(invalidated, Invalidated::Done);
        until("they are freed", || Arc::strong_count(&probe) == 1).await;
        others_rest().await;
        assert_eq!(tasks(), 0, "a cache without entries needs no task");
        keep(&world.cache, 10).await;
    }
}

/// Lets others run until the last entry with the probe is freed; tells how many steps of so many at most that takes.
async fn steps(probe: &Arc<()>, most: usize) -> usize {
    let (mut steps, mut held) = (0, Arc::strong_count(probe));
    while held > 1 {
        tokio::task::yield_now().await;
        let left = Arc::strong_count(probe);
        assert!(held - left <= most, "{} at once", held - left);
        assert!(steps < MANY, "{left} are left");
        (steps, held) = (steps + 1, left);
    }
    steps
}

#[tokio::test]
async fn what_clear_and_the_drop_of_a_cache_leave_is_freed_in_small_steps_and_by_no_caller() {
    const ENTRIES: usize = 5_000;
    const MOST: usize = 512;
    let world = World::in_memory();
    let probe = keep(&world.cache, ENTRIES).await;
    assert_eq!(world.cache.clear().await, Invalidated::Done);
    let stats = world.cache.stats();
    assert_eq!((stats.memory_entries, Arc::strong_count(&probe)), (5_000, ENTRIES + 1));
    assert!(steps(&probe, MOST).await >= ENTRIES / MOST);
    assert_eq!(world.cache.stats().memory_entries, 0);
    let probe = keep(&world.cache, ENTRIES).await;
    drop(world);
    assert_eq!(Arc::strong_count(&probe), ENTRIES + 1);
    assert!(steps(&probe, MOST).await >= ENTRIES / MOST);
}

#[test]
fn what_a_dropped_cache_held_is_freed_on_the_spot_without_a_runtime() {
    let world = World::in_memory();
    let probe = keep(&world.cache, 5_000).now_or_never().unwrap();
    drop(world);
    assert_eq!(Arc::strong_count(&probe), 1);
}

#[test]
fn what_is_past_its_grace_is_freed_without_a_runtime_by_those_who_insert() {
    let world = World::in_memory();
    let probe = keep(&world.cache, 1_000).now_or_never().unwrap();
    world.advance(TTL + GRACE + Duration::from_secs(30));
    for number in 0..200 {
        let entry = world.cache.entry(format!("later:{number}")).in_memory().ttl(TTL);
        entry.insert(1).now_or_never().unwrap().unwrap();
    }
    assert_eq!(Arc::strong_count(&probe), 1);
}

#[test]
fn what_clear_invalidates_is_freed_without_a_runtime_as_well() {
    let world = World::in_memory();
    let probe = keep(&world.cache, 100).now_or_never().unwrap();
    assert_eq!(world.cache.clear().now_or_never(), Some(Invalidated::Done));
    assert_eq!(Arc::strong_count(&probe), 1);
}

#[tokio::test]
async fn invalidations_in_a_row_are_followed_by_one_walk_in_a_second() {
    let world = World::in_memory();
    let lasting = Arc::new(());
    world.cache.entry("kept").in_memory().ttl(TTL).insert(Arc::clone(&lasting)).await.unwrap();
    let first = keep(&world.cache, 10).await;
    let _ = world.cache.invalidate_tag("all").await;
    until("they are freed", || Arc::strong_count(&first) == 1).await;
    others_rest().await;
    let second = keep(&world.cache, 10).await;
    let _ = world.cache.invalidate_tag("all").await;
    others_rest().await;
    assert_eq!(Arc::strong_count(&second), 11, "it rests");
    world.advance(Duration::from_secs(1));
    until("they are freed", || Arc::strong_count(&second) == 1).await;
    assert_eq!(Arc::strong_count(&lasting), 2);
}

#[tokio::test]
async fn g2_what_is_past_its_grace_is_freed_within_half_a_minute_of_idleness() {
    let world = World::in_memory();
    let probe = keep(&world.cache, 100).await;
    others_rest().await;
    for _ in 0..2 {
        world.advance((TTL + GRACE) / 2 - Duration::from_millis(1));
        others_rest().await;
        assert_eq!(Arc::strong_count(&probe), 101, "it may still answer");
    }
    world.advance(Duration::from_secs(31));
    until("they are freed", || Arc::strong_count(&probe) == 1).await;
}

#[tokio::test]
async fn i2_what_another_process_invalidates_is_freed_within_half_a_minute_of_idleness() {
    let remote = Remote::tiered();
    let (cache, other) = (&remote.world.cache, remote.neighbour());
    for number in 0..10 {
        let entry = cache.entry(number.to_string()).tags(["all"]).ttl(TTL * 100);
        let loaded: Result<u32, Fault> = entry.get_or_load(|| async { Ok(1) }).await;
        assert_eq!(loaded, Ok(1));
    }
    cache.settle().await;
    assert_eq!(cache.stats().memory_entries, 10);
    assert_eq!(other.invalidate_tag("all").await, Invalidated::Done);
    others_rest().await;
    remote.world.advance(Duration::from_secs(31));
    until("they are freed", || cache.stats().memory_entries == 0).await;
}

const MOST_BYTES: u64 = 100_000;

fn bounded_in_bytes(builder: Builder) -> Builder {
    let mut memory = Memory::default();
    memory.max_bytes = Some(MOST_BYTES);
    builder.memory(memory).weigh(|text: &String| text.len())
}

fn text(len: usize) -> String {
    "x".repeat(len)
}

#[tokio::test]
async fn memory_takes_no_more_bytes_than_it_may() {
    let cache = World::with(bounded_in_bytes).cache;
    let mut most_entries = 0;
    for number in 0..1_000_usize {
        // From next to nothing to more than all of it.
        let len = number.pow(2) % 120_000;
        let entry = cache.entry(number.to_string()).ttl(TTL);
        let loaded: Result<_, Fault> = entry.get_or_load(|| async { Ok(text(len)) }).await;
        assert_eq!(loaded, Ok(text(len)), "whatever its size");
        let stats = cache.stats();
        assert!(stats.memory_bytes <= MOST_BYTES, "{} bytes", stats.memory_bytes);
        most_entries = most_entries.max(stats.memory_entries);
    }
    assert!(most_entries > 2, "{most_entries} entries");
    for number in 0..20 {
        let entry = cache.entry(format!("small:{number}")).ttl(TTL);
        entry.insert(text(1_000)).await.unwrap();
        entry_is(&cache, &format!("small:{number}"), &text(1_000)).await;
    }
}

async fn entry_is(cache: &Cache, name: &str, expected: &str) {
    let seen = cache.entry(name).get::<String>().await.unwrap();
    assert!(seen.is_none_or(|seen| seen == expected));
}

#[tokio::test]
async fn a_value_larger_than_all_of_memory_takes_the_place_of_what_was_there_and_none_of_others() {
    let cache = World::with(bounded_in_bytes).cache;
    for (name, len) in [("other", 1_000), ("key", 1_000), ("key", 200_000)] {
        cache.entry(name).ttl(TTL).insert(text(len)).await.unwrap();
    }
    assert_eq!(cache.entry("key").get::<String>().await.unwrap(), None);
    assert_eq!(cache.entry("other").get::<String>().await.unwrap(), Some(text(1_000)));
}

#[tokio::test]
async fn a_bound_in_bytes_leaves_the_bound_in_entries() {
    let mut memory = Memory::bounded(10);
    memory.max_bytes = Some(u64::MAX / 2);
    let cache = World::with(|builder| builder.memory(memory)).cache;
    for number in 0..100 {
        cache.entry(number.to_string()).ttl(TTL).insert(number).await.unwrap();
    }
    cache.settle().await;
    assert!((1..=10).contains(&cache.stats().memory_entries), "{:?}", cache.stats());
}

#[tokio::test]
async fn long_keys_and_tags_count() {
    let bytes = async |name: String, tags: usize| {
        let cache = World::in_memory().cache;
        let tags: Vec<_> = (0..tags).map(|number| number.to_string()).collect();
        cache.entry(name).tags(tags).ttl(TTL).insert(1_u32).await.unwrap();
        cache.stats().memory_bytes
    };
    let short = bytes("key".to_owned(), 0).await;
    assert!(bytes(text(200), 0).await >= short + 200);
    assert!(bytes(text(10_000), 0).await <= short + 64, "a digest stands for it");
    assert!(bytes("key".to_owned(), 10).await >= short + 10 * 8);
}

#[tokio::test]
async fn what_went_to_or_came_from_a_backend_counts_its_bytes_there() {
    let remote = Remote::tiered();
    let (cache, other) = (&remote.world.cache, remote.tiered_neighbour());
    for cache in [cache, &other] {
        let entry = cache.entry("key").ttl(TTL);
        let loaded: Result<_, Fault> = entry.get_or_load(|| async { Ok(text(50_000)) }).await;
        assert_eq!(loaded, Ok(text(50_000)));
        cache.settle().await;
        let bytes = cache.stats().memory_bytes;
        assert!((50_000..52_000).contains(&bytes), "{bytes} bytes");
    }
    assert_eq!(other.stats().backend_hits, 1);
    for cache in [cache, &other] {
        let _ = cache.clear().await;
        cache.settle().await;
        assert_eq!(cache.stats().memory_bytes, 0);
    }
    cache.entry("inserted").ttl(TTL).insert(text(50_000)).await.unwrap();
    cache.settle().await;
    let bytes = cache.stats().memory_bytes;
    assert!((50_000..52_000).contains(&bytes), "{bytes} bytes");
}

#[tokio::test]
async fn what_turns_out_too_large_when_it_is_written_does_not_stay() {
    let mut memory = Memory::default();
    memory.max_bytes = Some(MOST_BYTES);
    let remote = Remote::with(|builder| builder.memory(memory));
    let cache = &remote.world.cache;
    let entry = cache.entry("key").ttl(TTL);
    let loaded: Result<_, Fault> = entry.get_or_load(|| async { Ok(text(200_000)) }).await;
    assert_eq!(loaded, Ok(text(200_000)));
    cache.settle().await;
    assert_eq!((cache.stats().fills, cache.stats().memory_entries), (1, 0));
    let again = cache.entry("key").get::<String>().await.unwrap();
    assert_eq!(again, Some(text(200_000)), "from the backend");
}

/// Asks the cache for its own key as it goes.
#[derive(Clone)]
struct Parting(Cache);

impl Drop for Parting {
    fn drop(&mut self) {
        let _ = self.0.entry("key").in_memory().get::<u32>().now_or_never();
    }
}

#[test]
fn a_value_that_asks_the_cache_as_it_is_dropped_hangs_nobody() {
    let cache = World::in_memory().cache;
    for _ in 0..3 {
        let entry = cache.entry("key").in_memory().ttl(TTL);
        entry.insert(Parting(cache.clone())).now_or_never().unwrap().unwrap();
    }
    assert_eq!(cache.clear().now_or_never(), Some(Invalidated::Done));
    assert_eq!(cache.stats().memory_entries, 0);
}

#[tokio::test]
async fn a_weigher_that_panics_leaves_the_call_alone() {
    let cache = World::with(|builder| {
        bounded_in_bytes(builder).weigh(|number: &u32| panic!("{number} is too heavy for me"))
    });
    let cache = cache.cache;
    cache.entry("key").ttl(TTL).insert(1_u32).await.unwrap();
    assert_eq!(cache.entry("key").get::<u32>().await.unwrap(), Some(1));
}

#[test]
fn c2_a_memory_of_no_bytes_is_refused_and_the_largest_number_is_no_limit() {
    let mut memory = Memory::default();
    memory.max_bytes = Some(0);
    let refused = Cache::builder("test").memory(memory.clone()).build().unwrap_err();
    assert_eq!(refused.to_string(), "`memory.max_bytes` is 0, expected at least 1");
    let settings = toml::from_str::<athena_cache::Settings>("[memory]\nmax_bytes = 1_000").unwrap();
    assert_eq!(settings.memory.max_bytes, Some(1_000));
    let with_units = "[memory]\nmax_bytes = '256 MiB'\n[resilience]\nmax_value = '1 MB'";
    let settings = toml::from_str::<athena_cache::Settings>(with_units).unwrap();
    assert_eq!(settings.memory.max_bytes, Some(256 << 20));
    assert_eq!(settings.resilience.max_value, 1_000_000);
    let unlimited = toml::to_string(&athena_cache::Settings::default()).unwrap();
    assert!(!unlimited.contains("max_bytes"), "{unlimited}");
    memory.max_bytes = Some(u64::MAX);
    assert!(Cache::builder("test").memory(memory).build().is_ok());
}

#[tokio::test]
async fn what_a_tag_covered_is_freed_once_settled() {
    for is_remote in [false, true] {
        let clock = ManualClock::new();
        let mut builder = Cache::builder("test").clock(&clock).seed(1);
        if is_remote {
            builder = builder.backend(MemoryBackend::with_clock(&clock));
        }
        let cache = builder.build().unwrap();
        for round in 0..300_u32 {
            let load = || async move { Ok::<_, Fault>(round) };
            let entry = cache.entry(round.to_string()).ttl(TTL).tags(["all"]);
            entry.get_or_load(load).await.unwrap();
        }
        cache.settle().await;
        let _ = cache.invalidate_tag("all").await;
        // The walk begins.
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        cache.settle().await;
        assert_eq!(cache.stats().memory_entries, 0, "remote {is_remote}");
    }
}
