//! Several processes read, write and invalidate while a real Redis is broken and repaired; afterwards
//! every value that anybody was served is held against what the source of truth had, and when.
//!
//! `cargo run --release --example oracle -- [topology [fault]] [--seed N] [--seconds S] [--processes P]
//! [--workload W] [--without GUARD]`; it starts servers of its own and ends them. Without a fault it
//! plays all of them in turn, without a topology all of those, until the seconds are over; each play has
//! the next seed. It fails when a promise of the cache was not kept, and tells what happened around it.
#![expect(clippy::print_stdout, reason = "it talks to its reader")]

mod plan;
mod tally;

#[path = "../../tests/oracle/mod.rs"]
mod oracle;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Instant;

use plan::Plan;
use tally::Tally;

fn main() -> Result<(), Box<dyn Error>> {
    let plan = Plan::parse(std::env::args().skip(1))?;
    let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    if let Err(error) = version {
        return Err(format!("this needs redis-server on the PATH: {error}").into());
    }
    let begun = Instant::now();
    let mut tally = Tally::default();
    println!("{} plays, seeds from {}, {:?}", plan.scenes.len(), plan.seed, plan.length);
    for (seed, (topology, fault)) in (plan.seed..).zip(plan.scenes.iter().copied().cycle()) {
        if begun.elapsed() >= plan.length && seed > plan.seed {
            break;
        }
        let report = plan.play(topology, fault, seed).run();
        println!("\n[{:.0} s] {report}", begun.elapsed().as_secs_f64());
        tally.add(&report);
    }
    println!("\n{tally}");
    if tally.is_good() { Ok(()) } else { Err("a promise was not kept".into()) }
}
