//! Whether the oracle sees: with a rule of "Regions" not kept it has to find what that rule is for.
//!
//! Rules that show seldom are shown by stories: `it/regions/missed.rs`.

use std::time::{Duration, Instant};

use athena_cache::testing::Guard;

use crate::coherence::placed;
use crate::oracle::check::Promise;
use crate::oracle::regions::fault::RegionFault;
use crate::oracle::regions::play::RegionPlay;
use crate::oracle::workload::QUIET;
use crate::support::topology::Topology::Standalone;

/// No further play is begun after so long.
const LONG_ENOUGH: Duration = Duration::from_secs(100);

/// Plays without a guard until it shows.
fn is_missed(guard: Guard, fault: RegionFault) {
    let begun = Instant::now();
    for seed in 1.. {
        let play = RegionPlay::new([Standalone; 2], fault, seed).with(QUIET).without(guard);
        let report = placed(|| play.run());
        eprintln!("{play}\n{report}");
        let promises = [Promise::P2, Promise::P3, Promise::P4];
        if promises.iter().any(|promise| report.breaks(*promise)) || !report.disturbances.is_empty()
        {
            return;
        }
        assert!(begun.elapsed() < LONG_ENOUGH, "nobody missed {guard:?} in {seed} plays");
    }
}

#[test]
fn the_oracle_sees_that_the_primary_is_not_told() {
    is_missed(Guard::BothRegions, RegionFault::Health);
}

#[test]
fn the_oracle_sees_that_a_secondary_counts_that_is_not_heard() {
    is_missed(Guard::Heard, RegionFault::Cut);
}
