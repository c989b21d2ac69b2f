//! What the function said last: `Ok`, `None` and what `unless` refuses are its words, an error is none.

use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Entry, Source, athena_cache, of};

use crate::world::{Fault, Gate, Origin, Remote, World, others_rest};

const TTL: Duration = Duration::from_secs(10);
/// Past the threshold of a refresh.
const DUE: Duration = Duration::from_secs(9);

type Word = Result<Option<u32>, Fault>;

/// Says what it is told to; 0 is refused, 99 panics.
#[athena_cache(
    ttl = "10s", grace = "1m", refresh = "80%", unless = |word| *word == 0,
    key = "said:{name}", skip(origin, word), cache = cache
)]
async fn said(cache: Cache, name: &str, origin: Origin, word: Word) -> Word {
    assert_ne!(word, Ok(Some(99)), "of the body");
    origin.returns(word).await
}

async fn says(cache: &Cache, origin: &Origin, word: Word) -> (Word, Source) {
    let answer = of(said(cache.clone(), "k", origin.clone(), word)).observe().await.unwrap();
    cache.settle().await;
    (answer.value, answer.outcome.source)
}

async fn refreshed(cache: &Cache, origin: &Origin, word: Word) -> Word {
    of(said(cache.clone(), "k", origin.clone(), word)).refresh().await.unwrap()
}

fn worlds() -> [(World, Option<Cache>); 3] {
    let (remote, tiered) = (Remote::new(), Remote::tiered());
    let (one, two) = (remote.neighbour(), tiered.neighbour());
    [(World::in_memory(), None), (remote.world, Some(one)), (tiered.world, Some(two))]
}

#[tokio::test]
async fn a_refreshed_value_that_is_refused_ends_the_old_one_in_all_tiers() {
    for (world, neighbour) in worlds() {
        let origin = Origin::default();
        assert_eq!(says(&world.cache, &origin, Ok(Some(1))).await.0, Ok(Some(1)));
        assert_eq!(refreshed(&world.cache, &origin, Ok(Some(0))).await, Ok(Some(0)));
        for cache in [Some(&world.cache), neighbour.as_ref()].into_iter().flatten() {
            assert_eq!(says(cache, &origin, Ok(Some(0))).await, (Ok(Some(0)), Source::Load));
        }
    }
}

#[tokio::test]
async fn a_refused_refresh_in_the_background_ends_the_old_value() {
    for (world, _) in worlds() {
        let origin = Origin::default();
        assert_eq!(says(&world.cache, &origin, Ok(Some(1))).await.0, Ok(Some(1)));
        world.advance(DUE);
        assert_eq!(says(&world.cache, &origin, Ok(Some(0))).await.0, Ok(Some(1)));
        assert_eq!(says(&world.cache, &origin, Ok(Some(2))).await, (Ok(Some(2)), Source::Load));
    }
}

#[tokio::test]
async fn a_refresh_that_panics_is_not_tried_again_on_every_hit() {
    for (world, _) in worlds() {
        let origin = Origin::default();
        assert_eq!(says(&world.cache, &origin, Ok(Some(1))).await.0, Ok(Some(1)));
        world.advance(DUE);
        for _ in 0..10 {
            assert_eq!(says(&world.cache, &origin, Ok(Some(99))).await.0, Ok(Some(1)));
        }
        assert_eq!(world.cache.stats().refreshes, 1);
    }
}

#[tokio::test]
async fn an_old_value_does_not_come_back_once_the_function_has_said_none() {
    for (world, _) in worlds() {
        let origin = Origin::default();
        assert_eq!(says(&world.cache, &origin, Ok(Some(1))).await.0, Ok(Some(1)));
        world.advance(TTL);
        assert_eq!(says(&world.cache, &origin, Ok(None)).await.0, Ok(None));
        world.advance(TTL);
        assert_eq!(says(&world.cache, &origin, Err(Fault::Down)).await.0, Ok(None), "in grace");
    }
}

#[athena_cache(
    ttl = "10s", refresh = "80%", negative_ttl = "5s", negative = err, key = "kept:{name}",
    skip(origin, word), cache = cache
)]
async fn kept(
    cache: Cache,
    name: &str,
    origin: Origin,
    word: Result<u32, Fault>,
) -> Result<u32, Fault> {
    origin.returns(word).await
}

#[tokio::test]
async fn an_error_does_not_replace_a_value_that_still_answers() {
    for (world, neighbour) in worlds() {
        let (cache, origin) = (&world.cache, Origin::default());
        let call = |word| kept(cache.clone(), "k", origin.clone(), word);
        assert_eq!(call(Ok(1)).await, Ok(1));
        cache.settle().await;
        world.advance(DUE);
        assert_eq!(call(Err(Fault::Down)).await, Ok(1));
        cache.settle().await;
        assert_eq!(origin.loads(), 2, "the refresh has failed");
        assert_eq!(call(Ok(2)).await, Ok(1));
        let refreshed = of(call(Err(Fault::Down))).refresh().await.unwrap();
        assert_eq!(refreshed, Err(Fault::Down));
        for cache in [Some(cache), neighbour.as_ref()].into_iter().flatten() {
            let word = kept(cache.clone(), "k", origin.clone(), Ok(3)).await;
            assert_eq!(word, Ok(1), "it still answers");
        }
    }
}

#[tokio::test]
async fn a_refresh_whose_value_the_backend_does_not_take_has_it_forget_the_old_one() {
    // Without a lease, and with one whose fill fails.
    for refused in ["lease", "fill"] {
        let (remote, origin) = (Remote::tiered(), Origin::default());
        let cache = &remote.world.cache;
        assert_eq!(says(cache, &origin, Ok(Some(1))).await.0, Ok(Some(1)));
        remote.chaos.on(refused, Chaotic::Error(Class::WriteRefused));
        assert_eq!(refreshed(cache, &origin, Ok(Some(2))).await, Ok(Some(2)), "{refused}");
        let word = says(&remote.neighbour(), &origin, Ok(Some(3))).await;
        assert_eq!(word, (Ok(Some(3)), Source::Load), "{refused}");
    }
}

#[tokio::test]
async fn a_refresh_returns_once_the_backend_has_its_value() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let cache = remote.world.cache.clone();
    let soon = Duration::from_millis(100);
    remote.chaos.on("fill", Chaotic::Delay(soon));
    let (load, task) = (origin.clone(), cache.clone());
    let refresh = tokio::spawn(async move { refreshed(&task, &load, Ok(Some(1))).await });
    others_rest().await;
    assert!(origin.loads() == 1 && !refresh.is_finished());
    remote.world.advance(soon);
    assert_eq!(refresh.await.unwrap(), Ok(Some(1)));
    let word = says(&remote.neighbour(), &origin, Ok(Some(3))).await;
    assert_eq!(word, (Ok(Some(1)), Source::Backend));
}

fn entry(cache: &Cache) -> Entry<'_> {
    cache.entry("k").ttl(TTL).grace(TTL)
}

#[tokio::test]
async fn nothing_of_before_is_fresh_after_expire_however_far_its_fill_has_come() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
    let soon = Duration::from_millis(100);
    let load = origin.waits(&gate, Ok::<_, Fault>(1));
    let task = cache.clone();
    let early = tokio::spawn(async move { entry(&task).get_or_load(|| load).await });
    others_rest().await;
    remote.chaos.on("fill", Chaotic::Delay(soon));
    gate.open();
    assert_eq!(early.await.unwrap(), Ok(1));
    others_rest().await;
    entry(&other).expire().await.unwrap();
    remote.world.advance(soon);
    remote.chaos.heal();
    cache.settle().await;
    for cache in [&cache, &other] {
        let answer = entry(cache).observe(|| origin.returns(Err::<u32, _>(Fault::Down))).await;
        assert!(answer.value.is_err() || answer.outcome.stale, "{answer:?}");
    }
}

#[tokio::test]
async fn a_refresh_that_a_newer_one_has_replaced_takes_nothing_from_it() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let refresh = |gate: &Gate, word| {
        let (cache, gate, origin) = (remote.world.cache.clone(), gate.clone(), origin.clone());
        tokio::spawn(async move { of(slow(cache, origin, gate, word)).refresh().await.unwrap() })
    };
    let (early, late) = (Gate::closed(), Gate::closed());
    let first = refresh(&early, Ok(1));
    others_rest().await;
    let second = refresh(&late, Ok(2));
    others_rest().await;
    late.open();
    assert_eq!(second.await.unwrap(), Ok(2));
    early.open();
    assert_eq!(first.await.unwrap(), Ok(1));
    assert_eq!(remote.neighbour().entry("slow").get::<u32>().await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_refresh_whose_successor_fails_still_ends_the_old_value() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let (cache, other) = (remote.world.cache.clone(), remote.neighbour());
    other.entry("slow").ttl(TTL).insert(7_u32).await.unwrap();
    let refresh = |gate: &Gate, word| {
        let (cache, gate, origin) = (cache.clone(), gate.clone(), origin.clone());
        tokio::spawn(async move { of(slow(cache, origin, gate, word)).refresh().await.unwrap() })
    };
    let (early, late) = (Gate::closed(), Gate::closed());
    let first = refresh(&early, Ok(1));
    others_rest().await;
    let second = refresh(&late, Err(Fault::Down));
    others_rest().await;
    late.open();
    assert_eq!(second.await.unwrap(), Err(Fault::Down));
    early.open();
    assert_eq!(first.await.unwrap(), Ok(1));
    assert_ne!(other.entry("slow").get::<u32>().await.unwrap(), Some(7));
}

#[tokio::test]
async fn what_is_inserted_during_a_refresh_stays() {
    let (remote, origin, gate) = (Remote::tiered(), Origin::default(), Gate::closed());
    let (task, load, closed) = (remote.world.cache.clone(), origin.clone(), gate.clone());
    let refresh =
        tokio::spawn(async move { of(slow(task, load, closed, Ok(1))).refresh().await.unwrap() });
    others_rest().await;
    remote.world.cache.entry("slow").ttl(TTL).insert(7_u32).await.unwrap();
    gate.open();
    assert_eq!(refresh.await.unwrap(), Ok(1));
    assert_eq!(remote.neighbour().entry("slow").get::<u32>().await.unwrap(), Some(7));
}

#[athena_cache(ttl = "10s", key = "slow", skip(origin, gate, word), cache = cache)]
async fn slow(
    cache: Cache,
    origin: Origin,
    gate: Gate,
    word: Result<u32, Fault>,
) -> Result<u32, Fault> {
    origin.waits(&gate, word).await
}

#[tokio::test]
async fn a_value_that_is_refused_while_the_backend_is_away_is_newer_than_what_that_has() {
    let (remote, origin) = (Remote::tiered(), Origin::default());
    let cache = &remote.world.cache;
    remote.neighbour().entry("said:k").ttl(TTL).insert(1_u32).await.unwrap();
    remote.world.advance(Duration::from_secs(1));
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    assert_eq!(says(cache, &origin, Ok(Some(0))).await, (Ok(Some(0)), Source::Load));
    assert_eq!(says(cache, &origin, Ok(Some(0))).await, (Ok(Some(0)), Source::Load));
    assert_eq!(cache.stats().journal_depth, 0, "there is nothing to end that could be known");
    remote.chaos.heal();
    remote.world.advance(Duration::from_secs(1));
    assert_eq!(says(cache, &origin, Ok(Some(2))).await, (Ok(Some(2)), Source::Load));
}
