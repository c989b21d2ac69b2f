//! What the cache costs: `cargo bench -p athena-benches`.
//!
//! Every figure is a ratio of two measurements of one run, since machines differ.

mod hit;
mod report;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    hit::bench(&mut criterion);
    criterion.final_summary();
    report::print();
}
