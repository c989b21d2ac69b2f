//! Functions from a list to a map: an entry for each element, one load for those that are missing.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::{Cache, Source, athena_cache, athena_invalidate, of};
use serde::{Deserialize, Serialize};

use crate::world::{Fault, GRACE, Log, Remote, TTL, World};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Product {
    id: u64,
    category: String,
    price: u32,
}

/// A source that writes down what it is asked for, and has everything but 0.
#[derive(Debug, Default)]
struct Store {
    asked: Mutex<Vec<Vec<u64>>>,
    is_down: Mutex<bool>,
    price: Mutex<u32>,
}

impl Store {
    fn products(&self, ids: &[u64]) -> Result<HashMap<u64, Product>, Fault> {
        self.asked.lock().unwrap().push(ids.to_vec());
        if *self.is_down.lock().unwrap() {
            return Err(Fault::Down);
        }
        let price = *self.price.lock().unwrap();
        let known = ids.iter().filter(|id| **id != 0);
        let category = |id: u64| if id.is_multiple_of(2) { "even" } else { "odd" }.to_owned();
        let product = |id: u64| Product { id, category: category(id), price };
        Ok(known.map(|id| (*id, product(*id))).collect())
    }

    /// What it was asked for since.
    fn asked(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn set_down(&self, is_down: bool) {
        *self.is_down.lock().unwrap() = is_down;
    }

    fn set_price(&self, price: u32) {
        *self.price.lock().unwrap() = price;
    }
}

#[athena_cache(
    ttl = "10s", grace = "60s", each = ids, key = "product:{ids}", shared,
    tags = ["products", "of:{ids}"], skip(store), cache = cache,
)]
async fn wares(cache: &Cache, store: &Store, ids: &[u64]) -> Result<HashMap<u64, Product>, Fault> {
    let found = store.products(ids)?;
    tokio::task::yield_now().await;
    Ok(found)
}

/// One of them.
#[athena_cache(
    ttl = "10s", grace = "60s", key = "product:{id}", shared,
    tags = ["products", "of:{id}"], skip(store), cache = cache,
)]
async fn ware(cache: &Cache, store: &Store, id: u64) -> Result<Option<Product>, Fault> {
    Ok(store.products(&[id])?.remove(&id))
}

#[athena_invalidate(keys = ["product:{id}"], cache = cache)]
async fn change(cache: &Cache, id: u64) -> Result<(), Fault> {
    if id == 0 { Err(Fault::NotFound) } else { Ok(()) }
}

/// The elements of a result, in order.
fn ids<V>(found: Result<HashMap<u64, V>, Fault>) -> Vec<u64> {
    let mut ids: Vec<_> = found.unwrap().into_keys().collect();
    ids.sort_unstable();
    ids
}

fn caches() -> Vec<Cache> {
    vec![World::in_memory().cache, Remote::new().world.cache, Remote::tiered().world.cache]
}

#[tokio::test]
async fn the_body_gets_what_is_missing_and_nothing_else() {
    for cache in caches() {
        let store = Store::default();
        assert_eq!(ids(wares(&cache, &store, &[1, 2]).await), [1, 2]);
        assert_eq!(store.asked(), [[1, 2]]);
        cache.settle().await;
        assert_eq!(ids(wares(&cache, &store, &[3, 2, 4, 1]).await), [1, 2, 3, 4]);
        assert_eq!(store.asked(), [[3, 4]], "in the order of the list");
        cache.settle().await;
        let all = wares(&cache, &store, &[1, 2, 3, 4]).await.unwrap();
        assert_eq!(all[&3], Product { id: 3, category: "odd".to_owned(), price: 0 });
        assert_eq!((all.len(), store.asked().len()), (4, 0));
    }
}

#[tokio::test]
async fn an_element_given_twice_is_loaded_once_and_none_at_all_not() {
    for cache in caches() {
        let store = Store::default();
        assert_eq!(ids(wares(&cache, &store, &[1, 2, 1, 1]).await), [1, 2]);
        assert_eq!(store.asked(), [[1, 2]]);
        assert_eq!(ids(wares(&cache, &store, &[]).await), [0; 0]);
        assert_eq!(store.asked().len(), 0);
    }
}

#[tokio::test]
async fn an_entry_is_reached_by_its_key_and_tags_and_by_a_function_of_one() {
    for cache in caches() {
        let store = Store::default();
        let all = [1, 2, 3, 4];
        wares(&cache, &store, &all).await.unwrap();
        cache.settle().await;
        store.asked();
        assert_eq!(ware(&cache, &store, 3).await.unwrap().map(|it| it.id), Some(3));
        assert_eq!(
            cache.entry("product:4").get::<Product>().await.unwrap().map(|it| it.id),
            Some(4)
        );
        assert_eq!(store.asked().len(), 0, "what was loaded with others");
        change(&cache, 2).await.unwrap();
        let _ = cache.invalidate("product:4").await;
        wares(&cache, &store, &all).await.unwrap();
        assert_eq!(store.asked(), [[2, 4]]);
        cache.settle().await;
        let _ = cache.invalidate_tag("of:3").await;
        ware(&cache, &store, 3).await.unwrap();
        assert_eq!(store.asked(), [[3]]);
        cache.settle().await;
        wares(&cache, &store, &all).await.unwrap();
        assert_eq!(store.asked().len(), 0, "what was loaded alone");
        let _ = cache.invalidate_tag("products").await;
        wares(&cache, &store, &all).await.unwrap();
        assert_eq!(store.asked(), [all]);
    }
}

#[tokio::test]
async fn what_another_process_has_loaded_is_found_in_one_round_trip() {
    let remote = Remote::new();
    let (cache, other, store) = (&remote.world.cache, remote.beside(), Store::default());
    let all: Vec<u64> = (1..=100).collect();
    wares(&other, &store, &all).await.unwrap();
    other.settle().await;
    assert_eq!(store.asked().len(), 1);
    remote.chaos.forget_operations();
    assert_eq!(ids(wares(cache, &store, &all).await), all);
    assert_eq!((remote.chaos.operations(), store.asked().len()), (vec!["read"], 0));
}

#[tokio::test]
async fn more_than_a_thousand_missing_ones_are_loaded_in_pieces() {
    let remote = Remote::new();
    let (cache, store) = (&remote.world.cache, Store::default());
    let all: Vec<u64> = (0..=2_500).collect();
    // Of 0 nothing is kept.
    let list = [all.as_slice(), &[0]].concat();
    assert_eq!(ids(wares(cache, &store, &list).await), all[1..]);
    let asked = store.asked();
    assert!(asked.len() == 3 && asked.iter().all(|ids| ids.len() <= 1_000), "{}", asked.len());
    assert_eq!(asked.concat(), all, "each once and in order");
}

#[tokio::test]
async fn what_the_body_leaves_out_is_asked_for_again() {
    for cache in caches() {
        let store = Store::default();
        for _ in 0..2 {
            assert_eq!(ids(wares(&cache, &store, &[0, 1]).await), [1]);
            cache.settle().await;
        }
        assert_eq!(store.asked(), [vec![0, 1], vec![0]]);
    }
}

#[athena_cache(ttl = "10s", negative_ttl = "5s", each = ids, skip(store), cache = cache)]
async fn remembered(cache: &Cache, store: &Store, ids: Vec<u64>) -> BTreeMap<u64, Product> {
    store.products(&ids).unwrap_or_default().into_iter().collect()
}

#[tokio::test]
async fn what_the_body_leaves_out_is_remembered_where_that_is_said() {
    let remote = Remote::new();
    for world in [World::in_memory(), remote.world] {
        let (cache, store) = (&world.cache, Store::default());
        for _ in 0..2 {
            let found = remembered(cache, &store, vec![0, 1]).await;
            assert_eq!(found.into_keys().collect::<Vec<_>>(), [1]);
            cache.settle().await;
        }
        assert_eq!(store.asked(), [[0, 1]]);
        world.advance(Duration::from_secs(6));
        remembered(cache, &store, vec![0, 1]).await;
        assert_eq!(store.asked(), [[0]], "for as long as was said");
    }
}

#[tokio::test]
async fn an_error_is_the_callers_unless_all_that_was_missing_is_in_grace() {
    for world in [World::in_memory(), Remote::new().world] {
        let (cache, store) = (&world.cache, Store::default());
        wares(cache, &store, &[1, 2]).await.unwrap();
        cache.settle().await;
        world.advance(TTL);
        ware(cache, &store, 1).await.unwrap();
        cache.settle().await;
        store.set_down(true);
        store.asked();
        assert_eq!(wares(cache, &store, &[1, 2, 3]).await, Err(Fault::Down));
        assert_eq!(store.asked(), [[2, 3]]);
        assert_eq!(ids(wares(cache, &store, &[1, 2]).await), [1, 2], "2 is in grace");
        world.advance(GRACE);
        assert_eq!(wares(cache, &store, &[1, 2]).await, Err(Fault::Down));
        store.set_down(false);
        assert_eq!(ids(wares(cache, &store, &[1, 2]).await), [1, 2]);
    }
}

#[tokio::test]
async fn a_backend_that_is_away_fails_nobody() {
    let remote = Remote::new();
    let (cache, store) = (&remote.world.cache, Store::default());
    wares(cache, &store, &[1, 2]).await.unwrap();
    cache.settle().await;
    remote.chaos.always(Chaotic::Error(Class::Unreachable));
    assert_eq!(ids(wares(cache, &store, &[1, 2, 3]).await), [1, 2, 3]);
    assert_eq!(store.asked(), [vec![1, 2], vec![3]], "copies answer for what is fresh");
}

#[athena_cache(
    each = names, skip(prefix),
    unless = |length| *length == 0,
    ttl_from = |length| Duration::from_secs(u64::from(*length)),
    tags_from = |length| [format!("length:{length}")],
    when = names.len() < 4,
)]
async fn lengths<S: Lengths>(of: &S, names: &[&str], prefix: String) -> HashMap<String, u32> {
    drop(prefix);
    of.note(names);
    names.iter().map(|name| ((*name).to_owned(), name.len() as u32)).collect()
}

trait Lengths: Serialize + Sync {
    fn note(&self, names: &[&str]);
}

#[derive(Default, Serialize)]
struct Notes {
    name: String,
    #[serde(skip)]
    notes: Mutex<Vec<String>>,
}

impl Lengths for Notes {
    fn note(&self, names: &[&str]) {
        self.notes.lock().unwrap().push(names.join(" "));
    }
}

impl Notes {
    fn noted(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap())
    }
}

async fn spelt(of: &Notes, names: &[&str]) -> usize {
    lengths(of, names, "prefix".to_owned()).await.len()
}

#[tokio::test]
async fn closures_see_each_value_and_other_arguments_are_part_of_each_key() {
    let world = World::in_memory();
    let (one, other) = (Notes::default(), Notes { name: "other".to_owned(), ..Notes::default() });
    let work = async {
        assert_eq!(spelt(&one, &["a", "bb", ""]).await, 3);
        assert_eq!(spelt(&one, &["a", "bb", ""]).await, 3);
        assert_eq!(one.noted(), ["a bb ", ""], "`unless` keeps nothing of length 0");
        spelt(&other, &["a"]).await;
        assert_eq!(other.noted(), ["a"], "another argument, another entry");
        world.advance(Duration::from_millis(1_500));
        spelt(&one, &["a", "bb"]).await;
        assert_eq!(one.noted(), ["a"], "`ttl_from` ends one earlier than the other");
        let _ = world.cache.invalidate_tag("length:2").await;
        spelt(&one, &["a", "bb"]).await;
        assert_eq!(one.noted(), ["bb"], "`tags_from` labels each");
        spelt(&one, &["a", "bb", "a", "a"]).await;
        assert_eq!(one.noted(), ["a bb a a"], "`when` gives it the list as it is");
    };
    world.cache.scope(work).await;
}

struct Shop {
    tenant: u32,
    store: Store,
}

impl Shop {
    #[athena_cache(each = ids, key = "shop:{self.tenant}:{ids}", grouped)]
    async fn prices(&self, ids: &[u64]) -> Result<HashMap<u64, u32>, Fault> {
        let found = self.store.products(ids)?;
        Ok(found.into_iter().map(|(id, product)| (id, product.price)).collect())
    }
}

trait Native {
    fn native(&self, ids: Vec<u64>) -> impl Future<Output = BTreeMap<u64, u32>> + Send;
}

impl Native for Shop {
    #[athena_cache(each = ids, key = "native:{self.tenant}:{ids}", tier = memory)]
    async fn native(&self, mut ids: Vec<u64>) -> BTreeMap<u64, u32> {
        ids.retain(|id| *id != 0);
        let found = self.store.products(&ids).unwrap_or_default();
        found.into_iter().map(|(id, product)| (id, product.price)).collect()
    }
}

#[async_trait]
trait Boxed {
    async fn boxed(&self, ids: &[u64]) -> Result<HashMap<u64, u32>, Fault>;
}

#[async_trait]
impl Boxed for Shop {
    #[athena_cache(each = ids, key = "boxed:{self.tenant}:{ids}", codec = Json)]
    async fn boxed(&self, ids: &[u64]) -> Result<HashMap<u64, u32>, Fault> {
        let found = self.store.products(ids)?;
        tokio::task::yield_now().await;
        Ok(found.into_iter().map(|(id, product)| (id, product.price)).collect())
    }
}

#[tokio::test]
async fn methods_and_trait_impls_have_lists_too() {
    for cache in caches() {
        let (shop, other) = (
            Shop { tenant: 1, store: Store::default() },
            Shop { tenant: 2, store: Store::default() },
        );
        let work = async {
            for shop in [&shop, &other] {
                for list in [[1, 2], [2, 3]] {
                    assert_eq!(ids(shop.prices(&list).await), list);
                    assert_eq!(ids(shop.boxed(&list).await), list);
                    assert_eq!(
                        shop.native(list.to_vec()).await.into_keys().collect::<Vec<_>>(),
                        list
                    );
                    cache.settle().await;
                }
                let asked = [[1, 2].as_slice(), &[1, 2], &[1, 2], &[3], &[3], &[3]];
                assert_eq!(shop.store.asked(), asked);
            }
            let function = "it::each::Shop::prices";
            let name = cache.invalidate_function(function).await;
            assert!(name.is_ok(), "{name:?}");
            shop.prices(&[1, 2]).await.unwrap();
            assert_eq!(shop.store.asked(), [[1, 2]], "all of a function");
        };
        cache.scope(work).await;
    }
}

/// Elements of any type, and futures that tasks may run.
#[athena_cache(each = list, skip(seen))]
async fn generic<T>(seen: &Mutex<usize>, list: &[T]) -> HashMap<T, String>
where
    T: Clone + Debug + Eq + Hash + Serialize + Send + Sync,
{
    *seen.lock().unwrap() += list.len();
    tokio::task::yield_now().await;
    list.iter().map(|element| (element.clone(), format!("{element:?}"))).collect()
}

#[athena_cache(each = rows, key = "row:{rows.0}")]
async fn rows(rows: Vec<(u8, String)>) -> HashMap<(u8, String), usize> {
    rows.into_iter().enumerate().map(|(place, row)| (row, place)).collect()
}

#[tokio::test]
async fn elements_of_any_type_name_entries() {
    let cache = Cache::in_memory("test");
    let task = tokio::spawn(cache.scope(async {
        let seen = Mutex::new(0);
        for _ in 0..2 {
            assert_eq!(generic(&seen, &[1_u8, 2]).await[&2], "2");
            assert_eq!(generic(&seen, &["a".to_owned()]).await["a"], "\"a\"");
            assert_eq!(generic(&seen, &[(1_u8, 2_u8)]).await[&(1, 2)], "(1, 2)");
        }
        assert_eq!(*seen.lock().unwrap(), 4);
        let (a, b) = ((1, "a".to_owned()), (1, "b".to_owned()));
        let found = rows(vec![a.clone(), b.clone()]).await;
        assert_eq!(found, HashMap::from([(a, 0), (b, 0)]), "one entry, for both who share it");
    }));
    task.await.unwrap();
}

#[athena_cache(each = ids)]
async fn chatty(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().flat_map(|id| [(*id, 1), (*id + 100, 1)]).collect()
}

#[tokio::test]
async fn what_was_not_asked_for_is_left_out_and_told_once() {
    let log = Log::default();
    let _logging = log.set();
    let work = async {
        for list in [[1, 2], [3, 4]] {
            assert_eq!(ids(Ok(chatty(&list).await)), list);
        }
        assert_eq!(ids(Ok(chatty(&[101]).await)), [101]);
    };
    Cache::in_memory("test").scope(work).await;
    let told = log.lines().iter().filter(|line| line.contains("that it was not given")).count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn without_a_cache_it_runs_as_it_is() {
    let (cache, store) = (Cache::in_memory("test"), Store::default());
    cache.close().await;
    assert_eq!(ids(wares(&cache, &store, &[2, 1, 2]).await), [1, 2]);
    assert_eq!(store.asked(), [[2, 1, 2]]);
}

#[tokio::test]
async fn of_is_about_one_entry_and_never_runs_the_body_for_many() {
    let (cache, store) = (Cache::in_memory("test"), Store::default());
    let call = || wares(&cache, &store, &[1, 2]);
    let errors = [
        of(call()).key().await.map(drop),
        of(call()).invalidate().await.map(drop),
        of(call()).expire().await,
        of(call()).refresh().await.map(drop),
        of(call()).peek().await.map(drop),
        of(call()).insert(HashMap::<u64, Product>::new()).await,
    ];
    for error in errors {
        let error = error.unwrap_err().to_string();
        assert!(error.contains("it::each::wares") && error.contains("by its name"), "{error}");
    }
    assert_eq!(store.asked().len(), 0);
    let seen = of(call()).observe().await.unwrap();
    assert_eq!((ids(seen.value), seen.outcome.source), (vec![1, 2], Source::Bypass));
    assert!(seen.outcome.reason.is_some_and(|reason| reason.contains("no outcome of its own")));
    assert_eq!(ids(call().await), [1, 2]);
    assert_eq!(store.asked(), [[1, 2]], "what was observed is kept");
}

#[tokio::test]
async fn a_load_that_somebody_else_has_begun_is_waited_for() {
    let (cache, store) = (Cache::in_memory("test"), Store::default());
    let (one, other) = tokio::join!(wares(&cache, &store, &[1, 2]), wares(&cache, &store, &[2, 3]));
    assert_eq!((ids(one), ids(other)), (vec![1, 2], vec![2, 3]));
    assert_eq!(store.asked(), [vec![1, 2], vec![3]]);
}

#[tokio::test]
async fn changes_are_seen_after_the_ttl() {
    let world = World::in_memory();
    let (cache, store) = (&world.cache, Store::default());
    wares(cache, &store, &[1]).await.unwrap();
    store.set_price(7);
    assert_eq!(wares(cache, &store, &[1]).await.unwrap()[&1].price, 0);
    world.advance(TTL);
    assert_eq!(wares(cache, &store, &[1]).await.unwrap()[&1].price, 7);
}
