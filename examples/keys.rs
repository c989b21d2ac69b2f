//! What names an entry: all arguments, some of them, or a template.
//!
//! Run it with `cargo run --example keys`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use athena_cache::{Cache, athena_cache, of};
use serde::Serialize;

#[derive(Serialize)]
struct Filter {
    max_price: u32,
}

struct Trace(u64);

struct User {
    tenant: &'static str,
    id: u32,
}

/// The default: the function and all arguments, which are `Serialize`.
#[athena_cache]
async fn page(category: &str, filter: &Filter) -> String {
    format!("{category} up to {}", filter.max_price)
}

/// Without what is no part of the question; it need not be `Serialize`.
#[athena_cache(skip(trace))]
async fn stock(product: u64, trace: Trace) -> u64 {
    product % 7 + trace.0 % 2
}

/// By hand, readable in logs and in Redis; holes reach into fields. Every argument is in it or in `skip`.
#[athena_cache(key = "user:{user.tenant}:{user.id}")]
async fn profile(user: &User) -> String {
    format!("{} of {}", user.id, user.tenant)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), athena_cache::Error> {
    Cache::in_memory("keys").install();
    let (cheap, long) = (Filter { max_price: 20 }, "books ".repeat(100));
    println!("all arguments:  {}", of(page("books", &cheap)).key().await?);
    println!("too long:       {}", of(page(&long, &cheap)).key().await?);

    println!("trace 1:        {}", of(stock(42, Trace(1))).key().await?);
    println!("trace 2:        {}", of(stock(42, Trace(2))).key().await?);

    // Values are escaped, so that none can imitate the key of another.
    for (tenant, id) in [("acme", 7), ("acme:7", 1)] {
        let user = User { tenant, id };
        println!("tenant {tenant:<7}  {}", of(profile(&user)).key().await?);
    }
    Ok(())
}
