//! Servers, users and values as people have them, one play for each kind that has broken a promise.

use std::time::Duration;

use super::{is_kept, on};
use crate::oracle::fault::Fault;
use crate::oracle::play::Play;
use crate::oracle::workload::QUIET;
use crate::support::topology::Topology;

fn play(topology: Topology, fault: Fault, seed: u64, words: &str) -> Play {
    let play = Play::new(topology, fault, seed).on(on(words));
    // In health there is nothing but what is broken.
    if fault == Fault::Health { Play { broken: Duration::from_secs(4), ..play } } else { play }
}

fn standalone(fault: Fault, seed: u64, words: &str) -> Play {
    play(Topology::Standalone, fault, seed, words)
}

#[test]
fn p2_p4_a_server_whose_table_of_readers_is_always_full_serves_nothing_outdated() {
    is_kept(&standalone(Fault::Health, 41, "few-readers"));
}

#[test]
fn p2_p4_a_server_that_evicts_all_the_time_serves_nothing_outdated() {
    is_kept(&standalone(Fault::Health, 42, "allkeys-random").with(QUIET));
}

#[test]
fn p2_p4_a_server_that_is_full_and_evicts_nothing_brings_nothing_back() {
    is_kept(&standalone(Fault::Health, 43, "noeviction").with(QUIET));
}

#[test]
fn p6_without_scripts_nobody_waits_for_a_lease() {
    is_kept(&standalone(Fault::Health, 44, "no-scripts"));
}

#[test]
fn p6_without_ping_memory_keeps_what_nobody_has_changed() {
    is_kept(&standalone(Fault::Health, 45, "no-ping").with(QUIET));
}

#[test]
fn p6_while_a_save_has_failed_memory_keeps_what_nobody_has_changed() {
    let play = standalone(Fault::Unsaved, 46, "default").with(QUIET);
    is_kept(&Play { broken: Duration::from_secs(3), ..play });
}

#[test]
fn p5_p6_a_server_that_has_loaded_its_data_is_used_and_brings_nothing_back() {
    is_kept(&standalone(Fault::Loading, 47, "default"));
}

#[test]
fn p2_p4_writes_that_are_held_back_bring_nothing_back() {
    is_kept(&standalone(Fault::Paused, 48, "64kb").with(QUIET));
}

#[test]
fn p2_p4_p6_the_recommended_user_of_a_valkey_is_promised_the_same() {
    is_kept(&standalone(Fault::Health, 49, "valkey,recommended-user,by-name"));
}

#[test]
fn p6_sentinels_by_name_of_which_one_is_missing_confirm_the_primary() {
    is_kept(&play(Topology::Sentinel, Fault::Health, 50, "by-name,missing-sentinel"));
}

#[test]
fn p6_a_replica_that_is_given_everything_anew_empties_nobody() {
    let play = play(Topology::Sentinel, Fault::Resync, 51, "default").with(QUIET);
    is_kept(&Play { broken: Duration::from_millis(2_500), ..play });
}

#[test]
fn p1_p2_p6_a_value_that_does_not_get_through_in_time_leaves_the_others_alone() {
    is_kept(&standalone(Fault::Health, 53, "heavy").with(QUIET));
}

#[test]
fn p2_p5_p6_nodes_whose_addresses_do_not_lead_there_are_found_by_the_host_that_was_asked() {
    is_kept(&play(Topology::Cluster, Fault::Planned, 54, "no-endpoints"));
}

#[test]
fn p2_p5_p6_nodes_whose_addresses_do_not_lead_there_are_found_where_the_settings_say() {
    is_kept(&play(Topology::Sentinel, Fault::Planned, 55, "mapped,by-name"));
}

#[test]
fn p2_p4_p5_where_memory_answers_nothing_looks_that_go_together_bring_nothing_back() {
    is_kept(&play(Topology::Sentinel, Fault::Kill, 56, "no-memory"));
}

#[test]
fn p2_p5_slots_that_stay_half_way_serve_nothing_outdated_flagged_or_not() {
    is_kept(&play(Topology::Cluster, Fault::Open, 52, "default"));
}

#[test]
fn what_seeds_decide_on_one_server_breaks_no_promise() {
    is_kept(&Play::drawn(Topology::Standalone, 66));
}

#[test]
fn what_seeds_decide_behind_sentinels_breaks_no_promise() {
    is_kept(&Play::drawn(Topology::Sentinel, 62));
}

#[test]
fn what_seeds_decide_on_a_cluster_breaks_no_promise() {
    is_kept(&Play::drawn(Topology::Cluster, 65));
}
