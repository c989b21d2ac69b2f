//! The same items, cached with everything that may answer in a value's place or load it again.

use std::convert::Infallible;
use std::time::Duration;

use athena_cache::{Cache, Error, Invalidated, Observed, Outcome, Percent, athena_cache, of};

use super::sites::{self, Site};
use super::source::Source;
use super::value::Value;

pub(super) const TTL: Duration = Duration::from_millis(1_500);
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// Less than many loads take.
const SOFT_TIMEOUT: Duration = Duration::from_millis(60);
/// One version in so many is not kept.
const REFUSED: u32 = 9;

#[athena_cache(
    key = "item:{site}:{item}", shared, skip(source), tags_from = label, ttl = "1500ms",
    grace = "5s", jitter = "20%", refresh = "60%", soft_timeout = "60ms", unless = is_refused,
    cache = cache
)]
async fn labelled(
    cache: &Cache,
    source: &Source,
    site: &str,
    item: usize,
) -> Result<Value, Infallible> {
    Ok(source.load(item).await)
}

#[athena_cache(
    key = "item:{site}:{item}", shared, skip(source, group), tags = ["group:{group}"],
    tags_from = label, ttl = "1500ms", grace = "5s", jitter = "20%", refresh = "60%",
    soft_timeout = "60ms", unless = is_refused, codec = Json, cache = cache
)]
async fn tagged(
    cache: &Cache,
    source: &Source,
    site: &str,
    item: usize,
    group: usize,
) -> Result<Value, Infallible> {
    Ok(source.load(item).await)
}

/// The tag of a value, if invalidating its group reaches it.
fn label(value: &Value) -> Option<String> {
    let item = usize::try_from(value.item).ok()?;
    let group = sites::group(item);
    sites::is_in(item, group).then(|| sites::tag(group))
}

fn is_refused(value: &Value) -> bool {
    value.version % REFUSED == REFUSED - 1
}

/// One call, with what its value is flagged as.
pub(super) async fn read(cache: &Cache, source: &Source, item: usize) -> (Value, Outcome) {
    let seen = match sites::site(item) {
        Site::Plain | Site::Renewed | Site::Labelled => {
            of(labelled(cache, source, sites::word(item), item)).observe().await
        }
        Site::Tagged => {
            of(tagged(cache, source, sites::word(item), item, sites::group(item))).observe().await
        }
        Site::ByHand => Ok(by_hand(cache, source, item).await),
    };
    let Observed { value: Ok(value), outcome, .. } = seen.expect("it is annotated");
    (value, outcome)
}

async fn by_hand(
    cache: &Cache,
    source: &Source,
    item: usize,
) -> Observed<Result<Value, Infallible>> {
    let source = source.clone();
    let entry = cache.entry(sites::name(item)).tags([sites::tag(sites::group(item))]);
    let entry = entry.ttl(TTL).grace(GRACE).jitter(Percent::new(20)).in_background();
    let entry = entry.refresh(Percent::new(60)).soft_timeout(SOFT_TIMEOUT);
    entry.observe(move || async move { Ok(source.load(item).await) }).await
}

/// Invalidates one item as its function names it.
pub(super) async fn invalidate(cache: &Cache, source: &Source, item: usize) -> Invalidated {
    let done = match sites::site(item) {
        Site::Plain | Site::Renewed | Site::Labelled => {
            of(labelled(cache, source, sites::word(item), item)).invalidate().await
        }
        Site::Tagged => {
            of(tagged(cache, source, sites::word(item), item, sites::group(item)))
                .invalidate()
                .await
        }
        Site::ByHand => Ok(cache.invalidate(sites::name(item)).await),
    };
    done.expect("it is annotated")
}

/// Has an item loaded anew instead of invalidating it, where its function can.
pub(crate) async fn refresh(cache: &Cache, source: &Source, item: usize) {
    let loaded: Result<Result<Value, Infallible>, Error> = match sites::site(item) {
        Site::Plain | Site::Renewed | Site::Labelled => {
            of(labelled(cache, source, sites::word(item), item)).refresh().await
        }
        Site::Tagged => {
            of(tagged(cache, source, sites::word(item), item, sites::group(item))).refresh().await
        }
        Site::ByHand => {
            let _ = cache.invalidate(sites::name(item)).await;
            return;
        }
    };
    let _ = loaded.expect("it is annotated");
}
