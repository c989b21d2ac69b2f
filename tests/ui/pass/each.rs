//! Functions with `each`, with bodies and signatures of all shapes.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(clippy::missing_errors_doc, clippy::needless_pass_by_value, clippy::implicit_hasher)]

use std::borrow::ToOwned;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use athena_cache::{Cache, athena_cache};
use async_trait::async_trait;

type Prices = HashMap<u64, u32>;
type Priced = Result<Prices, String>;

#[athena_cache(each = ids)]
async fn aliased(ids: &[u64]) -> Priced {
    if ids.contains(&0) {
        return Err("zero".to_owned());
    }
    let first = *ids.first().ok_or_else(|| "none".to_owned())?;
    Ok(HashMap::from([(first, 1)]))
}

#[athena_cache(each = names)]
async fn borrowed<'a>(names: &'a [&'a str], suffix: &str) -> BTreeMap<String, String> {
    names.iter().map(|name| ((*name).to_owned(), format!("{name}{suffix}"))).collect()
}

#[athena_cache(each = ids)]
async fn by_reference(ids: Vec<&u64>) -> Prices {
    ids.into_iter().map(|id| (*id, 1)).collect()
}

#[athena_cache(each = ids, skip(_unused), secret(token))]
async fn patterns(
    (a, mut b): (u8, u8),
    mut ids: Vec<u64>,
    _unused: Option<Arc<str>>,
    mut token: String,
    _: u8,
) -> Prices {
    b += a;
    token.push('!');
    ids.dedup();
    ids.into_iter().map(|id| (id, u32::from(b))).collect()
}

#[athena_cache(each = call, key = "hygiene:{call}:{ask}:{feed}:{missing}:{tags}")]
async fn our_names(call: &[u64], ask: u8, feed: u8, missing: u8, tags: u8) -> Prices {
    let sum = u32::from(ask + feed + missing + tags);
    call.iter().map(|id| (*id, sum)).collect()
}

#[athena_cache(each = ids, cache = cache, when = ids.len() > 1)]
async fn on_a_cache(cache: &Cache, ids: &[u64]) -> Prices {
    ids.iter().map(|id| (*id, 1)).collect()
}

struct Shop(u32);

impl Shop {
    #[athena_cache(each = ids, key = "shop:{self.0}:{ids}", tags = ["price:{ids}"])]
    #[must_use]
    pub async fn prices<const N: usize>(&self, ids: &[u64]) -> Prices {
        ids.iter().take(N).map(|id| (*id, self.0)).collect()
    }
}

#[async_trait]
trait Store {
    async fn prices(&self, ids: &[u64], names: Vec<String>) -> Priced;
}

#[async_trait]
impl Store for Shop {
    #[athena_cache(each = ids, skip(self))]
    async fn prices(&self, ids: &[u64], names: Vec<String>) -> Priced {
        let count = u32::try_from(names.len()).map_err(|error| error.to_string())?;
        Ok(ids.iter().map(|id| (*id, self.0 + count)).collect())
    }
}

fn is_send<T: Send>(future: T) -> T {
    future
}

#[tokio::main]
async fn main() {
    let cache = Cache::in_memory("test");
    let work = async {
        assert_eq!(is_send(aliased(&[2])).await, Ok(HashMap::from([(2, 1)])));
        assert!(aliased(&[0]).await.is_err());
        assert_eq!(is_send(borrowed(&["a"], "b")).await["a"], "ab");
        assert_eq!(is_send(by_reference(vec![&1])).await[&1], 1);
        assert_eq!(is_send(patterns((1, 2), vec![1, 1], None, String::new(), 0)).await[&1], 3);
        assert_eq!(is_send(our_names(&[1], 1, 2, 3, 4)).await[&1], 10);
        assert_eq!(is_send(on_a_cache(&cache, &[1, 2])).await.len(), 2);
        assert_eq!(is_send(Shop(7).prices::<1>(&[1, 2])).await, HashMap::from([(1, 7)]));
        assert_eq!(is_send(Store::prices(&Shop(7), &[1], vec![])).await.map(|it| it[&1]), Ok(7));
    };
    cache.scope(work).await;
}
