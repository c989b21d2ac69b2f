//! The attribute on methods: inherent, in a trait impl, under `#[async_trait]`.
//!
//! Run it with `cargo run --example methods`.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

use async_trait::async_trait;
use athena_cache::{Cache, athena_cache, of};

struct Shop {
    tenant: &'static str,
}

impl Shop {
    /// What the result owes to `self` is in the key; else it would say `skip(self)`.
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
trait Names {
    async fn name(&self, id: u32) -> String;
}

#[async_trait]
impl Names for Shop {
    #[athena_cache(key = "name:{self.tenant}:{id}")]
    async fn name(&self, id: u32) -> String {
        format!("product {id} of {}", self.tenant)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), athena_cache::Error> {
    Cache::in_memory("methods").install();
    let shop = Shop { tenant: "acme" };
    let names: &dyn Names = &shop;
    for round in 1..=2 {
        let price = of(shop.price(7)).observe().await?.outcome.label();
        let stock = of(shop.stock(7)).observe().await?.outcome.label();
        let name = of(names.name(7)).observe().await?.outcome.label();
        println!("call {round}: inherent {price}, trait impl {stock}, async_trait {name}");
    }
    println!("key: {}", of(shop.price(7)).key().await?);
    Ok(())
}
