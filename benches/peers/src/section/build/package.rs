//! Packages that are made up to be built.

use std::fmt::Write;

const SERDE: &str = "serde = { version = \"1\", features = [\"derive\"] }";
const SERDE_JSON: &str = "serde_json = \"1\"";
const TOKIO: &str = "tokio = { version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }";
const CACHED: &str = "cached = { version = \"4.1\", features = [\"async\"] }";
const MOKA: &str = "moka = { version = \"0.12\", features = [\"future\"] }";
const REDIS: &str = "redis = { version = \"1.8\", features = [\"tokio-comp\"] }";

/// A package with one program.
#[derive(Debug)]
pub(crate) struct Package {
    /// What it is called in the table.
    pub(crate) label: &'static str,
    pub(crate) name: String,
    /// Lines of its manifest.
    pub(crate) dependencies: Vec<String>,
    /// `main.rs`.
    pub(crate) source: String,
}

/// Functions without a cache.
pub(crate) fn plain(count: u32) -> Package {
    let source = functions(count, "", "");
    let name = format!("plain-{count}");
    Package { label: "plain", name, dependencies: lines(&[SERDE, TOKIO]), source }
}

pub(crate) fn cached(count: u32) -> Package {
    let attribute = "#[cached::macros::cached(max_size = 1_000, ttl_secs = 300)]";
    let (name, source) = (format!("cached-{count}"), functions(count, attribute, ""));
    let dependencies = lines(&[SERDE, TOKIO, CACHED]);
    Package { label: "cached, #[cached] with ttl", name, dependencies, source }
}

pub(crate) fn athena(count: u32) -> Package {
    let attribute = "#[athena_cache::athena_cache(ttl = \"5m\")]";
    let setup = "athena_cache::Cache::in_memory(\"build\").install();";
    let (name, source) = (format!("athena-{count}"), functions(count, attribute, setup));
    let dependencies = [lines(&[SERDE, TOKIO]), vec![ours("")]].concat();
    Package { label: "athena, #[athena_cache] with ttl", name, dependencies, source }
}

/// A function with moka and Redis, written by hand.
pub(crate) fn hello_by_hand() -> Package {
    let source = include_str!("hello_by_hand.txt").to_owned();
    let dependencies = lines(&[SERDE, SERDE_JSON, TOKIO, MOKA, REDIS]);
    let name = "hello-by-hand".to_owned();
    Package { label: "by hand: moka, redis, serde_json", name, dependencies, source }
}

/// The same with athena.
pub(crate) fn hello_athena() -> Package {
    let source = include_str!("hello_athena.txt").to_owned();
    let dependencies = [lines(&[SERDE, TOKIO]), vec![ours("redis")]].concat();
    let name = "hello-athena".to_owned();
    Package { label: "athena, memory and Redis", name, dependencies, source }
}

fn lines(dependencies: &[&str]) -> Vec<String> {
    dependencies.iter().map(|&line| line.to_owned()).collect()
}

/// The line for this cache, as it is here.
fn ours(feature: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let features = if feature.is_empty() { String::new() } else { format!("{feature:?}") };
    format!("athena-cache = {{ path = {root:?}, features = [{features}] }}")
}

/// A program that calls so many functions, each with an attribute, after something is set up.
fn functions(count: u32, attribute: &str, setup: &str) -> String {
    let mut source = String::from(
        "#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]\n\
         struct Product { id: u64, name: String }\n\
         #[derive(Debug, Clone)]\n\
         struct Failure;\n",
    );
    for number in 0..count {
        let _ = write!(
            source,
            "{attribute}\nasync fn product_{number}(id: u64) -> Result<Product, Failure> {{\n\
             if id == {number} {{ return Err(Failure); }}\n\
             Ok(Product {{ id, name: format!(\"product {{id}} of {number}\") }})\n}}\n"
        );
    }
    let _ = writeln!(source, "#[tokio::main]\nasync fn main() {{\n{setup}");
    for number in 0..count {
        let _ = writeln!(source, "println!(\"{{:?}}\", product_{number}({number}).await);");
    }
    source + "}\n"
}
