//! What names an entry, and what is left out by a word.
#![deny(warnings, clippy::all, clippy::pedantic)]

use std::fmt::{self, Display};
use std::sync::Arc;

use athena_cache::{Cache, athena_cache};

struct Db;

struct Shop {
    tenant: Tenant,
}

#[derive(Clone)]
struct Tenant {
    name: String,
}

impl Display for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tenant.name)
    }
}

impl Shop {
    #[athena_cache(key = "nested:{self.tenant.name}:{id}")]
    async fn nested(&self, id: u64) -> String {
        format!("{}{id}", self.tenant.name)
    }

    #[athena_cache(key = "whole:{self}:{id}", skip(db))]
    async fn whole(&self, id: u64, db: &Db) -> String {
        let Db = db;
        format!("{self}{id}")
    }

    #[athena_cache(skip(self, db))]
    async fn skipped(&self, id: u64, db: &Db) -> u64 {
        let (Db, _) = (db, self);
        id
    }

    #[athena_cache(key = "left:{id}", skip(db, self))]
    async fn left(self: Arc<Self>, id: u64, db: &mut Db) -> u64 {
        let (Db, _) = (db, self);
        id
    }
}

struct Shelf<T>(T);

impl<T: Clone> Shelf<T> {
    #[athena_cache(key = "shelf:{id}", shared, skip(self))]
    async fn len(&self, id: u64) -> u64 {
        let _ = self.0.clone();
        id
    }
}

#[athena_cache(key = "generic:{id}", shared, skip(like, also))]
async fn generic<T: Clone>(id: u64, like: &T, also: impl Clone) -> u64 {
    let _ = (like.clone(), also.clone());
    id
}

#[athena_cache(key = "patterns:{id}", skip(a, b))]
async fn patterns(id: u64, (a, b): (u64, u64), _: Db) -> u64 {
    id + a + b
}

#[athena_cache(ttl = "1m", cache = cache)]
async fn handed(cache: &Cache, id: u64) -> u64 {
    let _ = cache;
    id
}

#[athena_cache(key = "handed:{id}", cache = &cache)]
async fn handed_over(id: u64, cache: Arc<Cache>) -> u64 {
    let _ = cache;
    id
}

#[athena_cache(key = "namespace:{namespace.0}", cache = namespace.1)]
async fn namespaced(namespace: (u8, Cache)) -> u8 {
    namespace.0
}

#[athena_cache(key = "skipped too", skip(cache), cache = cache)]
async fn both(cache: Cache) -> u8 {
    let _ = cache;
    1
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let cache = Cache::in_memory("keys");
        let tenant = Tenant { name: "t".to_owned() };
        let shop = Shop { tenant: tenant.clone() };
        assert_eq!(shop.nested(1).await, "t1");
        assert_eq!(shop.whole(1, &Db).await, "t1");
        assert_eq!(shop.skipped(1, &Db).await, 1);
        assert_eq!(Arc::new(shop).left(1, &mut Db).await, 1);
        assert_eq!(Shelf("a").len(1).await, 1);
        assert_eq!(generic(1, &tenant, "a").await, 1);
        assert_eq!(patterns(1, (1, 1), Db).await, 3);
        assert_eq!(handed(&cache, 1).await, 1);
        assert_eq!(handed_over(1, Arc::new(cache.clone())).await, 1);
        assert_eq!(namespaced((1, cache.clone())).await, 1);
        assert_eq!(both(cache).await, 1);
    });
}
