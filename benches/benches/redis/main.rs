//! What the cache costs with Redis: `cargo bench -p athena-benches --bench redis`.
//!
//! Every figure is a ratio of two measurements of one run, since machines differ, or a number of bytes.
//! It needs `redis-server` (`scripts/test-deps.sh` installs it).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]
#![allow(clippy::print_stdout, reason = "it talks to its reader")]

mod drop;
mod fanout;
mod memory;
mod price;
mod regions;
mod spread;
#[path = "../../../tests/support/mod.rs"]
mod support;
mod tag;

use support::server::RedisServer;

/// A part, and what it is called on the command line.
type Part = (&'static str, fn());

const PARTS: &[Part] = &[
    ("price", price::print),
    ("drop", drop::print),
    ("memory", memory::print),
    ("fanout", fanout::print),
    ("tag", tag::print),
    ("regions", regions::print),
];

/// The processor time that the server has used so far, in seconds.
fn used(server: &RedisServer) -> f64 {
    server.info::<f64>("used_cpu_user") + server.info::<f64>("used_cpu_sys")
}

fn main() {
    // Cargo adds options of its own.
    let wanted: Vec<_> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    for name in &wanted {
        assert!(
            PARTS.iter().any(|(part, _)| part == name),
            "there is no part {name:?}; there are price, drop, memory, fanout, tag and regions"
        );
    }
    for (name, print) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            print();
        }
    }
}
