//! What it costs to hold a value against what its type reads, while it is written.

use std::collections::BTreeMap;
use std::hint::black_box;

use athena_cache::__private::wires::{json, postcard as with_postcard};
use criterion::Criterion;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
    description: Option<String>,
    price: Price,
    weight: f64,
    tags: Vec<String>,
    stock: BTreeMap<String, u32>,
    state: State,
    variants: Vec<Variant>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Price {
    amount: i64,
    currency: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum State {
    Draft,
    Listed { since: u64, by: String },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Variant {
    sku: String,
    size: (u16, u16),
    available: bool,
}

/// As the [`Product`] above, with a field that some values leave out.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    product: Product,
}

fn product() -> Product {
    let variant = |number: u16| Variant {
        sku: format!("sku-{number}"),
        size: (number, 7),
        available: number.is_multiple_of(2),
    };
    Product {
        id: 4_711,
        name: "The first of all products".to_owned(),
        description: Some("Long enough to be worth an allocation of its own".to_owned()),
        price: Price { amount: 1_999, currency: "EUR".to_owned() },
        weight: 0.25,
        tags: vec!["books".to_owned(), "new".to_owned()],
        stock: BTreeMap::from([("Berlin".to_owned(), 3), ("Hamburg".to_owned(), 0)]),
        state: State::Listed { since: 1_700_000_000, by: "somebody".to_owned() },
        variants: (0..8).map(variant).collect(),
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    let (product, bytes) = (product(), vec![7_u8; 4_096]);
    let drafts = vec![State::Draft; 256];
    let sparse = Sparse { note: None, product: product.clone() };
    macro_rules! pair {
        ($name:literal, $value:expr, $wire:path, $plain:path) => {
            let value = $value;
            group.bench_function(concat!($name, ", watched"), |bencher| {
                let wire = $wire();
                bencher.iter(|| wire.written(black_box(value)));
            });
            group.bench_function(concat!($name, ", plain"), |bencher| {
                bencher.iter(|| $plain(black_box(value)));
            });
        };
    }
    pair!("product", &product, with_postcard, postcard::to_allocvec);
    pair!("bytes", &bytes, with_postcard, postcard::to_allocvec);
    pair!("enums", &drafts, with_postcard, postcard::to_allocvec);
    pair!("product in JSON", &product, json, serde_json::to_vec);
    pair!("left out in JSON", &sparse, json, serde_json::to_vec);
    group.finish();
    decode(criterion, &product, &bytes, &drafts);
}

/// The same the other way: what the bounds on depth and counts cost.
fn decode(criterion: &mut Criterion, product: &Product, bytes: &Vec<u8>, drafts: &Vec<State>) {
    let mut group = criterion.benchmark_group("decode");
    macro_rules! pair {
        ($name:literal, $type:ty, $value:expr) => {
            let written = postcard::to_allocvec($value).expect("it can be written");
            group.bench_function(concat!($name, ", bounded"), |bencher| {
                let wire = with_postcard::<$type>();
                bencher.iter(|| wire.read(black_box(&written)));
            });
            group.bench_function(concat!($name, ", plain"), |bencher| {
                bencher.iter(|| postcard::from_bytes::<$type>(black_box(&written)));
            });
        };
    }
    pair!("product", Product, product);
    pair!("bytes", Vec<u8>, bytes);
    pair!("enums", Vec<State>, drafts);
    group.finish();
}
