//! The attribute on methods: inherent, in a trait impl, under `#[async_trait]`.
//!
//! Run it with `cargo run --example methods`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use std::future::Future;

use async_trait::async_trait;
use athena_cache::{Cache, athena_cache, of};

struct Shop {
    tenant: &'static str,
}

impl Shop {
    /// `self` is no part of the key, unless a template names it.
    #[athena_cache(key = "price:{self.tenant}:{id}")]
    async fn price(&self, id: u32) -> u32 {
        id * 10
    }
}

trait Stock {
    fn stock(&self, id: u32) -> impl Future<Output = u32> + Send;
}

impl Stock for Shop {
    #[athena_cache(key = "stock:{self.tenant}:{id}")]
    async fn stock(&self, id: u32) -> u32 {
        id % 5
    }
}

#[async_trait]
trait Catalog: Send + Sync {
    async fn name(&self, id: u32) -> String;
}

/// Below `#[async_trait]`, which rewrites the signature first.
#[async_trait]
impl Catalog for Shop {
    #[athena_cache(key = "name:{self.tenant}:{id}")]
    async fn name(&self, id: u32) -> String {
        format!("{}'s product {id}", self.tenant)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), athena_cache::Error> {
    Cache::in_memory("methods").install();
    let shop = Shop { tenant: "acme" };
    let catalog: Box<dyn Catalog> = Box::new(Shop { tenant: "acme" });
    for round in ["first", "second"] {
        let price = of(shop.price(7)).observe().await?;
        let stock = of(shop.stock(7)).observe().await?;
        let name = of(catalog.name(7)).observe().await?;
        println!("{round} round");
        println!(
            "  inherent method  {:<4}  {}",
            price.outcome.label(),
            price.value
        );
        println!(
            "  trait impl       {:<4}  {}",
            stock.outcome.label(),
            stock.value
        );
        println!(
            "  #[async_trait]   {:<4}  {}",
            name.outcome.label(),
            name.value
        );
    }
    println!("key: {}", of(shop.price(7)).key().await?);
    Ok(())
}
