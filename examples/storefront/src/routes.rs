//! Paths, and what they call.

use athena_cache_axum::CacheLayer;
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
use crate::store::Store;

/// The service; its responses say where they come from: `x-athena-cache: STALE`, `age: 61`.
pub(crate) fn routes(store: Store) -> Router {
    Router::new()
        .route("/products", post(add))
        .route("/products/{id}", get(product).put(set_price).delete(remove))
        .route("/categories/{name}", get(category))
        .route("/categories/{name}/discount", post(discount))
        .route("/search", get(search))
        .fallback(nothing)
        .layer(CacheLayer::new().worst_outcome().age())
        .with_state(store)
}

async fn product(
    State(store): State<Store>,
    Path(id): Path<i64>,
) -> Result<axum::Json<Product>, Error> {
    store.product(id).await?.map(axum::Json).ok_or_else(|| Error::no_product(id))
}

async fn category(
    State(store): State<Store>,
    Path(name): Path<String>,
) -> Result<axum::Json<Category>, Error> {
    store.category(&name).await?.map(axum::Json).ok_or_else(|| Error::no_category(&name))
}

#[derive(Debug, Deserialize)]
struct Search {
    q: String,
}

/// Equal searches share an entry, however they are typed.
async fn search(
    State(store): State<Store>,
    Query(Search { q }): Query<Search>,
) -> Result<axum::Json<Vec<Product>>, Error> {
    let text = q.trim().to_lowercase();
    if text.is_empty() {
        return Err(Error::invalid("`q` is empty"));
    }
    Ok(axum::Json(store.search(&text).await?))
}

async fn add(
    State(store): State<Store>,
    Json(new): Json<NewProduct>,
) -> Result<impl IntoResponse, Error> {
    if new.name.trim().is_empty() || new.category.trim().is_empty() {
        return Err(Error::invalid("`name` or `category` is empty"));
    }
    let product = store.add(new).await?;
    let location = [(header::LOCATION, format!("/products/{}", product.id))];
    Ok((StatusCode::CREATED, location, axum::Json(product)))
}

#[derive(Debug, Deserialize)]
struct Price {
    price: u32,
}

async fn set_price(
    State(store): State<Store>,
    Path(id): Path<i64>,
    Json(Price { price }): Json<Price>,
) -> Result<axum::Json<Product>, Error> {
    Ok(axum::Json(store.set_price(id, price).await?))
}

async fn remove(State(store): State<Store>, Path(id): Path<i64>) -> Result<StatusCode, Error> {
    store.remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
struct Discount {
    percent: u8,
}

async fn discount(
    State(store): State<Store>,
    Path(name): Path<String>,
    Json(Discount { percent }): Json<Discount>,
) -> Result<axum::Json<Value>, Error> {
    if percent > 100 {
        return Err(Error::invalid("`percent` is more than 100"));
    }
    match store.discount(&name, percent).await? {
        0 => Err(Error::no_category(&name)),
        products => Ok(axum::Json(json!({ "products": products }))),
    }
}

async fn nothing(uri: Uri) -> Error {
    Error::NotFound(format!("there is nothing at {}", uri.path()))
}
