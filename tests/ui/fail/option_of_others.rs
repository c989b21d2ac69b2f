//! Each mistake is one error, whatever else the function is used for.
#![deny(warnings)]

use athena_cache::athena_cache;

#[athena_cache(time = 60)]
async fn f1(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(expire = 60)]
async fn f2(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(ttl_secs = 60)]
async fn f3(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(duration = "5m")]
async fn f4(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(condition = id > 0, key = "f5:{tenant}:{id}")]
async fn f5(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(convert = r#"{ format!("{}", id) }"#)]
async fn f6(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(size = 100)]
async fn f7(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(sync = true)]
async fn f8(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(result = true)]
async fn f9(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(value = "users")]
async fn f10(id: u64, tenant: &str) -> u64 {
    id
}

#[athena_cache(all_entries = true)]
async fn f11(id: u64, tenant: &str) -> u64 {
    id
}

fn main() {
    let _ = (f1(1, "a"), f2(1, "a"), f3(1, "a"), f4(1, "a"), f5(1, "a"), f6(1, "a"), f7(1, "a"));
    let _ = (f8(1, "a"), f9(1, "a"), f10(1, "a"), f11(1, "a"));
}
