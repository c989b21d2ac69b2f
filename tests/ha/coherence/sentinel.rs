//! A primary, two replicas and three sentinels.

use super::{is_kept, played};
use crate::oracle::fault::Fault;
use crate::oracle::play::Play;
use crate::support::topology::Topology;

fn play(fault: Fault, seed: u64) -> Play {
    Play::new(Topology::Sentinel, fault, seed)
}

#[test]
fn p2_p3_p4_p5_a_primary_that_dies_behind_sentinels_takes_no_invalidation_with_it() {
    is_kept(&play(Fault::Kill, 21));
}

#[test]
fn p2_p3_p4_p5_a_planned_failover_behind_sentinels_loses_no_invalidation() {
    is_kept(&play(Fault::Planned, 22));
}

#[test]
fn a75_p3_p4_a_process_left_alone_with_the_old_primary_agrees_with_all_afterwards() {
    played(&play(Fault::Minority, 23)).assert_good_where_announced();
}
