//! The service as its clients see it, on a database and a cache of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use athena_cache::Cache;
use athena_cache::testing::ManualClock;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::database::Database;
use crate::operators::operators;
use crate::routes::routes;
use crate::seed;
use crate::store::Store;

const PRODUCTS: u32 = 200;

#[tokio::test]
async fn the_second_read_is_a_hit() {
    let shop = Client::new();
    for path in ["/products/42", "/categories/books", "/search?q=lamp"] {
        let first = shop.get(path).await;
        let second = shop.get(path).await;
        assert_eq!((first.status, first.cache.as_str()), (200, "MISS"), "{path}");
        assert_eq!((second.status, second.cache.as_str()), (200, "HIT"), "{path}");
        assert_eq!(first.json, second.json, "{path}");
    }
}

#[tokio::test]
async fn a_new_price_is_seen_at_once_wherever_the_product_is_shown() {
    let shop = Client::new();
    let product = shop.get("/products/42").await.json;
    let page = format!("/categories/{}", product["category"].as_str().unwrap());
    for path in ["/products/43", &page, "/search?q=lamp"] {
        shop.get(path).await;
    }
    let price = 1_000_000;
    let answer = shop.send("PUT", "/products/42", json!({ "price": price })).await;
    assert_eq!((answer.status, &answer.json["price"]), (200, &json!(price)));

    let after = shop.get("/products/42").await;
    assert_eq!((after.cache.as_str(), &after.json["price"]), ("MISS", &json!(price)));
    let after = shop.get(&page).await;
    assert_eq!((after.cache.as_str(), &after.json["top"][0]["id"]), ("MISS", &json!(42)));
    assert_eq!(shop.get("/search?q=lamp").await.cache, "MISS");
    assert_eq!(shop.get("/products/43").await.cache, "HIT", "another product is left alone");
}

#[tokio::test]
async fn an_unknown_product_is_remembered_until_it_is_there() {
    let shop = Client::new();
    let path = format!("/products/{}", PRODUCTS + 1);
    for expected in ["MISS", "HIT"] {
        let answer = shop.get(&path).await;
        assert_eq!((answer.status, answer.cache.as_str()), (404, expected));
        assert_eq!(answer.json["detail"], json!("there is no product 201"));
    }
    let new = json!({ "name": "Hammer", "category": "tools & more", "price": 1_999 });
    let added = shop.send("POST", "/products", new).await;
    assert_eq!(added.status, 201);
    let answer = shop.get(&path).await;
    assert_eq!((answer.status, answer.cache.as_str()), (200, "MISS"));
    assert_eq!(answer.json, added.json);

    assert_eq!(shop.send("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(shop.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_broken_database_is_answered_with_what_is_still_good() {
    let shop = Client::new();
    let before = shop.get("/products/42").await;
    shop.clock.advance(Duration::from_secs(61));
    shop.break_database();

    let stale = shop.get("/products/42").await;
    assert_eq!((stale.status, stale.cache.as_str(), stale.age.as_str()), (200, "STALE", "61"));
    assert_eq!(stale.json, before.json);
    let unseen = shop.get("/products/43").await;
    assert_eq!((unseen.status, unseen.cache.as_str()), (503, "MISS"));
    assert_eq!(unseen.json["detail"], json!("the database does not answer"));
}

#[tokio::test]
async fn a_discount_reaches_every_product_of_its_category_and_no_other() {
    let shop = Client::new();
    let price = |answer: &Answer| answer.json["price"].as_u64().unwrap();
    // Products 1, 11, 21, … share a category; product 2 is of another.
    let before = shop.get("/products/11").await;
    let other = shop.get("/products/2").await;
    let path = format!("/categories/{}/discount", before.json["category"].as_str().unwrap());
    let answer = shop.send("POST", &path, json!({ "percent": 50 })).await;
    assert_eq!(answer.json, json!({ "products": PRODUCTS / 10 }));

    let after = shop.get("/products/11").await;
    assert_eq!((after.cache.as_str(), price(&after)), ("MISS", price(&before) / 2));
    let after = shop.get("/products/2").await;
    assert_eq!((after.cache.as_str(), price(&after)), ("HIT", price(&other)));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_json() {
    let shop = Client::new();
    for (method, path, body, status) in [
        ("GET", "/products/seven", Value::Null, 400),
        ("GET", "/search", Value::Null, 400),
        ("GET", "/search?q=%20", Value::Null, 422),
        ("GET", "/nowhere", Value::Null, 404),
        ("POST", "/products", json!({ "name": "Hammer" }), 422),
        ("PUT", "/products/999999", json!({ "price": 1 }), 404),
    ] {
        let answer = shop.send(method, path, body).await;
        assert_eq!((answer.status, &answer.json["status"]), (status, &json!(status)), "{path}");
    }
}

#[tokio::test]
async fn operators_see_what_customers_do_and_that_the_database_is_gone() {
    let shop = Client::new();
    shop.get("/products/42").await;
    let status = shop.get("/ha/status").await.json;
    assert_eq!(status["performance"]["requests"], 1);
    assert_eq!(shop.get("/athena").await.status, 200);
    assert_eq!(shop.get("/health/ready").await.status, 200);
    let nobody = json!({ "cache": "test" });
    let refused = shop.send("POST", "/athena/actions/resume", nobody).await;
    assert_eq!(refused.status, 403, "who cannot say where they are does nothing");

    let broken = Client::new();
    broken.break_database();
    let health = broken.get("/health").await;
    assert_eq!(
        (health.status, &health.json["status"], &health.json["entries"]["database"]["status"]),
        (200, &json!("Degraded"), &json!("Unhealthy"))
    );
    assert_eq!(broken.get("/health/ready").await.status, 200, "all instances lose it together");
}

/// A shop with a few products, and somebody who asks it.
struct Client {
    app: Router,
    cache: Cache,
    clock: ManualClock,
    database: Database,
    path: PathBuf,
}

/// What a client reads.
struct Answer {
    status: u16,
    cache: String,
    age: String,
    json: Value,
}

impl Client {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let file = format!("storefront-test-{}-{number}.db", std::process::id());
        let path = std::env::temp_dir().join(file);
        let database = Database::open(&path).unwrap();
        seed::fill(&database, PRODUCTS).unwrap();
        let clock = ManualClock::new();
        let cache = Cache::builder("test").clock(&clock).build().unwrap();
        let store = Store::new(database.clone());
        let app = routes(store.clone()).merge(operators(store, &cache));
        Self { app, cache, clock, database, path }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Value::Null).await
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.cache.scope(self.app.clone().oneshot(request)).await.unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name);
            value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        let (status, cache, age) =
            (response.status().as_u16(), header("x-athena-cache"), header("age"));
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status, cache, age, json }
    }

    fn break_database(&self) {
        let rename = "ALTER TABLE products RENAME TO gone";
        self.database.run_here(|connection| connection.execute_batch(rename)).unwrap();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut file = self.path.clone().into_os_string();
            file.push(suffix);
            let _ = std::fs::remove_file(file);
        }
    }
}
