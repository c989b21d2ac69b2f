//! The storefront's functions on its database: reads are cached, writes invalidate.
//!
//! | tag | on |
//! |---|---|
//! | `product:{id}` | that product, or that there is none |
//! | `category:{name}` | the page of a category, and each product in it |
//! | `page:{name}` | the page alone |
//! | `search` | every search |

use athena_cache::{athena_cache, athena_invalidate, escape};
use rusqlite::{OptionalExtension, params};

use crate::database::Database;
use crate::error::Error;
use crate::product::{Category, NewProduct, Product};

/// The products; clones share the database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    database: Database,
}

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// A product. That there is none is remembered for a while, too.
    #[athena_cache(
        key = "product:{id}",
        skip(self),
        ttl = "1m",
        grace = "1h",
        negative_ttl = "10s",
        tags = ["product:{id}"],
        tags_from = |product| [format!("category:{}", escape(&product.category))],
    )]
    pub(crate) async fn product(&self, id: i64) -> Result<Option<Product>, Error> {
        let query = "SELECT id, name, category, price FROM products WHERE id = ?1";
        self.database
            .run(move |db| db.prepare_cached(query)?.query_row([id], Product::read).optional())
            .await
    }

    /// A category; counting and sorting thousands of rows is worth a refresh ahead of time.
    #[athena_cache(
        key = "category:{name}",
        skip(self),
        ttl = "1m",
        refresh = "80%",
        grace = "1h",
        hard_timeout = "2s",
        negative_ttl = "10s",
        tags = ["category:{name}", "page:{name}"],
    )]
    pub(crate) async fn category(&self, name: &str) -> Result<Option<Category>, Error> {
        let name = name.to_owned();
        let count = "SELECT count(*) FROM products WHERE category = ?1";
        let top = "SELECT id, name, category, price FROM products WHERE category = ?1
                   ORDER BY price DESC, id LIMIT 50";
        self.database
            .run(move |db| {
                let count = db.prepare_cached(count)?.query_row([&name], |row| row.get(0))?;
                let mut top = db.prepare_cached(top)?;
                let top = top.query_map([&name], Product::read)?.collect::<Result<_, _>>()?;
                Ok((count > 0).then_some(Category { name, count, top }))
            })
            .await
    }

    /// Products whose name contains a text in lower case; may read every row.
    ///
    /// Rather an old answer at once than a new one late: a slow search goes on behind its caller.
    #[athena_cache(skip(self), ttl = "30s", grace = "10m", soft_timeout = "20ms", tags = ["search"])]
    pub(crate) async fn search(&self, text: &str) -> Result<Vec<Product>, Error> {
        let text = text.to_owned();
        let query = "SELECT id, name, category, price FROM products
                     WHERE instr(lower(name), ?1) > 0 ORDER BY id LIMIT 20";
        self.database
            .run(move |db| db.prepare_cached(query)?.query_map([text], Product::read)?.collect())
            .await
    }

    #[athena_invalidate(tags = ["search"], tags_from = touched)]
    pub(crate) async fn add(&self, new: NewProduct) -> Result<Product, Error> {
        let NewProduct { name, category, price } = new;
        let query = "INSERT INTO products (name, category, price) VALUES (?1, ?2, ?3)
                     RETURNING id, name, category, price";
        self.database
            .run(move |db| {
                db.prepare_cached(query)?.query_row(params![name, category, price], Product::read)
            })
            .await
    }

    #[athena_invalidate(tags = ["search"], tags_from = touched)]
    pub(crate) async fn set_price(&self, id: i64, price: u32) -> Result<Product, Error> {
        let query = "UPDATE products SET price = ?2 WHERE id = ?1
                     RETURNING id, name, category, price";
        self.database
            .run(move |db| {
                db.prepare_cached(query)?.query_row(params![id, price], Product::read).optional()
            })
            .await?
            .ok_or_else(|| Error::no_product(id))
    }

    #[athena_invalidate(tags = ["search"], tags_from = touched)]
    pub(crate) async fn remove(&self, id: i64) -> Result<Product, Error> {
        let query = "DELETE FROM products WHERE id = ?1 RETURNING id, name, category, price";
        self.database
            .run(move |db| db.prepare_cached(query)?.query_row([id], Product::read).optional())
            .await?
            .ok_or_else(|| Error::no_product(id))
    }

    /// Lowers every price of a category; answers how many there were.
    ///
    /// One tag reaches every product of the category that is cached anywhere.
    #[athena_invalidate(tags = ["category:{name}", "search"])]
    pub(crate) async fn discount(&self, name: &str, percent: u8) -> Result<usize, Error> {
        let name = name.to_owned();
        let query = "UPDATE products SET price = price * (100 - ?2) / 100 WHERE category = ?1";
        self.database.run(move |db| db.prepare_cached(query)?.execute(params![name, percent])).await
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        self.database
            .run(|db| db.query_row("SELECT EXISTS (SELECT 1 FROM products)", [], |_| Ok(())))
            .await
    }
}

/// The tags that a change of one product makes outdated.
fn touched(product: &Product) -> [String; 2] {
    [format!("product:{}", product.id), format!("page:{}", escape(&product.category))]
}
