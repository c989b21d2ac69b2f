//! Bytes in a backend that may be anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use athena_cache::testing::MemoryBackend;
use athena_cache::{Cache, Event, Observer, athena_cache};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::world::{Log, Remote};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Value {
    name: String,
    numbers: Vec<u64>,
    labels: BTreeMap<String, Option<bool>>,
}

fn value() -> Value {
    Value {
        name: "a name".to_owned(),
        numbers: vec![1, 2, u64::MAX],
        labels: BTreeMap::from([("x".to_owned(), Some(true)), ("y".to_owned(), None)]),
    }
}

/// Stores a value, changes its bytes, and reads it back.
fn read_after(change: impl FnOnce(&mut Vec<u8>)) -> (Option<Value>, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = MemoryBackend::new();
        let cache = Cache::builder("test").backend(store.clone()).build().unwrap();
        cache.entry("k").tags(["a", "b"]).insert(value()).await.unwrap();
        let names = store.names();
        let name = names.iter().find(|name| name.contains("k:k")).unwrap();
        let mut bytes = store.bytes(name).unwrap();
        change(&mut bytes);
        store.put(name, bytes, Duration::from_secs(60));
        let read = cache.entry("k").get::<Value>().await.unwrap();
        (read, cache.stats().unreadable)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, failure_persistence: None, ..Default::default() })]

    #[test]
    fn arbitrary_bytes_are_a_miss(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let read = read_after(|stored| *stored = bytes);
        prop_assert_eq!(read, (None, 1));
    }

    #[test]
    fn arbitrary_bytes_behind_our_magic_are_a_miss(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let read = read_after(|stored| {
            stored.truncate(6);
            stored.extend(bytes);
        });
        prop_assert_eq!(read, (None, 1));
    }

    #[test]
    fn a_changed_byte_is_a_miss_and_never_another_value(place in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let read = read_after(|stored| {
            let place = place.index(stored.len());
            stored[place] = stored[place].wrapping_add(change);
        });
        prop_assert_eq!(read, (None, 1));
    }

    #[test]
    fn a_part_of_the_bytes_is_a_miss(share in any::<prop::sample::Index>()) {
        let read = read_after(|stored| stored.truncate(share.index(stored.len())));
        prop_assert_eq!(read, (None, 1));
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Vec<Tree>),
    Marks(Vec<()>),
}

/// The checksum that an entry ends with (CRC-32 as of IEEE 802.3).
fn checksum(bytes: &[u8]) -> [u8; 4] {
    let crc = bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xedb8_8320 }
        })
    });
    (!crc).to_le_bytes()
}

#[tokio::test]
async fn an_entry_that_somebody_wrote_to_bring_its_readers_down_is_a_miss_and_overwritten() {
    let store = MemoryBackend::new();
    let build = || Cache::builder("test").backend(store.clone()).build().unwrap();
    build().entry("k").insert(Tree::Leaf).await.unwrap();
    let name = store.names().into_iter().find(|name| name.contains("k:k")).unwrap();
    let honest = store.bytes(&name).unwrap();
    // Behind it: the length of the payload, one byte of it, the checksum.
    let head = &honest[..honest.len() - 9];
    assert_eq!(honest[honest.len() - 4..], checksum(&honest[..honest.len() - 4]));
    let bombs: [&[u8]; 3] =
        [&[1, 1].repeat(8_000), &[2, 255, 255, 255, 255, 255, 255, 127], &[1, 255, 127]];
    for bomb in bombs {
        let length = u32::try_from(bomb.len()).unwrap();
        let mut bytes = [head, &length.to_le_bytes(), bomb].concat();
        bytes.extend(checksum(&bytes));
        store.put(&name, bytes, Duration::from_secs(60));
        let cache = build();
        let load = async || Ok::<_, std::convert::Infallible>(Tree::Leaf);
        let Ok(loaded) = cache.entry("k").get_or_load(load).await;
        assert_eq!(loaded, Tree::Leaf);
        assert_eq!(cache.stats().unreadable, 1);
        cache.settle().await;
        let read = build().entry("k").get::<Tree>().await.unwrap();
        assert_eq!(read, Some(Tree::Leaf), "it was overwritten");
    }
}

/// Hears why entries are not read.
#[derive(Debug, Clone, Default)]
struct Reasons(Arc<Mutex<Vec<String>>>);

impl Observer for Reasons {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Unreadable { reason, .. } = event {
            self.0.lock().unwrap().push((*reason).to_owned());
        }
    }
}

#[tokio::test]
async fn t4_an_entry_with_more_tags_than_are_kept_now_is_told_as_that_and_overwritten() {
    let (store, seen) = (MemoryBackend::new(), Reasons::default());
    let cache = Cache::builder("test").backend(store.clone()).observer(seen.clone());
    let cache = cache.build().unwrap();
    cache.entry("k").insert(1_u32).await.unwrap();
    let name = store.names().into_iter().find(|name| name.contains("k:k")).unwrap();
    let honest = store.bytes(&name).unwrap();
    // In front of the tags: magic, version, codec, kind, fingerprint, name, times, history, a stamp.
    let (head, rest) = honest.split_at(3 + 3 + 8 + 4 + 8 + 8 + 8 + 16);
    assert_eq!(rest[..2], [0, 0], "no tags");
    let tags: Vec<u8> = (0..1_025_u32)
        .flat_map(|number| [&[4, 0][..], format!("{number:04}").as_bytes(), &[1; 16]].concat())
        .collect();
    let payload = &rest[2..rest.len() - 4];
    let mut bytes = [head, &1_025_u16.to_le_bytes(), &tags, payload].concat();
    bytes.extend(checksum(&bytes));
    store.put(&name, bytes, Duration::from_secs(60));
    let read = || Cache::builder("test").backend(store.clone()).observer(seen.clone()).build();
    let load = async || Ok::<_, std::convert::Infallible>(2_u32);
    assert_eq!(read().unwrap().entry("k").get::<u32>().await.unwrap(), None);
    let cache = read().unwrap();
    assert_eq!(cache.entry("k").get_or_load(load).await, Ok(2));
    cache.settle().await;
    assert_eq!(read().unwrap().entry("k").get::<u32>().await.unwrap(), Some(2));
    let told = seen.0.lock().unwrap();
    assert!(told.len() == 2 && told[0].contains("it has 1025 tags"), "{told:?}");
}

#[athena_cache(ttl = "10s", skip(cache), cache = cache)]
async fn length(cache: &Cache, of: &str) -> usize {
    of.len()
}

#[tokio::test]
async fn bytes_that_are_no_entries_are_told_of_once_a_minute_for_each_function_with_their_number() {
    let log = Log::default();
    // A second one, or the callsites of other tests in this process are cached for the first.
    let (_other, _guard) = (Log::default().set(), log.set());
    let remote = Remote::new();
    let cache = &remote.world.cache;
    let texts: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    for text in &texts {
        length(cache, text).await;
        cache.entry(text).insert(1_u32).await.unwrap();
    }
    cache.settle().await;
    let mut names = remote.store.names();
    names.retain(|name| name.contains('{') && !name.ends_with(":l"));
    let spoil = || {
        for name in &names {
            remote.store.put(name, b"junk".to_vec(), Duration::from_secs(60));
        }
    };
    spoil();
    for text in &texts {
        length(cache, text).await;
        assert_eq!(cache.entry(text).get::<u32>().await.unwrap(), None);
    }
    cache.settle().await;
    assert_eq!(cache.stats().unreadable, 200);
    let told = || -> Vec<_> {
        let lines = log.lines().into_iter();
        lines.filter(|line| line.contains("cannot read entry")).collect()
    };
    let of_function = |line: &String| line.contains("length");
    assert_eq!(told().len(), 2, "{:?}", told());
    assert_eq!(told().iter().filter(|line| of_function(line)).count(), 1);
    assert!(told().iter().all(|line| line.contains("INFO") && line.ends_with("count=1")));
    remote.world.advance(Duration::from_secs(60));
    spoil();
    length(cache, &texts[0]).await;
    length(cache, &texts[1]).await;
    let third = told().pop().unwrap();
    assert_eq!(told().len(), 3, "{:?}", told());
    assert!(of_function(&third) && third.ends_with("count=100"), "{third}");
}

#[test]
fn unchanged_bytes_are_the_value() {
    assert_eq!(read_after(|_| ()), (Some(value()), 0));
}

#[tokio::test]
async fn two_builds_that_overwrite_each_others_entries_are_told_what_ends_that() {
    let log = Log::default();
    // A second one, or the callsites of other tests in this process are cached for the first.
    let (_other, _guard) = (Log::default().set(), log.set());
    let remote = Remote::new();
    let cache = &remote.world.cache;
    let value_names = || {
        let names = remote.store.names();
        names.into_iter().filter(|name| name.contains("k:k")).collect::<Vec<_>>()
    };
    cache.entry("k").insert(1_u8).await.unwrap();
    let taken = value_names();
    // Another build: its type is another one, and the place of its value the same.
    let mut version = 0;
    loop {
        version += 1;
        cache.entry("k").version(version).insert(2_u8).await.unwrap();
        if value_names() == taken {
            break;
        }
    }
    assert_eq!(cache.entry("k").get::<u8>().await.unwrap(), None, "never a value of another type");
    let told = log.lines();
    let told: Vec<_> = told.iter().filter(|line| line.contains("cannot read entry")).collect();
    assert!(told.len() == 1 && told[0].contains("another `version`"), "{told:?}");
}
