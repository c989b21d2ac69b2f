//! The attribute on functions of every kind.

use std::sync::atomic::{AtomicUsize, Ordering};

use athena_cache::{Cache, athena_cache, of};

static LOADS: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Product {
    name: String,
}

#[athena_cache(ttl = "5m", grace = "1h", tags = ["products", "category:{category}"])]
async fn products(category: &str) -> Result<Vec<Product>, std::io::Error> {
    LOADS.fetch_add(1, Ordering::SeqCst);
    Ok(vec![Product { name: category.to_owned() }])
}

#[tokio::test]
async fn a_second_call_is_a_hit() {
    let cache = Cache::in_memory("test");
    cache
        .scope(async {
            let first = products("books").await.unwrap();
            assert_eq!(products("books").await.unwrap(), first);
            assert_eq!(LOADS.load(Ordering::SeqCst), 1);
            let seen = of(products("books")).observe().await.unwrap();
            assert_eq!(seen.outcome.label(), "HIT");
            let _ = of(products("books")).invalidate().await.unwrap();
            products("books").await.unwrap();
            assert_eq!(LOADS.load(Ordering::SeqCst), 2);
            println!("{}", of(products("books")).key().await.unwrap());
        })
        .await;
    println!("{:?}", cache.stats());
}

#[test]
fn a_call_is_a_future_of_moderate_size() {
    #[athena_cache(ttl = "5m", key = "sized:{id}")]
    async fn sized(id: u8) -> Result<u8, std::io::Error> {
        let buffer = [id; 10_000];
        tokio::task::yield_now().await;
        Ok(buffer[usize::from(id)])
    }
    let size = size_of_val(&sized(1));
    println!("{size} and {}", size_of_val(&of(sized(1)).observe()));
    assert!(size < 2 * 10_000, "{size} bytes around a load of 10 000");
}
