//! The products that a new database begins with: the same ones every time.

use rusqlite::params;

use crate::database::Database;

const CATEGORIES: [&str; 10] = [
    "books", "games", "garden", "kitchen", "lighting", "music", "office", "sports", "tools", "toys",
];
const LOOKS: [&str; 8] = ["Plain", "Bright", "Folding", "Heavy", "Light", "Quiet", "Small", "Tall"];
const MATERIALS: [&str; 7] = ["Brass", "Cork", "Glass", "Linen", "Oak", "Paper", "Steel"];
const THINGS: [&str; 9] =
    ["Basket", "Box", "Frame", "Holder", "Kit", "Lamp", "Rack", "Stand", "Tray"];

/// Whether there is no product at all.
pub(crate) fn is_empty(database: &Database) -> rusqlite::Result<bool> {
    let query = "SELECT NOT EXISTS (SELECT 1 FROM products)";
    database.run_here(|connection| connection.query_row(query, [], |row| row.get(0)))
}

/// Adds products, all of them or none.
pub(crate) fn fill(database: &Database, count: u32) -> rusqlite::Result<()> {
    database.run_here(|connection| {
        let transaction = connection.transaction()?;
        let mut insert = transaction
            .prepare("INSERT INTO products (name, category, price) VALUES (?1, ?2, ?3)")?;
        for number in 1..=count {
            let place = number as usize;
            let look = LOOKS[place % LOOKS.len()];
            let material = MATERIALS[place % MATERIALS.len()];
            let thing = THINGS[place % THINGS.len()];
            let name = format!("{look} {material} {thing} {number}");
            let category = CATEGORIES[place % CATEGORIES.len()];
            let price = 99 + number.wrapping_mul(2_654_435_761) % 50_000;
            insert.execute(params![name, category, price])?;
        }
        drop(insert);
        transaction.commit()
    })
}
