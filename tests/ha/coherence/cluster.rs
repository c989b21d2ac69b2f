//! Three primaries with a replica each.

use super::is_kept;
use crate::oracle::fault::Fault;
use crate::oracle::play::Play;
use crate::support::topology::Topology;

fn play(fault: Fault, seed: u64) -> Play {
    Play::new(Topology::Cluster, fault, seed)
}

#[test]
fn p2_p3_p4_p5_a_primary_of_a_cluster_that_dies_takes_no_invalidation_with_it() {
    is_kept(&play(Fault::Kill, 31));
}

#[test]
fn p2_p3_p4_p5_a_planned_failover_in_a_cluster_loses_no_invalidation() {
    is_kept(&play(Fault::Planned, 32));
}

#[test]
fn p2_p3_p4_p5_slots_that_move_to_another_primary_bring_nothing_back() {
    is_kept(&play(Fault::Reshard, 33));
}
