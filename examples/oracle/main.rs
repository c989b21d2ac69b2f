//! Several processes read, write and invalidate while a real Redis is broken and repaired; afterwards
//! every value that anybody was served is held against what the source of truth had, and when.
//!
//! `cargo run --release --example oracle -- [topology [fault]] [--on WORDS | --each | --draw N] [--seed N]
//! [--seconds S] [--processes P] [--workload W] [--without GUARD]`; it starts servers of its own and ends
//! them. Without a fault it plays all of them in turn, without a topology all of those, until the seconds are
//! over; each play has the next seed. `--on` names what servers, users and values there are, by words with
//! commas between them (`--on help` lists them); `--each` plays on each word once, `--draw` lets the seed of each of
//! N plays decide on the configuration and the fault: `sentinel --draw 1 --seed 7` is the play of seed 7 again.
//! It fails when a promise of the cache was not kept, and tells what happened around it.
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
    for place in 0..plan.count().unwrap_or(u64::MAX) {
        if plan.count().is_none() && place > 0 && begun.elapsed() >= plan.length {
            break;
        }
        let next = plan.play(place);
        println!("\n[{:.0} s] {next}", begun.elapsed().as_secs_f64());
        if let Some(obstacle) = next.obstacle() {
            println!("  {obstacle}");
            continue;
        }
        let report = next.run();
        println!("{report}");
        tally.add(&report);
    }
    println!("\n{tally}");
    if tally.is_good() { Ok(()) } else { Err("a promise was not kept".into()) }
}
