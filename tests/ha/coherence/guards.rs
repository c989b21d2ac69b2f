//! Whether the oracle sees: with a guard switched off it has to find what that guard is for.
//!
//! The plays are those in which the damage shows; a promise may be kept by chance, so each guard gets
//! several seeds.

use std::time::{Duration, Instant};

use athena_cache::testing::Guard;

use super::standalone::{cut_off_writer, unnoticed_partition};
use super::{on, played};
use crate::oracle::check::Promise;
use crate::oracle::fault::Fault;
use crate::oracle::play::Play;
use crate::oracle::workload::{BUSY, FURNISHED, LENGTHY, QUIET, SLOW, Workload, Writers};
use crate::support::topology::Topology;

/// No further play is begun after so long.
const LONG_ENOUGH: Duration = Duration::from_secs(60);

/// Plays without a guard until a promise is broken; panics if none ever is.
fn is_missed(guard: Guard, promises: &[Promise], play: impl Fn(u64) -> Play) {
    let begun = Instant::now();
    for seed in 1.. {
        let play = play(seed).without(guard);
        let report = played(&play);
        eprintln!("{report}");
        // Where nodes do not tell their history there is nothing to believe.
        let is_pointless = guard == Guard::History && !report.is_tracked;
        if is_pointless || promises.iter().any(|promise| report.breaks(*promise)) {
            return;
        }
        assert!(begun.elapsed() < LONG_ENOUGH, "nobody missed {guard:?} in {seed} plays");
    }
}

fn in_health(seed: u64, workload: Workload) -> Play {
    let play = Play::new(Topology::Standalone, Fault::Health, seed).with(workload);
    Play { calm: Duration::ZERO, broken: Duration::from_secs(3), ..play }
}

#[test]
fn the_oracle_sees_that_a_fill_is_not_refused_without_its_lease() {
    // Who hears late of an invalidation has sent its fill by then.
    let workload = Workload {
        writers: Writers::Last,
        write_pause: [Duration::from_millis(1_300), Duration::from_millis(1_700)],
        load_time: [Duration::from_millis(250), Duration::from_millis(500)],
        echoes: 1,
        ..QUIET
    };
    let play = |seed| {
        let play = Play::new(Topology::Standalone, Fault::Delay, seed).with(workload);
        Play { calm: Duration::from_millis(400), broken: Duration::from_secs(6), ..play }
    };
    is_missed(Guard::Lease, &[Promise::P2, Promise::P3, Promise::P4], play);
}

#[test]
fn the_oracle_sees_that_generations_are_not_compared() {
    is_missed(Guard::Generations, &[Promise::P2, Promise::P3], |seed| in_health(seed, BUSY));
}

#[test]
fn the_oracle_sees_that_changes_between_a_read_and_its_insertion_are_missed() {
    let play = |seed| {
        let mut play = in_health(seed, LENGTHY);
        // Memory that is not trusted for long is read again all the time.
        play.setup.window = Duration::from_millis(200);
        play
    };
    is_missed(Guard::Registration, &[Promise::P2, Promise::P3], play);
}

#[test]
fn the_oracle_sees_that_loads_are_joined_after_an_invalidation() {
    let workload = Workload { write_pause: [Duration::ZERO, SLOW.load_time[0]], ..SLOW };
    // All loads and all invalidations in one process.
    let play = |seed| Play { processes: 1, ..in_health(seed, workload) };
    is_missed(Guard::Joining, &[Promise::P3], play);
}

#[test]
fn the_oracle_sees_that_memory_is_trusted_for_ever() {
    is_missed(Guard::Window, &[Promise::P2], unnoticed_partition);
}

#[test]
fn the_oracle_sees_that_invalidations_which_did_not_arrive_are_forgotten() {
    is_missed(Guard::Journal, &[Promise::P4], cut_off_writer);
}

#[test]
fn the_oracle_sees_that_tags_which_nobody_has_named_are_not_compared() {
    let workload = Workload { of_groups: 100, of_everything: 0, ..BUSY };
    is_missed(Guard::UnnamedTags, &[Promise::P2, Promise::P3], |seed| in_health(seed, workload));
}

#[test]
fn the_oracle_sees_that_what_is_read_counts_as_new() {
    // So little is written that nobody loads anything for that, and nobody remembers how old it is.
    let seldom = [Duration::from_secs(3), Duration::from_secs(6)];
    let workload = Workload { write_pause: seldom, ..FURNISHED };
    let play = |seed| {
        let play = in_health(seed, workload).on(on("no-memory"));
        Play { broken: Duration::from_secs(6), ..play }
    };
    is_missed(Guard::Age, &[Promise::P7], play);
}

#[test]
fn the_oracle_sees_that_another_history_is_believed() {
    // So little is invalidated otherwise that nothing puts it right.
    let seldom = [Duration::from_secs(3), Duration::from_secs(6)];
    let workload = Workload { write_pause: seldom, of_groups: 0, of_everything: 0, ..QUIET };
    let play = |seed| {
        // Whoever remembers a newer value than the one that is believed loads it again.
        Play::new(Topology::Sentinel, Fault::Lost, seed).with(workload).on(on("no-memory"))
    };
    is_missed(Guard::History, &[Promise::P2, Promise::P4], play);
}
