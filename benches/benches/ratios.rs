//! What the cache costs: `cargo bench -p athena-benches`.
//!
//! Every figure is a ratio of two measurements of one run, since machines differ.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]

mod encode;
mod hit;
mod load;
mod report;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    load::bench(&mut criterion);
    encode::bench(&mut criterion);
    hit::bench(&mut criterion);
    criterion.final_summary();
    report::print();
}
