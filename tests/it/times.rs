//! Times of a function: constants, and those that a value tells.

use std::time::Duration;

use athena_cache::{Cache, Source, athena_cache, of};

use crate::world::{Fault, GRACE, Origin, Remote, World};

const TTL: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// A value that tells how long it is fresh.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Token {
    lasts: Duration,
}

impl Token {
    const LIFE: Duration = TTL;

    fn of(lasts: Duration) -> Self {
        Self { lasts }
    }
}

struct Shop {
    cache: Cache,
}

/// What a trait asks of a shop.
trait Sells {
    async fn sold(&self, load: impl Future<Output = u32>) -> u32;
}

impl Shop {
    #[athena_cache(ttl = Token::LIFE, cache = self.cache, skip(self, load))]
    async fn method(&self, load: impl Future<Output = u32>) -> u32 {
        load.await
    }

    #[athena_cache(ttl = "1h", ttl_from = Self::lasts, cache = self.cache, skip(self, load))]
    async fn token(&self, load: impl Future<Output = Option<Token>>) -> Option<Token> {
        load.await
    }

    fn lasts(token: &Token) -> Duration {
        token.lasts
    }
}

impl Sells for Shop {
    #[athena_cache(ttl = TTL.saturating_mul(1), grace = Duration::ZERO, cache = self.cache, skip(self, load))]
    async fn sold(&self, load: impl Future<Output = u32>) -> u32 {
        load.await
    }
}

#[athena_cache(ttl = TTL, negative_ttl = SECOND, grace = Duration::MAX, cache = cache, skip(cache, load))]
async fn constant(cache: &Cache, load: impl Future<Output = Option<u32>>) -> Option<u32> {
    load.await
}

#[athena_cache(ttl = std::time::Duration::from_secs(10), cache = cache, skip(load))]
async fn generic<T>(cache: &Cache, load: impl Future<Output = T>) -> T
where
    T: Clone + Send + Sync + 'static + serde::Serialize + serde::de::DeserializeOwned,
{
    load.await
}

#[athena_cache(
    ttl = "1h", negative_ttl = "1s", ttl_from = |token| token.lasts, cache = cache, skip(cache, load)
)]
async fn adaptive(
    cache: &Cache,
    load: impl Future<Output = Result<Option<Token>, Fault>>,
) -> Result<Option<Token>, Fault> {
    load.await
}

#[athena_cache(
    ttl = "1h", grace = "60s", tags = ["tokens"], tags_from = |token| [format!("of:{}", token.lasts.as_secs())],
    ttl_from = |token| token.lasts, cache = cache, skip(cache, load)
)]
async fn tagged(cache: &Cache, load: impl Future<Output = Token>) -> Token {
    load.await
}

#[athena_cache(ttl_from = |token| token.lasts, refresh = "80%", cache = cache, skip(cache, load))]
async fn refreshed(cache: &Cache, load: Load) -> Token {
    load.0.returns(load.1).await
}

/// A load that can be called again.
#[derive(Clone)]
struct Load(Origin, Token);

#[athena_cache(ttl_from = |_: &u32| panic!("of a user"), cache = cache, skip(cache, load))]
async fn panics(cache: &Cache, load: impl Future<Output = u32>) -> u32 {
    load.await
}

#[athena_cache(ttl_from = |value| *value, cache = cache, skip(load))]
async fn generic_adaptive<T>(cache: &Cache, of: T, load: impl Future<Output = Duration>) -> Duration
where
    T: serde::Serialize,
{
    load.await
}

#[tokio::test]
async fn a_constant_is_the_time_that_it_says_wherever_a_function_stands() {
    let (world, origin) = (World::in_memory(), Origin::default());
    let (cache, shop) = (&world.cache, Shop { cache: world.cache.clone() });
    let all = async || {
        constant(cache, origin.returns(Some(1))).await;
        generic(cache, origin.returns(2_u8)).await;
        shop.method(origin.returns(3)).await;
        shop.sold(origin.returns(4)).await;
        origin.loads()
    };
    assert_eq!(all().await, 4);
    world.advance(TTL - Duration::from_millis(1));
    assert_eq!(all().await, 4);
    world.advance(Duration::from_millis(1));
    assert_eq!(all().await, 8);
}

#[tokio::test]
async fn a_constant_negative_ttl_is_that_of_nothing() {
    let (world, origin) = (World::in_memory(), Origin::default());
    for (passed, loads) in [(Duration::ZERO, 1), (SECOND / 2, 1), (SECOND, 2)] {
        world.advance(passed);
        assert_eq!(constant(&world.cache, origin.returns(None)).await, None);
        assert_eq!(origin.loads(), loads);
    }
}

#[tokio::test]
async fn a_value_tells_how_long_it_is_fresh() {
    let (world, origin) = (World::in_memory(), Origin::default());
    let cache = &world.cache;
    let ask = async |lasts: Duration| {
        adaptive(cache, origin.returns(Ok(Some(Token::of(lasts))))).await.unwrap().unwrap().lasts
    };
    assert_eq!(ask(3 * SECOND).await, 3 * SECOND);
    world.advance(2 * SECOND);
    assert_eq!(ask(SECOND).await, 3 * SECOND);
    world.advance(SECOND);
    assert_eq!(ask(SECOND).await, SECOND, "past its own time, within the function's");
    world.advance(SECOND);
    assert_eq!(ask(TTL).await, TTL);
    assert_eq!(origin.loads(), 3);
}

#[tokio::test]
async fn a_value_that_lasts_for_nothing_is_not_kept_and_one_that_lasts_for_ever_is() {
    let (world, origin) = (World::in_memory(), Origin::default());
    let (cache, shop) = (&world.cache, Shop { cache: world.cache.clone() });
    for loads in 1..3 {
        shop.token(origin.returns(Some(Token::of(Duration::ZERO)))).await;
        assert_eq!(origin.loads(), loads);
    }
    for _ in 0..2 {
        shop.token(origin.returns(Some(Token::of(Duration::MAX)))).await;
        world.advance(Duration::from_secs(80 * 365 * 24 * 60 * 60));
    }
    assert_eq!(origin.loads(), 3);
    for of in ["a", "b", "a"] {
        generic_adaptive(cache, of, origin.returns(TTL)).await;
        generic_adaptive(cache, of.len(), origin.returns(TTL)).await;
    }
    assert_eq!(origin.loads(), 6);
}

#[tokio::test]
async fn nothing_and_errors_are_not_asked_how_long_they_are_fresh() {
    let (world, origin) = (World::in_memory(), Origin::default());
    let cache = &world.cache;
    for (passed, loads) in [(Duration::ZERO, 1), (SECOND / 2, 1), (SECOND, 2)] {
        world.advance(passed);
        assert_eq!(adaptive(cache, origin.returns(Ok(None))).await, Ok(None));
        assert_eq!(origin.loads(), loads);
    }
    world.advance(SECOND);
    for loads in 3..5 {
        assert_eq!(adaptive(cache, origin.returns(Err(Fault::Down))).await, Err(Fault::Down));
        assert_eq!(origin.loads(), loads);
    }
}

#[tokio::test]
async fn a_question_for_the_time_that_panics_keeps_nothing_and_harms_nobody() {
    let (world, origin) = (World::in_memory(), Origin::default());
    for loads in 1..3 {
        assert_eq!(panics(&world.cache, origin.returns(7)).await, 7);
        assert_eq!(origin.loads(), loads);
    }
}

/// The longer time is longer than what was known when the tags were made.
#[tokio::test]
async fn other_processes_have_the_value_for_its_own_time_and_grace_and_lose_it_by_its_tags() {
    let day = Duration::from_secs(24 * 60 * 60);
    for lasts in [3 * SECOND, 30 * day] {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let (cache, other) = (&remote.world.cache, remote.neighbour());
        let call = async |cache: &Cache| {
            let seen = of(tagged(cache, origin.returns(Token::of(lasts)))).observe().await.unwrap();
            cache.settle().await;
            seen.outcome
        };
        assert_eq!(call(cache).await.source, Source::Load);
        remote.world.advance(lasts - SECOND);
        let seen = call(&other).await;
        assert_eq!((seen.source, seen.age, seen.stale), (Source::Backend, lasts - SECOND, false));
        remote.world.advance(SECOND);
        assert_eq!(call(&other).await.source, Source::Load);

        for tag in ["tokens".to_owned(), format!("of:{}", lasts.as_secs())] {
            remote.world.advance(lasts - SECOND);
            assert_eq!(call(cache).await.source, Source::Backend, "{lasts:?}");
            let _ = other.invalidate_tag(&tag).await;
            assert_eq!(call(cache).await.source, Source::Load, "{tag}");
        }
        let stale = cache.stats().stale_hits;
        remote.world.advance(lasts + GRACE);
        assert_eq!((call(cache).await.source, cache.stats().stale_hits), (Source::Load, stale));
    }
}

#[tokio::test]
async fn a_share_of_its_own_time_has_passed_when_a_value_is_refreshed() {
    let (world, origin) = (World::in_memory(), Origin::default());
    let cache = &world.cache;
    let call = async || {
        refreshed(cache, Load(origin.clone(), Token::of(TTL))).await;
        cache.settle().await;
        origin.loads()
    };
    assert_eq!(call().await, 1);
    world.advance(8 * SECOND - Duration::from_millis(1));
    assert_eq!(call().await, 1);
    world.advance(Duration::from_millis(1));
    assert_eq!(call().await, 2);
    world.advance(7 * SECOND);
    assert_eq!(call().await, 2);
}
