//! Which calls have an entry in common: those that say so.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use athena_cache::{Cache, Source, athena_cache, athena_invalidate, of};
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;

use crate::world::Log;

/// What a call returned, and from where.
macro_rules! seen {
    ($call:expr) => {{
        let seen = of($call).observe().await.unwrap();
        (seen.value, seen.outcome.source)
    }};
}

struct Tenant {
    name: String,
}

impl Tenant {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    #[athena_cache(key = "settings:{self.name}:{id}")]
    async fn settings(&self, id: u32) -> String {
        format!("{} {id}", self.name)
    }

    #[athena_cache(skip(self))]
    async fn currency(&self, id: u32) -> String {
        format!("currency {id}, asked by {}", self.name)
    }
}

#[tokio::test]
async fn two_tenants_never_share_a_value() {
    let work = async {
        for name in ["a", "b", "a:1", "a%3A1"] {
            let tenant = Tenant::new(name);
            let own = (format!("{name} 1"), Source::Load);
            assert_eq!(seen!(tenant.settings(1)), own);
            assert_eq!(seen!(tenant.settings(1)), (own.0, Source::Memory));
        }
    };
    Cache::in_memory("test").scope(work).await;
}

#[tokio::test]
async fn all_selves_share_what_a_method_says_does_not_depend_on_them() {
    let work = async {
        let first = Tenant::new("a").currency(1).await;
        assert_eq!(seen!(Tenant::new("b").currency(1)), (first, Source::Memory));
    };
    Cache::in_memory("test").scope(work).await;
}

trait Kind {
    const NAME: &'static str;

    /// Every implementation has this body, and nothing of it in the key.
    #[athena_cache(key = "body:{id}", skip(self))]
    async fn body(&self, id: u32) -> String
    where
        Self: Sized,
    {
        format!("{} {id}", Self::NAME)
    }

    #[athena_cache(skip(self))]
    async fn derived(&self, id: u32) -> String
    where
        Self: Sized,
    {
        format!("{} {id}", Self::NAME)
    }
}

#[derive(Clone)]
struct Apple;

#[derive(Clone)]
struct Pear;

impl Kind for Apple {
    const NAME: &'static str = "apple";
}

impl Kind for Pear {
    const NAME: &'static str = "pear";
}

#[athena_cache(key = "named:{id}")]
async fn named<K: Kind>(id: u32) -> String {
    format!("{} {id}", K::NAME)
}

#[athena_cache(key = "opaque:{id}", skip(kind))]
async fn opaque(kind: impl Kind, id: u32) -> String {
    name_of(&kind, id)
}

fn name_of<K: Kind>(_: &K, id: u32) -> String {
    format!("{} {id}", K::NAME)
}

#[athena_cache(key = "constant:{id}")]
async fn constant<const N: u32>(id: u32) -> u32 {
    N + id
}

#[derive(Clone)]
struct Shelf<K>(K);

impl<K: Kind + Clone + Send + Sync + 'static> Shelf<K> {
    #[athena_cache(key = "shelf:{id}", skip(self))]
    async fn on(&self, id: u32) -> String {
        name_of(&self.0, id)
    }

    #[athena_cache(skip(self))]
    async fn derived(&self, id: u32) -> String {
        name_of(&self.0, id)
    }

    #[athena_cache(key = "behind:{id}", skip(self), refresh = "80%")]
    async fn behind(&self, id: u32) -> String {
        name_of(&self.0, id)
    }
}

/// The first instance keeps its entries, the second runs uncached.
macro_rules! assert_apart {
    ($first:expr, $second:expr) => {{
        let (first, second) = ($first.await, $second.await);
        assert_ne!(first, second);
        assert_eq!(seen!($second), (second, Source::Bypass));
        assert_eq!(seen!($first), (first, Source::Memory));
        let error = of($second).key().await.unwrap_err().to_string();
        assert!(error.contains("another instance of this one"), "{error}");
        assert!(of($second).invalidate().await.is_err());
    }};
}

#[tokio::test]
async fn two_instances_of_a_generic_function_do_not_share_unless_they_say_so() {
    let work = async {
        assert_apart!(named::<Apple>(1), named::<Pear>(1));
        assert_apart!(opaque(Apple, 1), opaque(Pear, 1));
        assert_apart!(constant::<1>(1), constant::<2>(1));
        assert_apart!(Apple.body(1), Pear.body(1));
    };
    Cache::in_memory("test").scope(work).await;
}

#[tokio::test]
async fn two_instances_of_a_generic_type_do_not_share_either() {
    let work = async {
        let (apples, pears) = (Shelf(Apple), Shelf(Pear));
        assert_apart!(apples.on(1), pears.on(1));
        assert_apart!(apples.behind(1), pears.behind(1));
    };
    Cache::in_memory("test").scope(work).await;
}

#[tokio::test]
async fn without_a_key_every_instance_has_entries_of_its_own() {
    #[athena_cache]
    async fn derived<K: Kind, const N: u32>(id: u32) -> String {
        format!("{} {N} {id}", K::NAME)
    }
    let work = async {
        for _ in 0..2 {
            assert_eq!(derived::<Apple, 1>(1).await, "apple 1 1");
            assert_eq!(derived::<Apple, 2>(1).await, "apple 2 1");
            assert_eq!(derived::<Pear, 1>(1).await, "pear 1 1");
        }
        let (apples, pears) = (Shelf(Apple), Shelf(Pear));
        for _ in 0..2 {
            assert_eq!(apples.derived(1).await, "apple 1");
            assert_eq!(pears.derived(1).await, "pear 1");
            assert_eq!(Apple.derived(1).await, "apple 1");
            assert_eq!(Pear.derived(1).await, "pear 1");
        }
        assert_eq!(Cache::current().unwrap().stats().loads, 7);
    };
    Cache::in_memory("test").scope(work).await;
}

#[tokio::test]
async fn instances_share_what_they_say_they_share() {
    #[athena_cache(key = "both:{id}", shared, skip(kind))]
    async fn both(kind: impl Kind, id: u32) -> String {
        name_of(&kind, id)
    }
    let work = async {
        let first = both(Apple, 1).await;
        assert_eq!(seen!(both(Pear, 1)), (first, Source::Memory));
    };
    Cache::in_memory("test").scope(work).await;
}

#[athena_cache(key = "same:{id}")]
async fn one(id: u32) -> String {
    format!("one {id}")
}

#[athena_cache(key = "same:{name}")]
async fn other(name: &str) -> String {
    format!("other {name}")
}

#[athena_cache(key = "same:1", shared)]
async fn shared() -> String {
    "shared".to_owned()
}

#[athena_cache(key = "same:{id}:{of}")]
async fn elsewhere(id: u32, of: u32) -> String {
    format!("elsewhere {id} {of}")
}

#[tokio::test]
async fn two_functions_of_one_key_do_not_share_unless_both_say_so() {
    let work = async {
        let first = one(1).await;
        for _ in 0..2 {
            assert_eq!(seen!(other("1")), ("other 1".to_owned(), Source::Bypass));
            assert_eq!(seen!(shared()), ("shared".to_owned(), Source::Bypass));
        }
        assert_eq!(seen!(one(1)), (first, Source::Memory));
        let error = of(other("1")).key().await.unwrap_err().to_string();
        assert!(error.contains("another function"), "{error}");
        // Nothing that either can be called with makes one key of these.
        elsewhere(1, 1).await;
        assert_eq!(seen!(elsewhere(1, 1)).1, Source::Memory);
    };
    Cache::in_memory("test").scope(work).await;
}

#[tokio::test]
async fn two_functions_share_what_both_say_they_share() {
    #[athena_cache(key = "price:{id}", shared)]
    async fn price(id: u32) -> u32 {
        id * 10
    }
    #[athena_cache(key = "price:{id}", shared, skip(currency))]
    async fn price_in(currency: &str, id: u32) -> u32 {
        id * 10 + u32::from(currency == "?")
    }
    #[athena_invalidate(keys = ["price:{id}"])]
    async fn reprice(id: u32) {}
    let work = async {
        price(1).await;
        assert_eq!(seen!(price_in("?", 1)), (10, Source::Memory));
        reprice(1).await;
        assert_eq!(seen!(price_in("?", 1)), (11, Source::Load));
        assert_eq!(seen!(price(1)), (11, Source::Memory));
    };
    Cache::in_memory("test").scope(work).await;
}

#[tokio::test]
async fn functions_of_one_key_on_two_caches_have_nothing_in_common() {
    let (first, second) = (Cache::in_memory("first"), Cache::in_memory("second"));
    for _ in 0..2 {
        first.scope(one(1)).await;
        second.scope(other("1")).await;
    }
    assert_eq!((first.stats().memory_hits, second.stats().memory_hits), (1, 1));
    // More caches than a function remembers without a lock.
    for number in 0..8 {
        let cache = Cache::in_memory(&format!("cache{number}"));
        assert_eq!(cache.scope(async { seen!(one(1)) }).await.1, Source::Load);
        assert_eq!(cache.scope(async { seen!(one(1)) }).await.1, Source::Memory);
        assert_eq!(cache.scope(async { seen!(other("1")) }).await.1, Source::Bypass);
    }
}

#[tokio::test]
async fn of_the_second_function_of_a_name_nothing_is_invalidated() {
    #[athena_cache(name = "taken")]
    async fn first(id: u32) -> u32 {
        id
    }
    #[athena_cache(name = "taken")]
    async fn second(id: u32) -> u32 {
        id
    }
    let work = async {
        first(1).await;
        assert_eq!(seen!(second(1)).1, Source::Bypass);
        assert!(of(second(1)).key().await.is_err());
        assert!(of(second(1)).invalidate().await.is_err());
        assert_eq!(seen!(first(1)).1, Source::Memory);
    };
    Cache::in_memory("test").scope(work).await;
}

#[derive(Serialize)]
struct Ctx {
    id: u32,
    #[serde(skip_serializing_if = "is_guest")]
    tenant: u32,
}

/// Of two tenants at least.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_guest(tenant: &u32) -> bool {
    *tenant > 7
}

#[athena_cache]
async fn orders(ctx: &Ctx) -> String {
    format!("{} {}", ctx.tenant, ctx.id)
}

#[tokio::test]
async fn an_argument_that_leaves_out_a_field_makes_no_key() {
    let work = async {
        for tenant in [8, 9] {
            let ctx = Ctx { id: 1, tenant };
            assert_eq!(seen!(orders(&ctx)), (format!("{tenant} 1"), Source::Bypass));
            let error = of(orders(&ctx)).key().await.unwrap_err().to_string();
            assert!(error.contains("`Ctx` leaves out its field `tenant`"), "{error}");
        }
        for tenant in [6, 7] {
            let ctx = Ctx { id: 1, tenant };
            assert_eq!(seen!(orders(&ctx)), (format!("{tenant} 1"), Source::Load));
        }
    };
    Cache::in_memory("test").scope(work).await;
}

type Ids = HashSet<u32>;

#[derive(Serialize)]
struct Filter {
    ids: Ids,
}

#[athena_cache]
async fn chosen(ids: &Ids) -> usize {
    ids.len()
}

#[athena_cache]
async fn filtered(filter: &Filter) -> usize {
    filter.ids.len()
}

#[athena_cache]
async fn priced(prices: &HashMap<u32, u32>) -> usize {
    prices.len()
}

#[tokio::test]
async fn a_set_in_random_order_makes_no_key_and_a_map_is_sorted() {
    let work = async {
        let filter = Filter { ids: (0..10).collect() };
        assert_eq!(seen!(chosen(&filter.ids)), (10, Source::Bypass));
        assert_eq!(seen!(filtered(&filter)), (10, Source::Bypass));
        let error = of(filtered(&filter)).key().await.unwrap_err().to_string();
        assert!(error.contains("take a `BTreeSet`"), "{error}");
        for source in [Source::Load, Source::Memory] {
            let prices: HashMap<_, _> = (0..10).map(|id| (id, 2 * id)).collect();
            assert_eq!(seen!(priced(&prices)), (10, source), "equal maps are one entry");
        }
    };
    Cache::in_memory("test").scope(work).await;
}

#[tokio::test]
async fn the_cache_that_a_call_is_handed_is_no_part_of_its_key() {
    #[athena_cache(cache = cache)]
    async fn handed(cache: &Cache, id: u32) -> u32 {
        id
    }
    #[athena_cache(cache = &cache, key = "owned:{id}")]
    async fn owned(cache: Arc<Cache>, id: u32) -> u32 {
        id
    }
    let (first, second) = (Cache::in_memory("first"), Cache::in_memory("second"));
    for cache in [&first, &second, &first.clone()] {
        let known = cache.stats().loads > 0;
        let source = if known { Source::Memory } else { Source::Load };
        assert_eq!(seen!(handed(cache, 1)).1, source);
        assert_eq!(seen!(owned(Arc::new(cache.clone()), 1)).1, source);
    }
}

#[tokio::test]
async fn what_the_body_cannot_see_is_no_part_of_a_key() {
    #[athena_cache]
    async fn blind(_: Tenant, id: u32) -> u32 {
        id
    }
    let work = async {
        blind(Tenant::new("a"), 1).await;
        assert_eq!(seen!(blind(Tenant::new("b"), 1)).1, Source::Memory);
    };
    Cache::in_memory("test").scope(work).await;
}

#[tokio::test]
async fn what_runs_uncached_for_its_key_is_told_once_with_names() {
    let log = Log::default();
    let _listens = log.set_at(LevelFilter::ERROR);
    #[athena_cache]
    async fn guests(ctx: &Ctx) -> u32 {
        ctx.id
    }
    let work = async {
        for id in 0..3 {
            one(id).await;
            other("x").await;
            named::<Apple>(id).await;
            named::<Pear>(id).await;
            guests(&Ctx { id, tenant: 8 + id }).await;
        }
    };
    Cache::in_memory("told").scope(work).await;
    let lines = log.lines();
    let about = |words: [&str; 3]| {
        let told = lines.iter().filter(|line| words.iter().all(|word| line.contains(word)));
        assert_eq!(told.count(), 1, "{words:?} in {lines:#?}");
    };
    about(["sharing::other", "sharing::one", "write `shared`"]);
    about(["named<it::sharing::Pear>", "named<it::sharing::Apple>", "write `shared`"]);
    about(["sharing::", "guests", "`Ctx` leaves out its field `tenant`"]);
    assert_eq!(lines.len(), 3, "{lines:#?}");
}
