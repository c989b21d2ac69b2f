//! What names an entry.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};

use athena_cache::testing::MemoryBackend;
use athena_cache::{Cache, athena_cache, athena_invalidate, escape, of, tag};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize)]
enum Shape {
    Nothing,
    Circle(u32),
    Square { side: u32, name: String },
    Nested(Box<Shape>),
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Either {
    Number(u32),
    Text(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Query {
    text: String,
    page: Option<Option<u32>>,
    low: Option<i64>,
    high: Option<i64>,
    shape: Shape,
    either: Either,
    words: Vec<String>,
    labels: BTreeMap<String, String>,
}

#[athena_cache(name = "search")]
async fn search(first: &str, second: &str, query: &Query) -> u8 {
    first.len() as u8
}

#[athena_cache(name = "labels")]
async fn labels(labels: &HashMap<String, u32>) -> usize {
    labels.len()
}

fn key(first: &str, second: &str, query: &Query) -> String {
    on_cache(async { of(search(first, second, query)).key().await.unwrap() })
}

fn on_cache<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(Cache::in_memory("test").scope(work))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[ab:{}%#*$~]{0,4}", "\\PC{0,3}"]
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Nothing),
        (0..3_u32).prop_map(Shape::Circle),
        (0..3_u32, text()).prop_map(|(side, name)| Shape::Square { side, name }),
    ];
    leaf.prop_recursive(2, 4, 1, |inner| inner.prop_map(|inner| Shape::Nested(Box::new(inner))))
}

fn either() -> impl Strategy<Value = Either> {
    prop_oneof![
        (0..3_u32).prop_map(Either::Number),
        text().prop_map(Either::Text),
        prop::collection::vec(text(), 0..3).prop_map(Either::Many),
    ]
}

prop_compose! {
    fn query()(
        text in text(),
        page in prop::option::of(prop::option::of(0..2_u32)),
        low in prop::option::of(-2..2_i64),
        high in prop::option::of(-2..2_i64),
        shape in shape(),
        either in either(),
        words in prop::collection::vec(self::text(), 0..3),
        labels in prop::collection::btree_map(self::text(), self::text(), 0..3),
    ) -> Query {
        Query { text, page, low, high, shape, either, words, labels }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn different_arguments_never_share_a_key_and_equal_ones_always_do(
        one in (text(), text(), query()),
        two in (text(), text(), query()),
    ) {
        let keys = [&one, &two].map(|(first, second, query)| key(first, second, query));
        prop_assert_eq!(keys[0] == keys[1], one == two);
        prop_assert_eq!(key(&one.0, &one.1, &one.2), keys[0].clone());
    }

    #[test]
    fn one_argument_moved_into_another_is_another_key(first in text(), second in text(), query in query()) {
        let joined = format!("{first}{second}");
        let moved = key(&joined, "", &query);
        prop_assert_eq!(moved == key(&first, &second, &query), second.is_empty());
    }

    #[test]
    fn a_template_cannot_be_forged(a in text(), b in text(), c in text(), d in text()) {
        let key = |a: &str, b: &str| on_cache(async { of(pair(a, b)).key().await.unwrap() });
        prop_assert_eq!(key(&a, &b) == key(&c, &d), (a, b) == (c, d));
    }

    #[test]
    fn tags_and_names_of_any_text_are_told_apart_in_the_backend(one in text(), two in text()) {
        let names = [&one, &two].map(|text| {
            on_cache(async {
                let store = MemoryBackend::new();
                let cache = Cache::builder("test").backend(store.clone()).build().unwrap();
                cache.entry(text).tags([text]).insert(1_u8).await.unwrap();
                store.names()
            })
        });
        prop_assert_eq!(names[0] == names[1], one == two);
        let printable = |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic());
        prop_assert!(names.iter().flatten().all(printable));
    }
}

#[athena_cache(key = "pair:{a}:{b}")]
async fn pair(a: &str, b: &str) -> usize {
    a.len() + b.len()
}

#[test]
fn maps_that_are_equal_share_a_key_whatever_their_order() {
    fn map<S: BuildHasher + Default>(
        entries: impl Iterator<Item = u32>,
    ) -> HashMap<String, u32, S> {
        entries.map(|number| (number.to_string(), number)).collect()
    }
    for _ in 0..20 {
        let (up, down) = (map::<RandomState>(0..50), map::<RandomState>((0..50).rev()));
        let keys = [&up, &down].map(|map| on_cache(async { of(labels(map)).key().await.unwrap() }));
        assert_eq!(keys[0], keys[1]);
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Product {
    name: String,
}

#[athena_cache(name = "product")]
async fn product(id: u32, locale: &str) -> Product {
    Product { name: format!("{id} {locale}") }
}

/// Golden vectors: if one of these changes, every deployed cache goes cold and old invalidations miss.
#[test]
fn names_in_a_backend_are_as_they_always_were() {
    let names = on_cache(async {
        let store = MemoryBackend::new();
        let cache = Cache::builder("shop").backend(store.clone()).build().unwrap();
        cache
            .scope(async {
                product(42, "de").await;
                product(42, &"x".repeat(161)).await;
                cache.settle().await;
                cache.entry("user:42").tags(["users", "müller & co"]).insert(1_u8).await.unwrap();
                cache.entry("x".repeat(161)).insert(1_u8).await.unwrap();
                let _done = cache.invalidate_tag("unused").await;
            })
            .await;
        store.names()
    });
    assert_eq!(names, GOLDEN);
}

const GOLDEN: [&str; 8] = [
    "shop:#",
    "shop:#m$C3$BCller$20&$20co",
    "shop:#users",
    "shop:*",
    "shop:{f:product#$05$2A$10$02de}:6",
    "shop:{f:product~08df6b440360f78f515834d451b62fc62a24d3d2}:6",
    "shop:{k:user:42}:3",
    "shop:{k:~3c665a043b1e2db16e991d30f2fd88004b76be3b}:3",
];

#[test]
fn a_key_with_a_name_is_what_entry_takes() {
    on_cache(async {
        let cache = Cache::current().unwrap();
        pair("a b", "c").await;
        let key = of(pair("a b", "c")).key().await.unwrap();
        assert_eq!(key, format!("pair:{}:c", escape("a b")));
        assert_eq!(cache.entry(&key).get::<usize>().await.unwrap(), Some(4));
    });
}

#[test]
fn a_tag_made_by_hand_is_the_one_that_a_template_makes() {
    assert_eq!(tag("category", "tools & more"), "category:tools%20%26%20more");
    assert_eq!(tag("user", 42), "user:42");
}

#[athena_cache(key = "page:{path}", skip(origin), cache = cache)]
async fn page(cache: &Cache, origin: &AtomicU32, path: &str) -> Result<u32, Infallible> {
    Ok(origin.fetch_add(1, Ordering::SeqCst))
}

#[athena_cache(skip(origin), cache = cache)]
async fn found_by(cache: &Cache, origin: &AtomicU32, words: &str) -> Result<u32, Infallible> {
    Ok(origin.fetch_add(1, Ordering::SeqCst))
}

#[athena_invalidate(keys = ["page:{path}"], cache = cache)]
async fn change_page(cache: &Cache, path: &str) -> Result<(), Infallible> {
    Ok(())
}

#[tokio::test]
async fn however_long_a_key_is_every_way_to_name_its_entry_names_the_same_one() {
    for backend in [false, true] {
        let builder = Cache::builder("test");
        let cache = if backend { builder.backend(MemoryBackend::new()) } else { builder };
        let (cache, origin) = (&cache.build().unwrap(), &AtomicU32::new(0));
        let path = &"x".repeat(100_000);
        let Ok(first) = page(cache, origin, path).await;
        assert_eq!(page(cache, origin, path).await, Ok(first));
        let key = of(page(cache, origin, path)).key().await.unwrap();
        assert_eq!(key, format!("page:{path}"), "the whole name");
        assert_eq!(cache.entry(&key).get::<u32>().await.unwrap(), Some(first));
        let load = async |_| Ok::<_, Infallible>(HashMap::<String, u32>::new());
        let Ok(found) = cache.batch([&key]).get_or_load_many(load).await;
        assert_eq!(found.get(&key), Some(&first));
        let _ = of(page(cache, origin, path)).invalidate().await.unwrap();
        let Ok(second) = page(cache, origin, path).await;
        assert_eq!(second, first + 1);
        let _ = cache.invalidate(&key).await;
        assert_eq!(page(cache, origin, path).await, Ok(second + 1));
        let Ok(()) = change_page(cache, path).await;
        assert_eq!(page(cache, origin, path).await, Ok(second + 2));

        let Ok(found) = found_by(cache, origin, path).await;
        assert_eq!(found_by(cache, origin, path).await, Ok(found));
        assert_ne!(found_by(cache, origin, &path[1..]).await, Ok(found));
        let _ = of(found_by(cache, origin, path)).invalidate().await.unwrap();
        assert_ne!(found_by(cache, origin, path).await, Ok(found));
        let most = 10_000;
        assert!(cache.stats().memory_bytes < most, "{}", cache.stats().memory_bytes);
    }
}
