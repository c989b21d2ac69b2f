//! Each of them says how functions are named.

use athena_cache::athena_invalidate;

#[athena_invalidate(functions = [])]
async fn empty() {}

#[athena_invalidate(functions = products)]
async fn no_list() {}

#[athena_invalidate(functions = [7])]
async fn a_number() {}

#[athena_invalidate(functions = ["", "shop::products"])]
async fn no_name() {}

#[athena_invalidate(functions = [shop::Catalog::books])]
async fn a_method() {}

#[athena_invalidate(functions = [products::<u64>])]
async fn an_instance() {}

fn main() {}
