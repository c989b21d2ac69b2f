//! The drill of two regions: one of them, or the way between them, breaks while processes of both go on.
//!
//! `cargo run --release --example failover_drill -- regions [fault] [--runs N] [--pair standalone|sentinel|mixed]`; the
//! settings are those that regions have by themselves, but for a shorter `grace`.

use std::error::Error;

use crate::oracle::regions::fault::RegionFault;
use crate::oracle::regions::play::RegionPlay;
use crate::scenario::choose;
use crate::support::topology::Topology;

/// What may be asked for; without a word all of it is played.
const FAULTS: [(&str, RegionFault); 5] = [
    ("kill", RegionFault::Kill),
    ("cut", RegionFault::Cut),
    ("freeze", RegionFault::Freeze),
    ("empty", RegionFault::Empty),
    ("planned", RegionFault::Planned),
];

/// What the two regions are made of, the primary first.
const PAIRS: [(&str, [Topology; 2]); 3] = [
    ("standalone", [Topology::Standalone; 2]),
    ("sentinel", [Topology::Sentinel; 2]),
    ("mixed", [Topology::Sentinel, Topology::Standalone]),
];

/// Plays what the arguments after `regions` say.
pub(crate) fn play(arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let (mut fault, mut pair, mut runs) = (None, PAIRS[0].1, 1_u64);
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        if argument == "--runs" {
            let count = arguments.next().unwrap_or_default();
            runs =
                count.parse().ok().filter(|runs| *runs > 0).ok_or_else(|| {
                    format!("`--runs` is `{count}`, expected a number of at least 1")
                })?;
        } else if argument == "--pair" {
            pair = choose("pair", &arguments.next().unwrap_or_default(), &PAIRS)?;
        } else if fault.is_none() {
            fault = Some(choose("fault", &argument, &FAULTS)?);
        } else {
            let allowed = "[fault] [--runs N] [--pair standalone|sentinel|mixed]";
            return Err(format!("unexpected argument `{argument}`, expected {allowed}").into());
        }
    }
    let mut is_good = true;
    for (_, each) in FAULTS.iter().filter(|(_, it)| fault.is_none_or(|one| one == *it)) {
        for seed in 1..=runs {
            let play = RegionPlay::new(pair, *each, seed).with_defaults();
            println!("\n== {play}");
            let report = play.run();
            println!("{report}");
            is_good &= report.is_good();
        }
    }
    if is_good { Ok(()) } else { Err("callers noticed".into()) }
}
