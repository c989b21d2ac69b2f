//! All entries of one function, which is `grouped`, invalidated as one.

use std::future::Future;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Invalidated, Outcome, Source, athena_cache, athena_invalidate, of};

use crate::world::{Fault, Gate, Log, Origin, Remote, World, others_rest, until};

#[athena_cache(ttl = "10s", grouped, skip(cache, origin), cache = cache)]
async fn products(cache: &Cache, origin: &Origin, id: u32) -> Result<u32, Fault> {
    Ok(origin.returns(id).await)
}

#[athena_cache(ttl = "10s", skip(cache, origin), cache = cache)]
async fn orders(cache: &Cache, origin: &Origin, id: u32) -> u32 {
    origin.returns(id).await
}

#[athena_cache(ttl = "10s", grouped, tier = memory, skip(cache, origin), cache = cache)]
async fn own(cache: &Cache, origin: &Origin, id: u32) -> u32 {
    origin.returns(id).await
}

mod shop {
    use super::{Cache, Origin, athena_cache};

    #[athena_cache(ttl = "10s", grouped, name = "shop::named", skip(cache, origin), cache = cache)]
    pub async fn named<T>(cache: &Cache, origin: &Origin, id: T) -> u32
    where
        T: serde::Serialize + Into<u32>,
    {
        origin.returns(id.into()).await
    }

    #[athena_cache(ttl = "10s", grouped, key = "r#type:{id}", skip(cache, origin), cache = cache)]
    pub(crate) async fn r#type(cache: &Cache, origin: &Origin, id: u32) -> u32 {
        origin.returns(id).await
    }

    pub struct Catalog;

    impl Catalog {
        #[athena_cache(ttl = "10s", grouped, skip(self, cache, origin), cache = cache)]
        pub async fn books(&self, cache: &Cache, origin: &Origin, id: u32) -> u32 {
            origin.returns(id).await
        }
    }
}

use shop::named as renamed;

#[athena_invalidate(
    functions = [products, renamed, self::own, crate::functions::shop::r#type, "it::functions::shop::Catalog::books"],
    cache = cache,
)]
async fn change(cache: &Cache, result: Result<(), ()>) -> Result<(), ()> {
    result
}

#[athena_invalidate(functions = ["it::functions::orders"], cache = cache)]
async fn change_orders(cache: &Cache) {}

async fn source(cache: &Cache, origin: &Origin, id: u32) -> Outcome {
    of(products(cache, origin, id)).observe().await.unwrap().outcome
}

#[tokio::test]
async fn a_function_that_invalidates_others_drops_all_of_their_entries() {
    let world = World::in_memory();
    let (cache, origin) = (&world.cache, Origin::default());
    let call_all = async || {
        for id in 0..2 {
            products(cache, &origin, id).await.unwrap();
            own(cache, &origin, id).await;
            shop::named(cache, &origin, id).await;
            shop::named(cache, &origin, u8::try_from(id).unwrap()).await;
            shop::r#type(cache, &origin, id).await;
            shop::Catalog.books(cache, &origin, id).await;
            orders(cache, &origin, id).await;
        }
        origin.loads()
    };
    assert_eq!(call_all().await, 14);
    change(cache, Err(())).await.unwrap_err();
    assert_eq!(call_all().await, 14, "nothing is invalidated after an error");
    change(cache, Ok(())).await.unwrap();
    assert_eq!(call_all().await, 26, "all but the two of `orders`");
}

#[tokio::test]
async fn i2_all_entries_of_a_function_are_invalidated_in_other_processes_too() {
    for remote in [Remote::new(), Remote::tiered()] {
        let (cache, other, origin) =
            (&remote.world.cache, remote.tiered_neighbour(), Origin::default());
        for id in 0..3 {
            source(cache, &origin, id).await;
            cache.settle().await;
            assert_eq!(source(&other, &origin, id).await.source, Source::Backend);
            orders(cache, &origin, id).await;
        }
        let loads = origin.loads();
        let done = other.invalidate_function("it::functions::products").await.unwrap();
        assert_eq!(done, Invalidated::Done);
        others_rest().await;
        for id in 0..3 {
            assert_eq!(source(&other, &origin, id).await.source, Source::Load);
            other.settle().await;
            assert_eq!(source(cache, &origin, id).await.source, Source::Backend);
            orders(cache, &origin, id).await;
        }
        assert_eq!(origin.loads(), loads + 3);
    }
}

#[athena_cache(ttl = "10s", grouped, skip(cache, load), cache = cache)]
async fn slow(cache: &Cache, id: u32, load: impl Future<Output = u32>) -> u32 {
    load.await
}

#[tokio::test]
async fn p3_a_load_that_ran_while_its_function_was_invalidated_is_neither_kept_nor_joined() {
    for remote in [Remote::new(), Remote::tiered()] {
        let (origin, gate) = (Origin::default(), Gate::closed());
        let (cache, load) = (remote.world.cache.clone(), origin.waits(&gate, 1));
        let before = tokio::spawn(async move { slow(&cache, 1, load).await });
        until("the load", || origin.loads() == 1).await;
        let cache = &remote.world.cache;
        let name = std::any::type_name::<slow>();
        assert_eq!(cache.invalidate_function(name).await.unwrap(), Invalidated::Done);
        assert_eq!(slow(cache, 1, origin.returns(2)).await, 2);
        gate.open();
        assert_eq!(before.await.unwrap(), 1);
        cache.settle().await;
        assert_eq!(slow(cache, 1, origin.returns(3)).await, 2);
    }
}

#[tokio::test]
async fn i3_while_the_backend_is_away_it_waits_in_the_journal_and_holds_here() {
    let remote = Remote::tiered();
    let (cache, other, origin) = (&remote.world.cache, remote.neighbour(), Origin::default());
    source(cache, &origin, 1).await;
    cache.settle().await;
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    let pending = cache.invalidate_function("it::functions::products").await.unwrap();
    assert_eq!(pending, Invalidated::Pending);
    assert_eq!(source(cache, &origin, 1).await.source, Source::Load);
    assert_eq!(source(&other, &origin, 1).await.source, Source::Backend, "nobody has told it");
    remote.chaos.heal();
    remote.chaos.reconnect();
    source(cache, &origin, 2).await;
    assert_eq!(source(&other, &origin, 1).await.source, Source::Load);
}

/// The same function as a build has it in which it was not grouped.
mod before {
    use super::{Cache, Origin, athena_cache};

    #[athena_cache(ttl = "10s", name = "it::functions::key::of", key = "grouped:{id}", skip(cache, origin), cache = cache)]
    pub async fn single(cache: &Cache, origin: &Origin, id: u32) -> u32 {
        origin.returns(id).await
    }

    #[athena_cache(ttl = "10s", grouped, key = "grouped:{id}", skip(cache, origin), cache = cache)]
    pub async fn grouped(cache: &Cache, origin: &Origin, id: u32) -> u32 {
        origin.returns(id).await
    }
}

#[tokio::test]
async fn what_was_stored_without_the_group_is_not_served_as_part_of_it() {
    let remote = Remote::tiered();
    let (old, new, origin) = (&remote.world.cache, remote.tiered_neighbour(), Origin::default());
    before::single(old, &origin, 1).await;
    old.settle().await;
    let seen = of(before::grouped(&new, &origin, 1)).observe().await.unwrap();
    assert_eq!(
        seen.outcome.source,
        Source::Load,
        "an invalidation of the function would not reach it"
    );
}

#[tokio::test]
async fn a_function_that_is_not_grouped_is_refused_with_the_word_that_it_lacks() {
    let (world, origin, log) = (World::in_memory(), Origin::default(), Log::default());
    let _log = log.set();
    orders(&world.cache, &origin, 1).await;
    let error = world.cache.invalidate_function("it::functions::orders").await.unwrap_err();
    assert!(error.is_not_grouped());
    assert!(error.to_string().contains("add `grouped`"), "{error}");
    for _ in 0..2 {
        change_orders(&world.cache).await;
    }
    let told = log.lines().into_iter().filter(|line| line.contains("lacks `grouped`")).count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn a_name_that_looks_like_that_of_a_function_is_told_of_once() {
    let (world, origin, log) = (World::in_memory(), Origin::default(), Log::default());
    let _log = log.set();
    products(&world.cache, &origin, 1).await.unwrap();
    for name in ["it::functions::product", "it::functions::product", "warehouse::shelves"] {
        assert_eq!(world.cache.invalidate_function(name).await.unwrap(), Invalidated::Done);
    }
    let told =
        log.lines().into_iter().filter(|line| line.contains("was not called in this process"));
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[0].contains("WARN") && told[0].contains("nearest=\"it::functions::products\""),
        "{told:#?}"
    );
    assert!(told[1].contains("INFO") && told[1].contains("site=warehouse::shelves"), "{told:#?}");
}

#[athena_invalidate(functions = ["warehouse::drawers"], cache = cache)]
async fn clear_drawers(cache: &Cache) {}

#[tokio::test]
async fn a_function_that_may_be_called_later_is_invalidated_without_a_word() {
    let (world, log) = (World::in_memory(), Log::default());
    let _log = log.set();
    clear_drawers(&world.cache).await;
    assert!(log.lines().iter().all(|line| !line.contains("warehouse::drawers")));
}

#[derive(Debug, Clone)]
struct Shelf;

impl Shelf {
    #[athena_cache(grouped, name = "functions::of_a_type", cache = cache)]
    async fn count(cache: &Cache, id: u32) -> Result<u32, <Self as Fails>::Fault> {
        Ok(id)
    }
}

trait Fails {
    type Fault;
}

impl Fails for Shelf {
    type Fault = Fault;
}

#[tokio::test]
async fn a_function_of_a_type_may_be_grouped_where_its_signature_says_so() {
    let world = World::in_memory();
    let read = || of(Shelf::count(&world.cache, 1)).observe();
    read().await.unwrap().value.unwrap();
    assert_eq!(read().await.unwrap().outcome.source, Source::Memory);
    let removed = world.cache.invalidate_function("functions::of_a_type").await;
    assert_eq!(removed.unwrap(), Invalidated::Done);
    assert_eq!(read().await.unwrap().outcome.source, Source::Load);
}

mod labelled {
    use super::{Cache, Origin, athena_cache, athena_invalidate};

    #[athena_cache(
        ttl = "10s", key = "shelf:{shop}:{id}", tags = ["shelves"], skip(origin), cache = cache
    )]
    pub async fn shelf(cache: &Cache, origin: &Origin, shop: &str, id: u32) -> u32 {
        origin.returns(id).await
    }

    #[athena_invalidate(keys = ["shelf:{id}"], tags = ["shelfs"], cache = cache)]
    pub async fn mistaken(cache: &Cache, id: u32) {}

    #[athena_invalidate(
        keys = ["shelf:{shop}:{id}", "by-hand:{id}"], tags = ["shelves", "elsewhere"], cache = cache
    )]
    pub async fn right(cache: &Cache, shop: &str, id: u32) {}
}

#[tokio::test]
async fn a_key_or_tag_that_looks_like_one_of_a_function_and_is_none_is_told_of_once_after_a_while()
{
    let (world, origin, log) = (World::in_memory(), Origin::default(), Log::default());
    let _log = log.set();
    let told = || log.lines().into_iter().filter(|line| line.contains("which may be meant: an"));
    labelled::shelf(&world.cache, &origin, "a", 1).await;
    for _ in 0..2 {
        labelled::mistaken(&world.cache, 1).await;
        labelled::right(&world.cache, "a", 1).await;
    }
    assert_eq!(told().count(), 0, "the function that makes them may be called yet");
    world.advance(std::time::Duration::from_secs(600));
    for _ in 0..2 {
        labelled::mistaken(&world.cache, 1).await;
        labelled::right(&world.cache, "a", 1).await;
    }
    let lines: Vec<_> = told().collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let expected = [("shelfs", "shelves"), ("shelf:{…}", "shelf:{…}:{…}")];
    for (line, (template, label)) in lines.iter().zip(expected) {
        for part in [
            "site=\"it::functions::labelled::mistaken\"".to_owned(),
            format!("template=\"{template}\""),
            "nearest=\"it::functions::labelled::shelf\"".to_owned(),
            format!("label=\"{label}\""),
        ] {
            assert!(line.contains(&part), "{line}\nlacks {part}");
        }
    }
}
