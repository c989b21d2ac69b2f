//! What the storefront sells, as rows and as JSON.

use rusqlite::Row;
use serde::{Deserialize, Serialize};

/// A product. The price is in cents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) price: u32,
}

/// A product that has no id yet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProduct {
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) price: u32,
}

/// A category at a glance: how many products it has, and the dearest of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Category {
    pub(crate) name: String,
    pub(crate) count: u32,
    pub(crate) top: Vec<Product>,
}

impl Product {
    /// Reads a row of `id, name, category, price`.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, category: row.get(2)?, price: row.get(3)? })
    }
}
