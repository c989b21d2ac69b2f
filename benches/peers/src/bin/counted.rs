//! Counts allocations for `peers`: a program of its own, since counting slows down what is timed.

use athena_peers::{Taken, count};

fn main() {
    let section = std::env::args().nth(1).unwrap_or_default();
    count(&section, |work| {
        let seen = allocation_counter::measure(work);
        Taken { allocations: seen.count_total, bytes: seen.bytes_total, kept: seen.bytes_current }
    });
}
