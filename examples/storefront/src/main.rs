//! A storefront: an HTTP service on SQLite whose reads are cached and whose writes invalidate.
//!
//! Run it with `cargo run -p storefront`, then `curl -i localhost:3000/products/42`.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `STOREFRONT_ADDR` | where it listens | `127.0.0.1:3000` |
//! | `STOREFRONT_DB` | the SQLite file | `storefront.db` among the temporary files |
//! | `STOREFRONT_REDIS` | the backend, `redis://…` | none: the cache lives in memory alone |
//!
//! `store` holds the cached functions; start there.

mod database;
mod error;
mod extract;
mod product;
mod read;
mod routes;
mod seed;
mod store;
#[cfg(test)]
mod tests;

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use athena_cache::{Cache, Redis};
use tokio::net::TcpListener;
use tokio::time::timeout;

use database::Database;
use routes::Shop;
use store::Store;

const PRODUCTS: u32 = 100_000;

/// How long work in the background may take once the last request is answered.
const PATIENCE: Duration = Duration::from_secs(5);

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().init();
    let store = Store::new(database()?);
    let cache = cache()?;
    cache.install();

    let address = env::var("STOREFRONT_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let app = routes::routes(Shop { store, cache: cache.clone() });
    axum::serve(listener, app).with_graceful_shutdown(interrupted()).await?;

    close(&cache).await;
    Ok(())
}

fn database() -> Result<Database> {
    let path = env::var_os("STOREFRONT_DB")
        .map_or_else(|| env::temp_dir().join("storefront.db"), PathBuf::from);
    let database = Database::open(&path)?;
    tracing::info!(path = %path.display(), "opened the database");
    if seed::is_empty(&database)? {
        tracing::info!(products = PRODUCTS, "filling the database, once");
        seed::fill(&database, PRODUCTS)?;
    }
    Ok(database)
}

fn cache() -> Result<Cache> {
    let builder = Cache::builder("storefront");
    let builder = match env::var("STOREFRONT_REDIS") {
        Ok(url) => builder.backend(Redis::from_url(url)?),
        Err(_) => builder,
    };
    Ok(builder.build()?)
}

async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::error!(%error, "cannot wait for ctrl-c, stopping");
    }
}

async fn close(cache: &Cache) {
    if timeout(PATIENCE, cache.settle()).await.is_err() {
        tracing::warn!("fills and refreshes are still under way, ending them");
    }
    let stats = cache.stats();
    let pending = cache.close().await.pending_invalidations;
    tracing::info!(hits = stats.hits(), misses = stats.misses, pending, "closed the cache");
    if pending > 0 {
        tracing::warn!(
            pending,
            "invalidations never reached the backend; others may serve old values"
        );
    }
}
