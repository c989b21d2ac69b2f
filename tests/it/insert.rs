//! A value that the caller has just written, in place of a load.

use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Error, Source, athena_cache, of};

use crate::world::{Fault, Gate, Origin, Remote, World, until};

struct Shop {
    cache: Cache,
}

/// What a trait asks of a shop.
trait Sells {
    async fn sold(&self, id: u32) -> Result<u32, Fault>;
}

impl Shop {
    #[athena_cache(ttl = "10s", cache = self.cache, skip(self))]
    async fn price(&self, id: u32) -> u32 {
        panic!("loads {id}")
    }
}

impl Sells for Shop {
    #[athena_cache(ttl = "10s", cache = self.cache, skip(self))]
    async fn sold(&self, id: u32) -> Result<u32, Fault> {
        panic!("loads {id}")
    }
}

#[athena_cache(
    ttl = "10s", negative_ttl = "1s", tags = ["named"], tags_from = |name| [format!("of:{name}")],
    ttl_from = |name| Duration::from_secs(name.len() as u64), unless = |name| name == "nobody",
    cache = cache, skip(load)
)]
async fn name(
    cache: &Cache,
    id: u32,
    load: impl Future<Output = Result<Option<String>, Fault>>,
) -> Result<Option<String>, Fault> {
    load.await
}

#[athena_cache(ttl = "10s", when = id > 0, cache = cache, refresh = "80%")]
async fn generic<T>(cache: &Cache, id: u32, of: T) -> Option<T>
where
    T: Clone + Send + Sync + 'static + serde::Serialize + serde::de::DeserializeOwned,
{
    (id > 100).then_some(of)
}

fn unloaded<T>() -> impl Future<Output = T> {
    std::future::poll_fn(|_| panic!("loads"))
}

/// The name with what the cache says of it; nothing runs.
async fn peeked(cache: &Cache, id: u32) -> Option<Option<String>> {
    of(name(cache, id, unloaded())).peek().await.unwrap().map(Result::unwrap)
}

#[tokio::test]
async fn what_is_inserted_is_answered_wherever_a_function_stands() {
    let world = World::in_memory();
    let (cache, shop) = (&world.cache, Shop { cache: world.cache.clone() });
    of(shop.price(1)).insert(5_u32).await.unwrap();
    of(shop.sold(1)).insert(6_u32).await.unwrap();
    of(shop.sold(2)).insert(Ok(7)).await.unwrap();
    of(generic(cache, 1, "a".to_owned())).insert("b".to_owned()).await.unwrap();
    of(generic(cache, 1, 2_u8)).insert(Some(3)).await.unwrap();
    assert_eq!((shop.price(1).await, shop.sold(1).await, shop.sold(2).await), (5, Ok(6), Ok(7)));
    assert_eq!(generic(cache, 1, "a".to_owned()).await.as_deref(), Some("b"));
    assert_eq!(generic(cache, 1, 2_u8).await, Some(3));
    assert_eq!(cache.stats().loads, 0);
}

#[tokio::test]
async fn it_has_the_tags_and_the_time_that_a_loaded_value_has() {
    let remote = Remote::tiered();
    let (cache, other) = (&remote.world.cache, remote.neighbour());
    for tag in ["named", "of:ada"] {
        for cache in [cache, &other] {
            of(name(cache, 1, unloaded())).insert("ada".to_owned()).await.unwrap();
            assert_eq!(peeked(&other, 1).await, Some(Some("ada".to_owned())));
            assert_eq!(peeked(cache, 1).await, Some(Some("ada".to_owned())));
            let _ = other.invalidate_tag(tag).await;
            assert_eq!(peeked(&other, 1).await, None, "{tag}");
        }
    }
    of(name(cache, 1, unloaded())).insert(Ok(Some("ada".to_owned()))).await.unwrap();
    remote.world.advance(Duration::from_secs(3) - Duration::from_millis(1));
    assert!(peeked(&other, 1).await.is_some());
    remote.world.advance(Duration::from_millis(1));
    assert!(peeked(cache, 1).await.is_none());
}

#[tokio::test]
async fn nothing_is_inserted_for_as_long_as_it_is_remembered() {
    let remote = Remote::tiered();
    let (cache, other) = (&remote.world.cache, remote.neighbour());
    of(name(cache, 1, unloaded())).insert("ada".to_owned()).await.unwrap();
    of(name(cache, 1, unloaded())).insert(Ok(None)).await.unwrap();
    assert_eq!(peeked(cache, 1).await, Some(None));
    assert_eq!(peeked(&other, 1).await, Some(None));
    remote.world.advance(Duration::from_secs(1));
    assert_eq!(peeked(&other, 1).await, None);
}

#[tokio::test]
async fn what_is_not_kept_ends_what_was_there() {
    for unwanted in ["nobody", ""] {
        let remote = Remote::tiered();
        let (cache, other) = (&remote.world.cache, remote.neighbour());
        of(name(cache, 1, unloaded())).insert("ada".to_owned()).await.unwrap();
        assert!(peeked(&other, 1).await.is_some());
        of(name(cache, 1, unloaded())).insert(unwanted.to_owned()).await.unwrap();
        assert_eq!((peeked(cache, 1).await, peeked(&other, 1).await), (None, None), "{unwanted}");
    }
}

#[tokio::test]
async fn a_load_under_way_does_not_replace_it() {
    let (world, origin, gate) = (World::in_memory(), Origin::default(), Gate::closed());
    let (cache, old) = (world.cache.clone(), origin.waits(&gate, Ok(Some("old".to_owned()))));
    let load = tokio::spawn(async move { name(&cache, 1, old).await });
    until("it loads", || origin.loads() == 1).await;
    of(name(&world.cache, 1, unloaded())).insert("new".to_owned()).await.unwrap();
    gate.open();
    assert_eq!(load.await.unwrap().unwrap().as_deref(), Some("old"));
    assert_eq!(peeked(&world.cache, 1).await.flatten().as_deref(), Some("new"));
}

#[tokio::test]
async fn what_cannot_be_inserted_is_told() {
    let world = World::in_memory();
    let cache = &world.cache;
    let told = |end: Result<(), Error>| end.unwrap_err().to_string();
    let failed = of(name(cache, 1, unloaded())).insert(Err(Fault::Down)).await;
    assert!(told(failed).ends_with("::name`: it is an error"));
    let changed = async { name(cache, 1, unloaded()).await.unwrap().unwrap_or_default() };
    let changed = of(changed).insert("ada".to_owned()).await;
    assert!(told(changed).ends_with("of another type than what the function returns"));
    let unwanted = of(generic(cache, 0, 1_u8)).insert(1).await.unwrap_err();
    assert!(unwanted.is_bypassed(), "{unwanted}");
    assert!(
        unwanted
            .to_string()
            .ends_with("::generic` runs without the cache: the condition of `when` does not hold")
    );
    assert!(of(async { 1_u8 }).insert(1_u8).await.unwrap_err().is_not_annotated());
    assert!(of(std::future::pending::<u8>()).insert(1_u8).await.unwrap_err().is_not_annotated());
    cache.close().await;
    assert!(of(generic(cache, 1, 1_u8)).insert(1).await.unwrap_err().is_bypassed());
    assert_eq!(cache.stats().loads, 0);
}

#[tokio::test]
async fn what_the_backend_does_not_take_is_an_error_and_no_old_value_answers() {
    let remote = Remote::tiered();
    let cache = &remote.world.cache;
    of(name(cache, 1, unloaded())).insert("ada".to_owned()).await.unwrap();
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    let refused = of(name(cache, 1, unloaded())).insert("bob".to_owned()).await.unwrap_err();
    assert!(refused.is_backend(), "{refused}");
    let answer = of(name(cache, 1, Origin::default().returns(Ok(None)))).observe().await.unwrap();
    assert_eq!((answer.value, answer.outcome.source), (Ok(None), Source::Load));
}
