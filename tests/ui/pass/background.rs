//! Loads that go on without their caller own copies of the arguments.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(
    clippy::missing_errors_doc,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
#![allow(clippy::needless_lifetimes)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use athena_cache::athena_cache;
use serde::Serialize;
use serde::de::DeserializeOwned;

#[athena_cache(ttl = "5m", refresh = "80%")]
async fn borrowed(
    category: &str,
    ids: &[u64],
    count: &u8,
    page: Option<u8>,
) -> Result<usize, String> {
    let more = usize::from(page.unwrap_or(*count));
    Ok(category.len() + ids.len() + more)
}

#[athena_cache(ttl = "5m", soft_timeout = "100ms", hard_timeout = "1s")]
async fn no_arguments() -> Result<u8, Failure> {
    Ok(1)
}

#[athena_cache(ttl = "5m", refresh = "1%")]
async fn one_argument(mut id: u8) -> u8 {
    id += 1;
    id
}

#[athena_cache(ttl = "5m", refresh = "1%", skip(still))]
async fn patterns((a, mut b): (u8, u8), _: u8, still: &'static str) -> u8 {
    b += 1;
    a + b + u8::try_from(still.len()).unwrap_or(0)
}

#[athena_cache(ttl = "5m", refresh = "1%")]
async fn generic<'a, T, const N: usize>(
    values: &'a [u8],
    like: &T,
    other: impl Serialize + Clone + Send + Sync + 'static,
) -> T
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let _ = (values.len() + N, other);
    like.clone()
}

#[athena_cache(ttl = "5m", refresh = "1%")]
fn boxed<'a>(id: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    Box::pin(async move { id.len() })
}

#[derive(Clone)]
struct Shop {
    tenant: String,
}

impl Shop {
    #[athena_cache(ttl = "5m", refresh = "80%", key = "background:{self.tenant}:{id}")]
    #[allow(clippy::unused_async)]
    pub async fn by_reference(&self, id: &str) -> Result<String, String> {
        Ok(format!("{}{id}", self.tenant))
    }

    #[athena_cache(ttl = "5m", refresh = "80%", skip(self))]
    async fn shared(self: Arc<Self>, mut id: u8) -> String {
        id += 1;
        format!("{}{id}", self.tenant)
    }

    #[athena_cache(ttl = "5m", refresh = "80%", skip(self))]
    async fn lent(self: &Arc<Self>) -> String {
        self.tenant.clone()
    }

    #[athena_cache(ttl = "5m", refresh = "80%", skip(self))]
    async fn owned<T: Into<u64> + Serialize + Clone + Send + Sync + 'static>(
        mut self,
        id: T,
    ) -> String {
        self.tenant.push_str(&id.into().to_string());
        self.tenant
    }

    #[athena_cache(ttl = "5m", refresh = "80%", skip(self))]
    #[expect(clippy::unused_self, reason = "the sibling has the body")]
    async fn expects(&self, id: u8) -> u8 {
        id
    }
}

#[async_trait::async_trait]
trait Counted {
    async fn count(id: u64) -> u64;
}

#[async_trait::async_trait]
impl Counted for Shop {
    #[athena_cache(ttl = "5m", refresh = "80%")]
    async fn count(id: u64) -> u64 {
        id
    }
}

#[derive(Debug)]
struct Failure;

impl From<athena_cache::Error> for Failure {
    fn from(_: athena_cache::Error) -> Self {
        Self
    }
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
        assert_eq!(sent(borrowed("a", &[1, 2], &3, None)).await, Ok(6));
        assert_eq!(sent(no_arguments()).await.unwrap(), 1);
        assert_eq!(sent(one_argument(1)).await, 2);
        assert_eq!(sent(patterns((1, 1), 0, "a")).await, 4);
        assert_eq!(sent(generic::<u8, 2>(&[1], &1_u8, "a")).await, 1);
        assert_eq!(sent(boxed("abc")).await, 3);
        assert_eq!(sent(Shop::count(4)).await, 4);
        let shop = Shop {
            tenant: "t".to_owned(),
        };
        assert_eq!(sent(shop.by_reference("1")).await.unwrap(), "t1");
        assert_eq!(sent(shop.expects(1)).await, 1);
        assert_eq!(sent(shop.clone().owned(1_u8)).await, "t1");
        let shop = Arc::new(shop);
        assert_eq!(sent(shop.lent()).await, "t");
        assert_eq!(sent(shop.shared(1)).await, "t2");
    });
}
