//! Bytes in a backend that may be anything.

use std::collections::BTreeMap;
use std::time::Duration;

use athena_cache::Cache;
use athena_cache::testing::MemoryBackend;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

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

#[test]
fn unchanged_bytes_are_the_value() {
    assert_eq!(read_after(|_| ()), (Some(value()), 0));
}
