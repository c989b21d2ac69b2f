//! A service whose calls, keys, tags and values are what nobody may read.

use std::time::Duration;

use athena_cache::{Cache, athena_cache, athena_invalidate, of};

use super::needles::{Needles, Reader};
use super::outputs::Outputs;

#[derive(Debug, Clone)]
enum Fault {
    Down,
    Cache(String),
}

impl From<athena_cache::Error> for Fault {
    fn from(error: athena_cache::Error) -> Self {
        Self::Cache(format!("{error} {error:?}"))
    }
}

#[athena_cache(ttl = "10s", grace = "1h", name = "leaks::of", tags = ["of:{argument}", "{tag}"], skip(value), cache = cache)]
async fn of_argument(
    cache: &Cache,
    argument: &str,
    tag: &str,
    value: &str,
) -> Result<String, Fault> {
    Ok(value.to_owned())
}

#[athena_cache(ttl = "1ms", grace = "1h", name = "leaks::stale", key = "stale:{argument}", fallback = FailFast, cache = cache)]
async fn stale(cache: &Cache, argument: &str) -> Result<String, Fault> {
    if argument.is_empty() { Ok(String::new()) } else { Err(Fault::Down) }
}

#[athena_cache(ttl = "10s", name = "leaks::quiet", secret(secret), cache = cache)]
async fn quiet(cache: &Cache, secret: &str) -> usize {
    secret.len()
}

#[athena_cache(ttl = "10s", name = "leaks::late", hard_timeout = "20ms", cache = cache)]
async fn late(cache: &Cache, argument: &str) -> Result<usize, Fault> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(argument.len())
}

#[athena_cache(ttl = "10s", name = "leaks::each", each = ids, cache = cache)]
async fn of_each(cache: &Cache, ids: &[String]) -> std::collections::HashMap<String, String> {
    ids.iter().map(|id| (id.clone(), id.clone())).collect()
}

#[athena_invalidate(keys = ["stale:{argument}"], tags = ["of:{argument}", "{tag}"], cache = cache)]
async fn change(cache: &Cache, argument: &str, tag: &str) -> Result<(), Fault> {
    Ok(())
}

/// Cannot be written.
#[derive(Debug, Clone, serde::Deserialize)]
struct Mute;

impl serde::Serialize for Mute {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it has no form"))
    }
}

/// Everything that a service does with a cache; what it is told may name nodes.
pub async fn calls(cache: &Cache, needles: &Needles, outputs: &mut Outputs) {
    let Needles { key, argument, tag, value, secret, .. } = needles;
    let mut show = |it: &dyn std::fmt::Debug| outputs.show("error of a call", Reader::Operator, it);
    for _ in 0..3 {
        show(&of_argument(cache, argument, tag, value).await.map(drop));
        show(&stale(cache, argument).await.map(drop));
        show(&quiet(cache, secret).await);
    }
    show(&late(cache, argument).await);
    drop(of_each(cache, &[argument.clone(), key.clone()]).await);
    let by_hand = || cache.entry(key).ttl(Duration::from_secs(60)).tags([tag]);
    show(&by_hand());
    show(&by_hand().insert(value.clone()).await.map_err(|error| (error.to_string(), error)));
    show(&by_hand().insert(Mute).await.map_err(|error| (error.to_string(), error)));
    show(&by_hand().get_or_load(async || Ok::<_, Fault>(value.clone())).await.map(drop));
    show(&cache.batch([key, argument]));
    show(&of(of_argument(cache, argument, tag, value)).observe().await.map(drop));
    show(&of(of_argument(cache, argument, tag, value)).expire().await);
    show(&of(quiet(cache, secret)).invalidate().await);
    show(&change(cache, argument, tag).await);
    show(&cache.invalidate(key).await);
    show(&cache.invalidate_tag(tag).await);
    show(&cache.invalidate_function(key).await.map_err(|error| error.is_not_grouped()));
    cache.settle().await;
    // What is read by others is there again.
    drop(of_argument(cache, argument, tag, value).await);
    drop(by_hand().insert(value.clone()).await);
    cache.settle().await;
}
