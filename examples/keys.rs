//! What names an entry: all arguments, some of them, or a template.
//!
//! Run it with `cargo run --example keys`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use athena_cache::{Cache, athena_cache, of};
use serde::Serialize;

/// A caller's trace id: not part of what is asked, so not part of the key.
struct Trace(u64);

/// The default: the function and all arguments, which are `Serialize`.
#[athena_cache]
async fn page(category: &str, filter: &Filter) -> String {
    format!("{category} up to {}", filter.max_price)
}

#[derive(Serialize)]
struct Filter {
    max_price: u32,
}

/// Without the arguments that do not matter; they need not be `Serialize`.
#[athena_cache(skip(trace))]
async fn stock(product: u64, trace: Trace) -> u64 {
    product % 7 + trace.0 % 2
}

/// By hand, readable in logs and in Redis; holes may reach into fields.
#[athena_cache(key = "user:{user.tenant}:{user.id}")]
async fn profile(user: &User) -> String {
    format!("{}/{}", user.tenant, user.id)
}

struct User {
    tenant: String,
    id: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), athena_cache::Error> {
    Cache::in_memory("keys").install();

    println!(
        "all arguments:   {}",
        of(page("books", &Filter { max_price: 20 })).key().await?
    );
    println!(
        "another filter:  {}",
        of(page("books", &Filter { max_price: 30 })).key().await?
    );

    println!("trace 1:         {}", of(stock(42, Trace(1))).key().await?);
    println!("trace 2:         {}", of(stock(42, Trace(2))).key().await?);

    let user = User {
        tenant: "acme".to_owned(),
        id: 7,
    };
    println!("template:        {}", of(profile(&user)).key().await?);

    // Values are escaped, so that none can imitate the key of another.
    let forger = User {
        tenant: "acme:7".to_owned(),
        id: 1,
    };
    println!("a forger:        {}", of(profile(&forger)).key().await?);

    let long = "books ".repeat(100);
    println!(
        "too long:        {}",
        of(page(&long, &Filter { max_price: 1 })).key().await?
    );
    Ok(())
}
