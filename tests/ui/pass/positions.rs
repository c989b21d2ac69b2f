//! Wherever an `async fn` with a body may stand.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(clippy::missing_errors_doc)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use athena_cache::{athena_cache, athena_invalidate};

struct Shop {
    tenant: String,
}

impl Shop {
    /// A method.
    #[athena_cache(key = "shop:{self.tenant}:{id}", tags = ["tenant:{self.tenant}"])]
    pub async fn by_key(&self, id: u64) -> Result<u64, String> {
        self.find(id).await
    }

    #[athena_cache(ttl = "1m", skip(self))]
    async fn find(&self, id: u64) -> Result<u64, String> {
        if id == 0 {
            return Err(self.tenant.clone());
        }
        Ok(id)
    }

    #[athena_cache(ttl = "1m", skip(self))]
    async fn shared(self: Arc<Self>, id: u64) -> Option<u64> {
        Some(id)
    }

    #[athena_cache(ttl = "1m", skip(self))]
    async fn owned(mut self, id: u64) -> String {
        self.tenant.push_str(&id.to_string());
        self.tenant
    }

    #[athena_cache(ttl = "1m")]
    async fn associated(id: u64) -> u64 {
        id
    }

    #[athena_invalidate(tags = ["tenant:{self.tenant}"])]
    async fn rename(&mut self, tenant: &str) {
        tenant.clone_into(&mut self.tenant);
    }

    #[athena_cache(ttl = "1m", skip(self))]
    #[athena_invalidate(tags = ["{id}"])]
    async fn both(&self, id: u64) -> u64 {
        id
    }
}

trait Native {
    fn get(&self, id: u64) -> impl Future<Output = Result<String, String>> + Send;

    #[allow(async_fn_in_trait)]
    #[athena_cache(ttl = "1m", skip(self))]
    async fn given(&self, id: u64) -> u64 {
        id
    }
}

impl Native for Shop {
    #[athena_cache(ttl = "1m", skip(self))]
    async fn get(&self, id: u64) -> Result<String, String> {
        Ok(format!("{}{id}", self.tenant))
    }
}

#[async_trait]
trait Dynamic {
    async fn get(&self, id: u64, (a, b): (u8, u8)) -> Result<String, String>;
    async fn forget(&mut self, mut ids: Vec<u64>) -> Result<(), String>;
    async fn make(id: u64) -> u64
    where
        Self: Sized;
}

#[async_trait]
impl Dynamic for Shop {
    #[athena_cache(ttl = "1m", skip(self), tags = ["{id}"])]
    async fn get(&self, id: u64, (a, b): (u8, u8)) -> Result<String, String> {
        let found = self.find(id).await?;
        Ok(format!("{found}{a}{b}"))
    }

    #[athena_invalidate(tags = ["{self.tenant}"])]
    async fn forget(&mut self, mut ids: Vec<u64>) -> Result<(), String> {
        ids.pop();
        self.tenant.clear();
        Ok(())
    }

    #[athena_cache(ttl = "1m")]
    async fn make(id: u64) -> u64 {
        id
    }
}

/// What `#[async_trait]` writes may be written by hand.
#[athena_cache(ttl = "1m", crate = ::athena_cache)]
fn by_hand<'a>(id: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    if id.is_empty() {
        return Box::pin(async { 0 });
    }
    Box::pin(async move { id.len() })
}

fn sent<T: Send>(future: T) -> T {
    future
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut shop = Shop {
            tenant: "t".to_owned(),
        };
        assert_eq!(sent(shop.by_key(1)).await, Ok(1));
        assert_eq!(sent(shop.find(0)).await, Err("t".to_owned()));
        assert_eq!(sent(shop.both(2)).await, 2);
        assert_eq!(sent(Native::get(&shop, 3)).await.unwrap(), "t3");
        assert_eq!(shop.given(9).await, 9);
        assert_eq!(Dynamic::get(&shop, 3, (1, 2)).await.unwrap(), "312");
        assert_eq!(<Shop as Dynamic>::make(3).await, 3);
        assert_eq!(Shop::associated(4).await, 4);
        assert_eq!(by_hand("four").await, 4);
        assert_eq!(by_hand("").await, 0);
        shop.rename("u").await;
        assert_eq!(shop.tenant, "u");
        shop.forget(vec![1]).await.unwrap();
        assert_eq!(shop.owned(5).await, "5");
        let shop = Arc::new(Shop {
            tenant: String::new(),
        });
        assert_eq!(sent(shop.shared(6)).await, Some(6));
    });
}
