//! Two regions under load while one of them, or the way between them, breaks: the promises X1 to X6 by the oracle.

use crate::coherence::placed;
use crate::oracle::regions::fault::RegionFault;
use crate::oracle::regions::play::RegionPlay;
use crate::oracle::workload::QUIET;
use crate::support::topology::Topology::{self, Cluster, Sentinel, Standalone};

const ALONE: [Topology; 2] = [Standalone; 2];

fn is_kept(pair: [Topology; 2], fault: RegionFault, seed: u64) {
    placed(|| RegionPlay::new(pair, fault, seed).run()).assert_good();
}

#[test]
fn x1_x3_x5_x6_in_health_both_regions_are_served() {
    is_kept(ALONE, RegionFault::Health, 1);
}

#[test]
fn a26_x1_x3_x4_x5_when_the_primary_region_dies_the_other_answers_and_nothing_comes_back() {
    is_kept(ALONE, RegionFault::Kill, 2);
    placed(|| RegionPlay::new(ALONE, RegionFault::Kill, 3).with(QUIET).run()).assert_good();
}

#[test]
fn x1_x3_x5_x6_in_a_split_both_sides_go_on() {
    is_kept(ALONE, RegionFault::Cut, 4);
    placed(|| RegionPlay::new(ALONE, RegionFault::Cut, 5).with(QUIET).run()).assert_good();
}

#[test]
fn a26_x1_x3_x4_x5_a_primary_region_that_stands_still_is_left() {
    is_kept(ALONE, RegionFault::Freeze, 6);
}

#[test]
fn x1_x3_x5_a_primary_region_that_loses_everything_is_followed_anew() {
    is_kept(ALONE, RegionFault::Empty, 7);
}

#[test]
fn x1_x3_x5_a_primary_that_restarts_is_not_left() {
    is_kept(ALONE, RegionFault::Planned, 8);
}

#[test]
fn a23_x6_a_secondary_that_dies_is_not_noticed_by_who_uses_the_primary() {
    is_kept(ALONE, RegionFault::SecondaryKill, 9);
}

#[test]
fn a23_x6_a_secondary_that_loses_everything_is_not_noticed_by_who_uses_the_primary() {
    is_kept(ALONE, RegionFault::SecondaryEmpty, 10);
}

#[test]
fn a35_x1_x5_when_a_process_that_carries_the_log_dies_another_one_goes_on() {
    is_kept(ALONE, RegionFault::PumpKilled, 11);
}

#[test]
fn x1_x5_records_that_are_lost_are_missed() {
    is_kept(ALONE, RegionFault::Trim, 12);
}

#[test]
fn b13_x1_x5_a_process_that_stands_still_switches_nothing() {
    let report = placed(|| RegionPlay::new(ALONE, RegionFault::Stall, 13).run());
    report.assert_good();
    assert_eq!(report.figures.switches, 0);
}

#[test]
fn x1_x3_x5_regions_behind_sentinels() {
    is_kept([Sentinel; 2], RegionFault::Planned, 14);
    is_kept([Sentinel; 2], RegionFault::Kill, 15);
    is_kept([Sentinel; 2], RegionFault::Cut, 16);
}

#[test]
fn x1_x3_x5_regions_of_which_one_is_behind_sentinels() {
    is_kept([Sentinel, Standalone], RegionFault::Freeze, 17);
    is_kept([Standalone, Sentinel], RegionFault::Kill, 18);
}

#[test]
fn x1_x3_x5_regions_of_which_one_is_a_cluster() {
    is_kept([Standalone, Cluster], RegionFault::Kill, 19);
    is_kept([Cluster, Standalone], RegionFault::Cut, 20);
}

#[test]
fn a26_with_the_settings_that_regions_have_by_themselves_the_other_one_answers_in_time() {
    placed(|| RegionPlay::new(ALONE, RegionFault::Kill, 21).with_defaults().run()).assert_good();
}
