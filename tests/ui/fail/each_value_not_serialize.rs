#![deny(warnings)]

use std::collections::HashMap;

use athena_cache::athena_cache;

#[derive(Clone)]
struct Product;

#[athena_cache(each = ids)]
async fn products(ids: &[u64]) -> HashMap<u64, Product> {
    ids.iter().map(|id| (*id, Product)).collect()
}

struct Handle;

#[athena_cache(each = ids, tier = memory)]
async fn handles(ids: &[u64]) -> HashMap<u64, Handle> {
    ids.iter().map(|id| (*id, Handle)).collect()
}

#[derive(PartialEq, Eq, Hash, Clone)]
struct Id(u64);

#[athena_cache(each = ids)]
async fn by_id(ids: &[Id]) -> HashMap<Id, u64> {
    ids.iter().map(|id| (id.clone(), id.0)).collect()
}

fn main() {
    let _ = (products(&[1]), handles(&[1]), by_id(&[Id(1)]));
}
