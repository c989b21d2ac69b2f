//! One server.

use std::time::Duration;

use super::{is_kept, on, played};
use crate::oracle::fault::Fault;
use crate::oracle::play::Play;
use crate::oracle::record::Ending;
use crate::oracle::workload::{FURNISHED, QUIET, SLOW, SLUGGISH, Workload, Writers};
use crate::support::topology::Topology;

fn play(fault: Fault, seed: u64) -> Play {
    Play::new(Topology::Standalone, fault, seed)
}

#[test]
fn p1_p2_p3_p4_p5_in_health_nobody_is_served_what_was_invalidated_and_nothing_is_loaded_twice() {
    let play = play(Fault::Health, 1);
    is_kept(&Play { broken: Duration::from_secs(3), ..play });
}

#[test]
fn p3_p5_in_health_long_loads_bring_nothing_back() {
    let play = play(Fault::Health, 2).with(SLOW);
    is_kept(&Play { broken: Duration::from_secs(3), ..play });
}

#[test]
fn p2_p3_p4_p5_every_option_at_once_brings_nothing_back_in_health() {
    let play = play(Fault::Health, 14).with(FURNISHED);
    is_kept(&Play { broken: Duration::from_secs(4), ..play });
}

#[test]
fn p2_p3_p4_p5_every_option_at_once_brings_nothing_back_in_an_outage() {
    let play = play(Fault::Outage, 15).with(FURNISHED);
    is_kept(&Play { broken: Duration::from_secs(3), after: Duration::from_secs(3), ..play });
}

#[test]
fn p2_p3_p4_p5_loads_longer_than_the_window_are_shared_and_kept_without_announcements() {
    let play = play(Fault::Health, 12).with(SLUGGISH).on(on("untracked"));
    is_kept(&Play { broken: Duration::from_secs(5), ..play });
}

#[test]
fn p2_p3_p4_p5_loads_longer_than_the_window_are_shared_and_kept_while_the_server_is_away() {
    let play = play(Fault::Partition, 13).with(SLUGGISH);
    is_kept(&Play { broken: Duration::from_secs(4), after: Duration::from_secs(3), ..play });
}

#[test]
fn t6_a75_a_process_that_was_cut_off_serves_nothing_past_the_trust_window_and_agrees_afterwards() {
    is_kept(&play(Fault::Partition, 3));
}

#[test]
fn t6_p2_a_process_that_is_cut_off_without_a_sign_trusts_its_memory_for_the_window_alone() {
    is_kept(&unnoticed_partition(4));
}

/// Connections are taken for dead so late that nothing but the window ends the trust.
///
/// Whoever asks the backend would wait for as long, and gives up.
pub(super) fn unnoticed_partition(seed: u64) -> Play {
    let many = Workload {
        patience: Duration::from_millis(100),
        write_pause: [Duration::from_millis(100), Duration::from_millis(400)],
        ..QUIET
    };
    let mut play = play(Fault::Partition, seed).with(many);
    play.setup.attempt = Duration::from_secs(4);
    play.setup.heartbeat = Duration::from_secs(4);
    Play { broken: Duration::from_millis(2_500), ..play }
}

#[test]
fn p4_a_process_that_only_writes_tells_what_it_could_not_once_it_is_back() {
    is_kept(&cut_off_writer(16));
}

/// Nobody but a process that is cut off invalidates anything.
pub(super) fn cut_off_writer(seed: u64) -> Play {
    let writers = Writers::First;
    let workload = Workload { writers, write_pause: SLOW.load_time, of_groups: 40, ..QUIET };
    let mut play = play(Fault::Partition, seed).with(workload);
    // What a connection still holds arrives once it is mended: most is given up before it is sent.
    play.setup.attempt = Duration::from_millis(100);
    // Nor is it put right by what is written later.
    let (broken, after) = (Duration::from_millis(2_500), Duration::from_millis(1_500));
    Play { broken, after, ..play }
}

#[test]
fn p4_p5_a_server_that_dies_and_returns_empty_brings_nothing_back() {
    is_kept(&play(Fault::Kill, 5));
}

#[test]
fn p3_p5_a_server_that_freezes_and_goes_on_brings_nothing_back() {
    is_kept(&play(Fault::Freeze, 6));
}

#[test]
fn p2_a_process_whose_answers_are_late_trusts_nothing_for_longer() {
    is_kept(&play(Fault::Delay, 7));
}

#[test]
fn p2_a_process_that_stands_still_for_a_while_trusts_nothing_from_before() {
    is_kept(&play(Fault::Stall, 8));
}

#[test]
fn t7_a75_three_processes_that_write_during_an_outage_agree_in_whatever_order_they_return() {
    let report = played(&Play { broken: Duration::from_secs(3), ..play(Fault::Outage, 9) });
    report.assert_good();
    let not_arrived = |process| {
        let mut all = report.history.invalidations.iter();
        all.any(|it| it.process == process && it.ending == Ending::Pending)
    };
    assert!((0..3).all(not_arrived), "not everybody wrote");
}
