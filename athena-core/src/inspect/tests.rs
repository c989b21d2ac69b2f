//! What a cache has stored, found and read by a tool.

use std::time::Duration;

use super::{NameKind, Summary, entry_names, look, namespace_name, see, summary, tag_name};
use crate::backend::Backend;
use crate::backend::operate::{Membership, Operator, Scan};
use crate::cache::Cache;
use crate::testing::{ManualClock, MemoryBackend};

async fn all(operator: &dyn Operator) -> Vec<String> {
    let (mut scan, mut names) = (Scan::new(operator, "shop:", 10), Vec::new());
    while let Some(page) = scan.next().await {
        let Ok(page) = page else { panic!("a store in memory fails nobody") };
        names.extend(page);
    }
    names
}

#[tokio::test]
async fn what_a_cache_stores_is_read_without_its_type() {
    let clock = ManualClock::new();
    let store = MemoryBackend::with_clock(&clock);
    let cache = Cache::builder("shop").clock(&clock).backend(store.clone()).build().unwrap();
    let entry =
        cache.entry("product:1").ttl(Duration::from_secs(60)).grace(Duration::from_secs(40));
    entry.tags(["books", "odd"]).insert(7_u8).await.unwrap();
    store.put("shop:eu:{k:a}:0", "of another cache", Duration::from_secs(60));

    let operator = store.operator().unwrap();
    let names = all(&*operator).await;
    let values: Vec<_> = names
        .iter()
        .filter(|name| see("shop", name).unwrap().kind == NameKind::Value)
        .cloned()
        .collect();
    assert_eq!(values.len(), 1, "{names:?}");
    assert!(entry_names("shop", "product:1").unwrap().values.contains(&values[0]));
    for generation in [tag_name("shop", "books").unwrap(), namespace_name("shop", None).unwrap()] {
        assert!(names.contains(&generation), "{generation} in {names:?}");
    }

    clock.advance(Duration::from_secs(70));
    let stored = operator.stored(&values, usize::MAX).await.unwrap();
    let stored = stored[0].as_ref().unwrap();
    let bytes = stored.bytes.as_deref().unwrap();
    let seen = look(&values[0], bytes, stored.remaining).unwrap();
    assert_eq!((seen.kind, seen.codec, seen.is_own_name), ("value", "postcard", true));
    assert_eq!((seen.ttl.as_secs(), seen.grace.as_secs()), (60, 40));
    assert_eq!(seen.age, Some(Duration::from_secs(70)));
    assert_eq!(seen.payload, [7]);
    assert_eq!(seen.tags.iter().map(|tag| tag.tag.as_str()).collect::<Vec<_>>(), ["books", "odd"]);

    // The beginning of a value says the same of itself, and its tags once it reaches so far.
    for length in 0..=bytes.len() {
        let beginning = summary(&bytes[..length], stored.remaining);
        assert_eq!(beginning.is_ok(), length >= Summary::LENGTH, "{length}");
        if let Ok(beginning) = beginning {
            assert_eq!((beginning.ttl, beginning.age), (seen.ttl, seen.age));
            let tags = beginning.tags.map(|tags| tags.join(" "));
            assert!(tags.is_none() || tags.as_deref() == Some("books odd"), "{length}: {tags:?}");
        }
    }
    assert!(look("shop:{k:other}:0", bytes, stored.remaining).is_ok_and(|seen| !seen.is_own_name));
    // What is broken anywhere is no value, and no panic.
    for at in 0..bytes.len() {
        let mut broken = bytes.to_vec();
        broken[at] ^= 1;
        assert!(look(&values[0], &broken, stored.remaining).is_err(), "{at}");
        drop(summary(&broken, stored.remaining));
    }
}

#[tokio::test]
async fn a_fleet_in_memory_forgets_who_does_not_come_again() {
    let clock = ManualClock::new();
    let operator = MemoryBackend::with_clock(&clock).operator().unwrap();
    let life = Duration::from_secs(3);
    for id in ["web-2", "web-1"] {
        operator.join_fleet("shop:", &Membership::new(id, id, life)).await.unwrap();
    }
    clock.advance(Duration::from_secs(2));
    operator.join_fleet("shop:", &Membership::new("web-1", "again", life)).await.unwrap();
    clock.advance(Duration::from_secs(2));
    let fleet = operator.fleet("shop:").await.unwrap();
    let shown: Vec<_> = fleet
        .iter()
        .map(|it| (it.id.as_str(), it.since.as_secs(), it.document.is_some()))
        .collect();
    assert_eq!(shown, [("web-1", 2, true), ("web-2", 4, false)]);
    clock.advance(life * Membership::LIVES);
    assert_eq!(operator.fleet("shop:").await.unwrap().len(), 0);
    operator.join_fleet("shop:", &Membership::new("web-3", "", life)).await.unwrap();
    operator.leave_fleet("shop:", "web-3").await.unwrap();
    assert_eq!(operator.fleet("shop:").await.unwrap().len(), 0);
    assert!(operator.join_fleet("shop:", &Membership::new("a b", "", life)).await.is_err());
}
