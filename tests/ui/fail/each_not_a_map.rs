#![deny(warnings)]

use std::collections::HashMap;

use athena_cache::athena_cache;

#[athena_cache(each = ids)]
async fn listed(ids: &[u64]) -> Vec<u64> {
    ids.to_vec()
}

#[athena_cache(each = ids)]
async fn listed_if(ids: &[u64]) -> Result<Vec<u64>, String> {
    Ok(ids.to_vec())
}

#[athena_cache(each = ids)]
async fn keyed_otherwise(ids: &[u64]) -> HashMap<String, u64> {
    ids.iter().map(|id| (id.to_string(), *id)).collect()
}

fn main() {
    let _ = (listed(&[1]), listed_if(&[1]), keyed_otherwise(&[1]));
}
