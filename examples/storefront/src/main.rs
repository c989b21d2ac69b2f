//! A storefront: an HTTP service on SQLite whose reads are cached and whose writes invalidate.
//!
//! Run it with `cargo run -p storefront`, then `curl -i localhost:3000/products/42`.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `STOREFRONT_ADDR` | where it listens | `127.0.0.1:3000` |
//! | `STOREFRONT_OPERATORS` | where operators reach it: `/athena`, `/health`, `/ha/status`, `/metrics` | `127.0.0.1:3001` |
//! | `STOREFRONT_DB` | the SQLite file | `storefront.db` among the temporary files |
//! | `STOREFRONT_REDIS` | the backend, `redis://…` | none: the cache lives in memory alone |
//!
//! `store` holds the cached functions; start there.

mod database;
mod error;
mod extract;
mod operators;
mod product;
mod routes;
mod seed;
mod store;
#[cfg(test)]
mod tests;

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use athena_cache::{Cache, Redis};
use tokio::net::TcpListener;
use tokio::time::timeout;

use database::Database;
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

    let operators = operators::operators(store.clone(), &cache);
    let operators = operators.into_make_service_with_connect_info::<SocketAddr>();
    let inside = listener("STOREFRONT_OPERATORS", "127.0.0.1:3001").await?;
    let outside = listener("STOREFRONT_ADDR", "127.0.0.1:3000").await?;
    let (outside, inside) = tokio::join!(
        axum::serve(outside, routes::routes(store)).with_graceful_shutdown(interrupted()),
        axum::serve(inside, operators).with_graceful_shutdown(interrupted()),
    );
    outside?;
    inside?;

    close(&cache).await;
    Ok(())
}

async fn listener(variable: &str, default: &str) -> Result<TcpListener> {
    let address = env::var(variable).unwrap_or_else(|_| default.to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening, as {variable} says");
    Ok(listener)
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
