//! Paths, and what they call.

use athena_cache::{BreakerState, Cache, Health, Stats};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::extract::{Json, Path, Query};
use crate::product::{Category, NewProduct, Product};
use crate::read::{Read, read};
use crate::store::Store;

/// What every request works with.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    pub(crate) store: Store,
    pub(crate) cache: Cache,
}

/// The service.
pub(crate) fn routes(shop: Shop) -> Router {
    Router::new()
        .route("/products", post(add))
        .route("/products/{id}", get(product).put(set_price).delete(remove))
        .route("/categories/{name}", get(category))
        .route("/categories/{name}/discount", post(discount))
        .route("/search", get(search))
        .route("/stats", get(stats))
        .route("/health", get(health))
        .fallback(nothing)
        .with_state(shop)
}

async fn product(State(shop): State<Shop>, Path(id): Path<i64>) -> Result<Read<Product>, Error> {
    Ok(read(shop.store.product(id)).await?.or(|| Error::no_product(id)))
}

async fn category(
    State(shop): State<Shop>,
    Path(name): Path<String>,
) -> Result<Read<Category>, Error> {
    Ok(read(shop.store.category(&name)).await?.or(|| Error::no_category(&name)))
}

#[derive(Debug, Deserialize)]
struct Search {
    q: String,
}

/// Equal searches share an entry, however they are typed.
async fn search(
    State(shop): State<Shop>,
    Query(Search { q }): Query<Search>,
) -> Result<Read<Vec<Product>>, Error> {
    let text = q.trim().to_lowercase();
    if text.is_empty() {
        return Err(Error::invalid("`q` is empty"));
    }
    read(shop.store.search(&text)).await
}

async fn add(
    State(shop): State<Shop>,
    Json(new): Json<NewProduct>,
) -> Result<impl IntoResponse, Error> {
    if new.name.trim().is_empty() || new.category.trim().is_empty() {
        return Err(Error::invalid("`name` or `category` is empty"));
    }
    let product = shop.store.add(new).await?;
    let location = [(header::LOCATION, format!("/products/{}", product.id))];
    Ok((StatusCode::CREATED, location, axum::Json(product)))
}

#[derive(Debug, Deserialize)]
struct Price {
    price: u32,
}

async fn set_price(
    State(shop): State<Shop>,
    Path(id): Path<i64>,
    Json(Price { price }): Json<Price>,
) -> Result<axum::Json<Product>, Error> {
    Ok(axum::Json(shop.store.set_price(id, price).await?))
}

async fn remove(State(shop): State<Shop>, Path(id): Path<i64>) -> Result<StatusCode, Error> {
    shop.store.remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
struct Discount {
    percent: u8,
}

async fn discount(
    State(shop): State<Shop>,
    Path(name): Path<String>,
    Json(Discount { percent }): Json<Discount>,
) -> Result<axum::Json<Value>, Error> {
    if percent > 100 {
        return Err(Error::invalid("`percent` is more than 100"));
    }
    match shop.store.discount(&name, percent).await? {
        0 => Err(Error::no_category(&name)),
        products => Ok(axum::Json(json!({ "products": products }))),
    }
}

async fn stats(State(shop): State<Shop>) -> axum::Json<Stats> {
    axum::Json(shop.cache.stats())
}

/// A cache in trouble makes the service slower, not unhealthy; only the database does.
async fn health(State(shop): State<Shop>) -> Result<axum::Json<Value>, Error> {
    shop.store.ping().await?;
    let cache = match shop.cache.health() {
        Health::Healthy => "healthy",
        _ => "degraded",
    };
    let breaker = shop.cache.breaker().map(BreakerState::name);
    Ok(axum::Json(json!({ "database": "healthy", "cache": cache, "breaker": breaker })))
}

async fn nothing(uri: Uri) -> Error {
    Error::NotFound(format!("there is nothing at {}", uri.path()))
}
