//! A shop that is called all the time.

use std::time::Duration;

use athena_cache::{Cache, athena_cache};
use tokio::time::sleep;

use crate::served::Served;

type Found = Result<u64, &'static str>;

macro_rules! functions {
    ($($function:ident: $name:literal, $ttl:literal, $millis:literal;)*) => {
        $(
            #[athena_cache(ttl = $ttl, grace = "1h", name = $name, cache = cache)]
            async fn $function(cache: &Cache, id: u64) -> Found {
                sleep(Duration::from_millis($millis + id % 7)).await;
                Ok(id)
            }
        )*
    };
}

functions! {
    product: "shop::product", "2s", 4;
    category: "shop::category", "1s", 18;
    search: "shop::search", "700ms", 30;
    price: "shop::price", "3s", 2;
    stock: "shop::stock", "400ms", 6;
    review: "shop::review", "5s", 12;
    basket: "shop::basket", "300ms", 9;
}

/// Calls all of them until the runtime ends, some more often than others.
pub fn open(served: &Served, cache: &Cache) {
    for caller in 0..6 {
        let cache = cache.clone();
        served.runtime.spawn(async move {
            for round in 0_u64.. {
                let id = round * (caller + 3) % 23;
                for near in 0..6 {
                    let _ = product(&cache, (id + near) % 23).await;
                    let _ = price(&cache, (id + near) % 11).await;
                }
                let _ = category(&cache, id % 7).await;
                if round % 3 == 0 {
                    let _ = tokio::join!(search(&cache, id % 5), stock(&cache, id));
                }
                if round % 7 == 0 {
                    let _ = tokio::join!(review(&cache, id), basket(&cache, caller));
                }
                sleep(Duration::from_millis(4 + round / 40 % 5)).await;
            }
        });
    }
}
