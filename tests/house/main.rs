//! What holds the house up: who may import whom, which names there are, and that the docs speak of what
//! exists. ARCHITECTURE.md is the data; these tests read it, and the `use` lines of the code.
//!
//! Invariant: nothing is built or run for it; the code is read as text.

#![allow(clippy::expect_used, reason = "a test that cannot go on panics")]

mod borders;
mod docs;
mod graph;
mod imports;
mod names;
mod plan;
mod source;

use std::path::PathBuf;

/// The crates whose borders are watched.
const CRATES: [&str; 6] =
    ["athena-core", "athena-redis", "athena-macros", "athena-cli", "athena-observe", "athena-axum"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
