//! Functions that are not `async`, with bodies and signatures of all shapes.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(clippy::missing_errors_doc, clippy::needless_pass_by_value)]

use std::rc::Rc;

use athena_cache::{Cache, athena_cache, athena_invalidate};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[athena_cache(ttl = "1m")]
fn generic<T, const N: usize>(values: &[u8], like: T) -> Result<T, String>
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    if values.len() < N {
        return Err("few".to_owned());
    }
    let first = *values.first().ok_or_else(|| "none".to_owned())?;
    if first == 0 {
        Err("zero".into())
    } else {
        Ok(like)
    }
}

#[athena_cache(ttl = "1m")]
fn lifetimes<'a, 'b: 'a>(first: &'a str, second: &'b [u8]) -> usize {
    first.len() + second.len()
}

#[athena_cache(ttl = "1m")]
fn patterns((a, mut b): (u8, u8), _: u8, mut owned: Vec<u8>) -> Vec<u8> {
    b += 1;
    owned.extend([a, b]);
    owned
}

#[athena_cache(ttl = "1m", skip(beside))]
fn beside_what_stays_in_its_thread(beside: &mut Vec<Rc<u8>>, id: u8) -> u8 {
    beside.push(Rc::new(id));
    id
}

#[derive(Clone)]
struct Service {
    cache: Cache,
}

trait Prices {
    fn price(&self, id: u64) -> Option<u64>;
    fn set(&mut self, id: u64, price: u64);
}

impl Service {
    #[athena_cache(ttl = "1m", cache = self.cache, skip(self), refresh = "80%", soft_timeout = "1s")]
    fn total(&self, parts: &[u64], name: &str) -> u64 {
        parts.iter().sum::<u64>() + name.len() as u64
    }

    #[athena_cache(ttl = "1m", skip(self), key = "double:{number}")]
    pub(crate) fn double(self: std::sync::Arc<Self>, number: u64) -> u64 {
        number * 2
    }
}

impl Prices for Service {
    #[athena_cache(ttl = "1m", key = "price:{id}", cache = self.cache, skip(self), negative_ttl = "5s")]
    fn price(&self, id: u64) -> Option<u64> {
        (id > 0).then_some(id)
    }

    #[athena_invalidate(keys = ["price:{id}"], tags = ["prices"], cache = self.cache)]
    fn set(&mut self, id: u64, price: u64) {
        let _ = (id, price);
    }
}

fn main() {
    let cache = Cache::in_memory("test");
    cache.sync_scope(|| {
        assert_eq!(generic::<_, 1>(&[1], 2), Ok(2));
        assert_eq!(lifetimes("a", &[1]), 2);
        assert_eq!(patterns((1, 2), 3, Vec::new()), [1, 3]);
        assert_eq!(beside_what_stays_in_its_thread(&mut Vec::new(), 1), 1);
        assert_eq!(std::sync::Arc::new(Service { cache: cache.clone() }).double(2), 4);
    });
    let mut service = Service { cache };
    assert_eq!((service.total(&[1, 2], "a"), service.price(3)), (4, Some(3)));
    service.set(3, 4);
}
