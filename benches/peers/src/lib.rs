//! What the cache costs beside its peers, in the same run:
//! `cargo bench --manifest-path benches/peers/Cargo.toml`, with names of sections for a part of it.
//!
//! Every figure is a ratio to the first row of its table, or a number that does not depend on the machine.
//! Rounds alternate between all rows, so that noise meets all of them, and the median of the rounds counts.
//! It needs `redis-server` (`scripts/test-deps.sh` installs it).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]
#![allow(clippy::cast_precision_loss, reason = "what is counted here is far below 2^52")]

mod effort;
mod names;
mod peer;
mod rounds;
mod section;
#[path = "../../benches/redis/spread.rs"]
mod spread;
mod stage;
#[path = "../../../tests/support/mod.rs"]
mod support;
mod table;

use section::{build, entry, hello, memory, miss, redis};
use stage::Stage;
pub use stage::{Meter, Taken};

/// A section, what it is called on the command line, and whether it is printed unasked.
type Section = (&'static str, Unasked, fn(&Stage));

/// Whether a section is printed when none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unasked {
    Printed,
    /// It takes minutes.
    LeftOut,
}

const SECTIONS: &[Section] = &[
    ("memory", Unasked::Printed, memory::print),
    ("redis", Unasked::Printed, redis::print),
    ("miss", Unasked::Printed, miss::print),
    ("entry", Unasked::Printed, entry::print),
    ("hello", Unasked::Printed, hello::print),
    ("build", Unasked::LeftOut, build::print_functions),
    ("first-build", Unasked::LeftOut, build::print_hello),
];

/// Prints the sections that the arguments name, or all that are quick.
///
/// `counted` is the program that calls [`count`].
pub fn print(arguments: impl Iterator<Item = String>, counted: &'static str) {
    // Cargo adds options of its own.
    let wanted: Vec<_> = arguments.filter(|it| !it.starts_with('-')).collect();
    for name in &wanted {
        let known: Vec<_> = SECTIONS.iter().map(|(section, ..)| *section).collect();
        assert!(
            known.contains(&name.as_str()),
            "there is no section {name:?}; there are {known:?}"
        );
    }
    let stage = Stage::new(counted);
    for (name, unasked, print) in SECTIONS {
        let is_unasked = wanted.is_empty() && *unasked == Unasked::Printed;
        if is_unasked || wanted.iter().any(|it| it == name) {
            print(&stage);
        }
    }
}

/// Counts what each row of a section allocates, and writes it to the standard output for [`print`](print()).
pub fn count(section: &str, meter: Meter) {
    let counts = match section {
        "memory" => memory::count(meter),
        "redis" => redis::count(meter),
        "miss" => miss::count(meter),
        "entry" => entry::count(meter),
        _ => panic!("nothing is counted in the section {section:?}"),
    };
    stage::write(&counts);
}
