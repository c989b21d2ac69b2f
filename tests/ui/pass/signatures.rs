//! Generics, lifetimes, patterns, and bodies of all shapes.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(clippy::missing_errors_doc, clippy::needless_pass_by_value)]

use std::collections::HashMap;
use std::fmt::Display;

use athena_cache::{Cache, athena_cache};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[derive(Clone, Copy, Serialize)]
struct Point {
    x: u8,
    y: u8,
}

struct Db;

#[athena_cache(ttl = "1m")]
async fn generic<T, const N: usize>(values: &[u8], like: T) -> Result<T, String>
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    if values.len() < N {
        return Err("few".to_owned());
    }
    Ok(like)
}

#[athena_cache(ttl = "1m", skip(shown), tags = ["{shown}"])]
async fn opaque(
    id: impl Serialize + Into<u64> + Send + Sync,
    shown: impl Display + Send + Sync,
) -> u64 {
    let text = shown.to_string();
    id.into() + u64::try_from(text.len()).unwrap_or(0)
}

#[athena_cache(ttl = "1m")]
async fn lifetimes<'a, 'b: 'a>(first: &'a str, second: &'b [u8]) -> usize {
    first.len() + second.len()
}

#[athena_cache(ttl = "1m")]
async fn patterns(
    (a, mut b): (u8, u8),
    Point { x, y: _ }: Point,
    _: u8,
    mut owned: Vec<u8>,
    &[first, ..]: &[u8; 2],
) -> Vec<u8> {
    b += 1;
    owned.extend([a, b, x, first]);
    owned
}

#[athena_cache(ttl = "1m", skip(db, y))]
async fn skipped(_db: u8, db: &Db, Point { y, .. }: Point) -> u8 {
    let Db = db;
    y
}

#[athena_cache(ttl = "1m", skip(rest))]
async fn ignored_pattern(id: u8, Point { .. }: Point, rest: &mut Vec<u8>) -> u8 {
    rest.push(id);
    id
}

#[athena_cache(key = "raw:{r#type}:{pair.0}:{pair.1.x}")]
async fn raw(r#type: u8, pair: (u8, Point)) -> u8 {
    r#type + pair.0
}

/// Documented, and an attribute after ours.
#[athena_cache(
    ttl = "1m", grace = "1h", jitter = "10%", negative_ttl = "0s", hard_timeout = "10s",
    fallback = OriginOnly, codec = Postcard, name = "signatures::rich", version = 3,
    tags_from = |map| map.keys().cloned().collect::<Vec<_>>(),
    unless = HashMap::is_empty, grace_unless = |error| error.0.is_empty(),
    cache = cache,
)]
#[must_use]
async fn rich(cache: &Cache, id: String) -> Result<Option<HashMap<String, u8>>, Failure> {
    let mut map = HashMap::new();
    map.insert(id, 1);
    Ok(Some(map))
}

#[derive(Clone, Debug)]
struct Failure(String);

impl From<athena_cache::Error> for Failure {
    fn from(_: athena_cache::Error) -> Self {
        Self(String::new())
    }
}

/// Neither `Clone` nor anything else.
#[derive(Debug)]
struct Bare;

#[athena_cache(tier = memory)]
async fn not_serialized(id: u8) -> Result<std::sync::Arc<std::sync::Mutex<u8>>, Bare> {
    if id == 0 {
        Err(Bare)
    } else {
        Ok(std::sync::Arc::new(std::sync::Mutex::new(id)))
    }
}

#[athena_cache(cache = Cache::in_memory("made on the spot"))]
async fn own_cache(id: u8) -> u8 {
    id
}

#[athena_cache]
async fn nothing_set() -> Result<Option<u8>, Bare> {
    #![allow(clippy::no_effect_underscore_binding)]
    let value = helper().await?;
    Ok(value)
}

async fn helper() -> Result<Option<u8>, Bare> {
    std::future::ready(Ok(None)).await
}

struct Repo<T>(std::marker::PhantomData<T>);

impl<T: Serialize> Repo<T> {
    #[athena_cache(ttl = "1m")]
    async fn count(_like: &T) -> usize {
        std::future::ready(size_of::<T>()).await
    }
}

fn sent<T: Send>(future: T) -> T {
    future
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        assert_eq!(
            sent(generic::<String, 1>(&[1], "a".to_owned()))
                .await
                .unwrap(),
            "a"
        );
        assert_eq!(sent(opaque(1_u32, "abc")).await, 4);
        assert_eq!(sent(lifetimes("a", &[1])).await, 2);
        let point = Point { x: 3, y: 4 };
        assert_eq!(
            sent(patterns((1, 1), point, 0, vec![], &[5, 6])).await,
            [1, 2, 3, 5]
        );
        assert_eq!(sent(skipped(0, &Db, point)).await, 4);
        assert_eq!(sent(ignored_pattern(1, point, &mut vec![])).await, 1);
        assert_eq!(sent(raw(1, (2, point))).await, 3);
        let cache = Cache::in_memory("test");
        assert_eq!(sent(rich(&cache, "a".to_owned())).await.unwrap().unwrap()["a"], 1);
        assert!(sent(not_serialized(0)).await.is_err());
        assert_eq!(sent(own_cache(1)).await, 1);
        assert!(sent(nothing_set()).await.unwrap().is_none());
        assert_eq!(sent(Repo::count(&1_u16)).await, 2);
    });
}
