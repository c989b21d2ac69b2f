use std::time::Duration;

use athena_cache::Source;

use super::super::record::{Ending, Flags, History, Invalidation, Read, What};
use super::{Habit, Promise, Rules, Unrest, check, surplus};

const FRESH: Flags = Flags::Fresh { source: Source::Memory, joined: false };

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Item 0 has version 0 from the beginning, 1 from 100, 2 from 200.
fn history(invalidations: Vec<Invalidation>, reads: Vec<Read>) -> History {
    let written = vec![vec![at(0), at(100), at(200)], vec![at(0)]];
    History { written, reads, invalidations, ..History::default() }
}

fn read(process: usize, begun: u64, version: u32) -> Read {
    let (begun, ended) = (at(begun), at(begun + 10));
    Read { process, item: 0, begun, ended, of: 0, version, flags: FRESH }
}

/// By process 0, of what item 0 was at version 1.
fn invalidated(ended: u64, ending: Ending) -> Invalidation {
    let (begun, ended) = (at(ended - 10), at(ended));
    Invalidation { process: 0, what: What::Item(0), covers: vec![(0, 1)], begun, ended, ending }
}

fn rules() -> Rules {
    Rules { bound: at(50), processes: 2, ..Rules::default() }
}

fn broken(history: &History, rules: &Rules) -> Vec<Promise> {
    check(history, rules).into_iter().map(|violation| violation.promise).collect()
}

#[test]
fn a_value_of_another_item_or_of_the_future_was_never_written() {
    let good = [read(0, 0, 0), read(0, 90, 1), read(1, 300, 2)];
    assert_eq!(broken(&history(vec![], good.into()), &rules()), []);
    let another = Read { of: 1, ..read(0, 0, 0) };
    let flagged = Read { flags: Flags::Flagged, ..read(0, 10, 3) };
    let bad = vec![another, flagged, read(0, 80, 1)];
    assert_eq!(broken(&history(vec![], bad), &rules()), [Promise::P1; 3]);
}

#[test]
fn what_is_fresh_was_loaded_within_its_life() {
    let lives = Rules { lives: vec![Some(at(100))], ..rules() };
    for (begun, loaded, expected) in [
        (120, vec![20], None),
        (121, vec![20], Some(Promise::P7)),
        (300, vec![20, 205], None),
        (300, vec![20, 310], None),
        (300, vec![20, 311], Some(Promise::P7)),
    ] {
        let loaded = vec![loaded.into_iter().map(at).collect()];
        let history = History { loaded, ..history(vec![], vec![read(1, begun, 1)]) };
        assert_eq!(broken(&history, &lives).first().copied(), expected, "{begun}");
        assert_eq!(broken(&history, &rules()), [], "nobody asks");
    }
    let flagged = Read { flags: Flags::Flagged, ..read(1, 300, 1) };
    let history = History { loaded: vec![vec![at(20)]], ..history(vec![], vec![flagged]) };
    assert_eq!(broken(&history, &lives), []);
}

#[test]
fn what_was_invalidated_is_not_fresh_anywhere_after_the_bound() {
    let done = || vec![invalidated(150, Ending::Done)];
    for (begun, version, expected) in
        [(200, 0, None), (201, 0, Some(Promise::P2)), (201, 1, None), (250, 2, None)]
    {
        let history = history(done(), vec![read(1, begun, version)]);
        assert_eq!(broken(&history, &rules()).first().copied(), expected, "{begun} {version}");
    }
    let flagged = Read { flags: Flags::Flagged, ..read(1, 300, 0) };
    let history = history(done(), vec![flagged]);
    assert_eq!(broken(&history, &rules()), []);
    // Unless there is nothing to be excused.
    assert_eq!(broken(&history, &Rules { all_answer: true, ..rules() }), [Promise::P2]);
}

#[test]
fn the_process_that_invalidated_sees_it_at_once() {
    for ending in [Ending::Done, Ending::Pending, Ending::Unsaid] {
        let history = |read| history(vec![invalidated(150, ending)], vec![read]);
        assert_eq!(broken(&history(read(0, 150, 0)), &rules()), []);
        assert_eq!(broken(&history(read(0, 151, 0)), &rules()), [Promise::P3]);
        let flagged = Read { flags: Flags::Flagged, ..read(0, 151, 0) };
        assert_eq!(broken(&history(flagged), &rules()), [Promise::P3]);
        assert_eq!(broken(&history(read(0, 151, 1)), &rules()), []);
    }
}

#[test]
fn what_is_pending_binds_nobody_else() {
    let history = |ending| history(vec![invalidated(150, ending)], vec![read(1, 900, 0)]);
    assert_eq!(broken(&history(Ending::Pending), &rules()), []);
    assert_eq!(broken(&history(Ending::Unsaid), &rules()), []);
    let calm = Rules { is_calm: true, ..rules() };
    assert_eq!(broken(&history(Ending::Unsaid), &calm), [Promise::P2]);
}

#[test]
fn what_a_lost_node_acknowledged_counts_from_when_all_have_met_its_successor() {
    let history = |begun| history(vec![invalidated(150, Ending::Done)], vec![read(1, begun, 0)]);
    let unrest = |of| Unrest { from: at(140), until: at(400), of };
    let rules = |unrest| Rules { unrest: vec![unrest], ..rules() };
    assert_eq!(broken(&history(450), &rules(unrest(vec![]))), []);
    assert_eq!(broken(&history(451), &rules(unrest(vec![]))), [Promise::P2]);
    assert_eq!(broken(&history(300), &rules(unrest(vec![0]))), []);
    assert_eq!(broken(&history(300), &rules(unrest(vec![1]))), [Promise::P2]);
    let later = Unrest { from: at(151), ..unrest(vec![]) };
    assert_eq!(broken(&history(300), &rules(later)), [Promise::P2]);
}

#[test]
fn an_older_demand_is_not_lowered_by_a_later_one() {
    let newer = Invalidation { covers: vec![(0, 2)], ..invalidated(210, Ending::Done) };
    let slow = Invalidation { covers: vec![(0, 1)], ..invalidated(300, Ending::Done) };
    let history = history(vec![slow, newer.clone()], vec![read(1, 400, 1)]);
    let violations = check(&history, &rules());
    assert_eq!(violations.len(), 1);
    assert_eq!((violations[0].least, &violations[0].since), (2, &Some(newer)));
}

#[test]
fn in_the_end_everybody_reads_what_the_source_has() {
    let mut history = history(vec![], vec![]);
    history.last_reads = vec![read(0, 900, 2), read(1, 900, 1)];
    assert_eq!(broken(&history, &rules()), [Promise::P4]);
}

#[test]
fn each_invalidation_allows_one_load_more_for_each_process() {
    let wide = Invalidation { covers: vec![(0, 1), (2, 1)], ..invalidated(150, Ending::Done) };
    let invalidated = vec![invalidated(150, Ending::Done), wide];
    let loaded = |counts: [usize; 3]| {
        let loaded = counts.map(|count| vec![at(0); count]).into();
        History { loaded, ..history(invalidated.clone(), vec![]) }
    };
    let items = |of_item_1: Habit| {
        let habit = |item| if item == 1 { of_item_1 } else { Habit::Usual };
        let found = surplus(&loaded([5, 3, 3]), 2, 0, habit);
        found.into_iter().map(|surplus| surplus.item).collect::<Vec<_>>()
    };
    assert_eq!(items(Habit::Usual), [1]);
    assert_eq!(items(Habit::Batched(1)), [1]);
    for enough in [Habit::Batched(2), Habit::Renewed, Habit::Labelled] {
        assert_eq!(items(enough), [0; 0]);
    }
    let found = |in_time| surplus(&loaded([6, 0, 0]), 2, in_time, |_| Habit::Usual).len();
    assert_eq!([0, 1].map(found), [1, 0]);
}
