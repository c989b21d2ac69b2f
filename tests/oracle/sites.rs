//! The items of a play: cached in every way in which a function can be.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use athena_cache::{Cache, Invalidated, Outcome, Settings, athena_cache, athena_invalidate, of};

use super::furnished;
use super::source::Source;
use super::value::Value;
use super::workload::Options;

/// How an item is cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    /// By key alone.
    Plain,
    /// With a tag that the call knows.
    Tagged,
    /// With a tag that only the value knows.
    Labelled,
    /// Reloaded in the background while it is fresh.
    Renewed,
    /// Without an annotation.
    ByHand,
}

const SITES: [Site; 5] = [Site::Plain, Site::Tagged, Site::Labelled, Site::Renewed, Site::ByHand];
/// How many groups the items with tags form.
pub(crate) const GROUPS: usize = 2;
/// How many items there are: each site has one in each group.
pub(crate) const ITEMS: usize = SITES.len() * GROUPS;

/// Every item.
pub(crate) fn all() -> impl Iterator<Item = usize> + Clone {
    0..ITEMS
}

/// How an item is cached.
pub(crate) fn site(item: usize) -> Site {
    SITES[item % SITES.len()]
}

/// The group that an item is tagged with, or would be.
pub(crate) fn group(item: usize) -> usize {
    item / SITES.len() % GROUPS
}

/// Whether invalidating a group reaches an item.
pub(crate) fn is_in(item: usize, the_group: usize) -> bool {
    let is_tagged = matches!(site(item), Site::Tagged | Site::Labelled | Site::ByHand);
    is_tagged && group(item) == the_group
}

/// Items that can be read together.
pub(crate) fn batch() -> impl Iterator<Item = usize> + Clone {
    all().filter(|item| site(*item) == Site::Plain)
}

/// The name of an item's entry.
pub(crate) fn name(item: usize) -> String {
    format!("item:{}:{item}", word(item))
}

/// The word for an item's site.
pub(super) fn word(item: usize) -> &'static str {
    match site(item) {
        Site::Plain => "plain",
        Site::Tagged => "tagged",
        Site::Labelled => "labelled",
        Site::Renewed => "renewed",
        Site::ByHand => "by-hand",
    }
}

/// The tag of a group.
pub(crate) fn tag(group: usize) -> String {
    format!("group:{group}")
}

/// How long an item is kept at most.
pub(crate) fn life(item: usize, options: Options) -> Duration {
    match (options, site(item)) {
        // Those that are read together have no options then.
        (_, Site::Plain) | (Options::Few, Site::Tagged | Site::Labelled | Site::ByHand) => {
            Settings::default().ttl
        }
        (Options::Few, Site::Renewed) => Duration::from_millis(1_500),
        (Options::Every, _) => furnished::TTL + furnished::GRACE,
    }
}

/// How long an item is fresh, if that is shorter than a play.
pub(crate) fn ttl(item: usize, options: Options) -> Option<Duration> {
    match (options, site(item)) {
        (Options::Few, Site::Renewed) => Some(Duration::from_millis(1_500)),
        (Options::Every, Site::Tagged | Site::Labelled | Site::Renewed | Site::ByHand) => {
            Some(furnished::TTL)
        }
        _ => None,
    }
}

#[athena_cache(key = "item:plain:{item}", skip(source), cache = cache)]
async fn plain(cache: &Cache, source: &Source, item: usize) -> Result<Value, Infallible> {
    Ok(source.load(item).await)
}

#[athena_cache(
    key = "item:tagged:{item}", skip(source, group), tags = ["group:{group}"], cache = cache
)]
async fn tagged(
    cache: &Cache,
    source: &Source,
    item: usize,
    group: usize,
) -> Result<Value, Infallible> {
    Ok(source.load(item).await)
}

#[athena_cache(key = "item:labelled:{item}", skip(source), tags_from = label, cache = cache)]
async fn labelled(cache: &Cache, source: &Source, item: usize) -> Result<Value, Infallible> {
    Ok(source.load(item).await)
}

fn label(value: &Value) -> [String; 1] {
    [tag(group(usize::try_from(value.item).unwrap_or_default()))]
}

#[athena_cache(
    key = "item:renewed:{item}", skip(source), ttl = "1500ms", refresh = "40%", cache = cache
)]
async fn renewed(cache: &Cache, source: &Source, item: usize) -> Result<Value, Infallible> {
    Ok(source.load(item).await)
}

/// One call, with what its value is flagged as.
pub(crate) async fn read(cache: &Cache, source: &Source, item: usize) -> (Value, Outcome) {
    if source.options() == Options::Every {
        return furnished::read(cache, source, item).await;
    }
    let seen = match site(item) {
        Site::Plain => of(plain(cache, source, item)).observe().await,
        Site::Tagged => of(tagged(cache, source, item, group(item))).observe().await,
        Site::Labelled => of(labelled(cache, source, item)).observe().await,
        Site::Renewed => of(renewed(cache, source, item)).observe().await,
        Site::ByHand => {
            let load = || async { Ok::<_, Infallible>(source.load(item).await) };
            Ok(cache.entry(name(item)).tags([tag(group(item))]).observe(load).await)
        }
    };
    let seen = seen.expect("it is annotated");
    let Ok(value) = seen.value;
    (value, seen.outcome)
}

/// Several items in one call.
pub(crate) async fn read_batch(cache: &Cache, source: &Source) -> HashMap<usize, Value> {
    let places: HashMap<_, _> = batch().map(|item| (name(item), item)).collect();
    let load = |missing: Vec<String>| {
        let places = &places;
        async move {
            let mut found = HashMap::new();
            for name in missing {
                let value = source.load(places[&name]).await;
                found.insert(name, value);
            }
            Ok::<_, Infallible>(found)
        }
    };
    let Ok(found) = cache.batch(places.keys().cloned()).get_or_load_many(load).await;
    found.into_iter().map(|(name, value)| (places[&name], value)).collect()
}

/// Invalidates one item as its function names it.
pub(crate) async fn invalidate(cache: &Cache, source: &Source, item: usize) -> Invalidated {
    if source.options() == Options::Every {
        return furnished::invalidate(cache, source, item).await;
    }
    let done = match site(item) {
        Site::Plain => of(plain(cache, source, item)).invalidate().await,
        Site::Tagged => of(tagged(cache, source, item, group(item))).invalidate().await,
        Site::Labelled => of(labelled(cache, source, item)).invalidate().await,
        Site::Renewed => of(renewed(cache, source, item)).invalidate().await,
        Site::ByHand => Ok(cache.invalidate(name(item)).await),
    };
    done.expect("it is annotated")
}

/// Changes an item of the first site, by a function that invalidates it.
#[athena_invalidate(keys = ["item:plain:{item}"], cache = cache)]
pub(crate) async fn change(
    cache: &Cache,
    source: &Source,
    item: usize,
) -> Result<Vec<(usize, u32)>, Infallible> {
    Ok(vec![(item, source.write(item))])
}

/// Changes a group, by a function that invalidates its tag.
#[athena_invalidate(tags = ["group:{group}"], cache = cache)]
pub(crate) async fn change_group(
    cache: &Cache,
    source: &Source,
    group: usize,
) -> Result<Vec<(usize, u32)>, Infallible> {
    Ok(all().filter(|item| is_in(*item, group)).map(|item| (item, source.write(item))).collect())
}
