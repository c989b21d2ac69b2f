use std::time::Duration;

use athena_cache::Source;

use super::super::record::{Ending, Flags, History, Invalidation, Read, What};
use super::{Duty, Idle, Work, lapses};

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn duty(works: &[Work]) -> Duty {
    Duty { from: at(1_000), until: at(2_000), works: works.to_vec(), patience: at(100) }
}

/// A hundred calls of process 0 in the stretch, each as long as that.
fn calls(source: Source, length: u64) -> Vec<Read> {
    let call = |number: u64| {
        let (begun, ended) = (at(1_000 + number), at(1_000 + number + length));
        let flags = Flags::Fresh { source, joined: false };
        Read { process: 0, item: 0, begun, ended, of: 0, version: 0, flags }
    };
    (0..100).map(call).collect()
}

fn asked(begun: u64, ending: Ending) -> Invalidation {
    let (begun, ended, covers) = (at(begun), at(begun + 1), vec![(0, 0)]);
    Invalidation { process: 0, what: What::Item(0), covers, begun, ended, ending }
}

fn idle(reads: Vec<Read>, invalidations: Vec<Invalidation>, duty: Duty) -> Vec<Idle> {
    let history = History { reads, invalidations, ..History::default() };
    lapses(&history, &[duty], &[0]).into_iter().map(|lapse| lapse.what).collect()
}

#[test]
fn a_tier_that_never_answers_does_not_do_its_work() {
    let both = duty(&[Work::Memory, Work::Redis]);
    let reads = [calls(Source::Memory, 1), calls(Source::Backend, 1)].concat();
    assert_eq!(idle(reads, vec![], both.clone()), []);
    let loaded = calls(Source::Load, 1);
    let expected = [Idle::Memory { process: 0, calls: 100 }, Idle::Redis { calls: 100 }];
    assert_eq!(idle(loaded.clone(), vec![], both.clone()), expected);
    assert_eq!(idle(loaded.clone(), vec![], duty(&[])), []);
    let flagged = calls(Source::Memory, 1).into_iter();
    let flagged = flagged.map(|read| Read { flags: Flags::Flagged, ..read }).collect();
    assert_eq!(idle(flagged, vec![], both.clone()), expected);
    let earlier = calls(Source::Memory, 1).into_iter();
    let earlier = earlier.map(|read| Read { begun: at(999), ..read });
    let reads = earlier.chain(loaded).collect();
    assert_eq!(idle(reads, vec![], both.clone()), expected);
    assert_eq!(idle(calls(Source::Load, 1)[..49].to_vec(), vec![], both), [], "too few");
}

#[test]
fn memory_keeps_what_nobody_has_changed() {
    let duty = duty(&[Work::Keeping]);
    let lapses = |invalidations| {
        let (reads, written) = (calls(Source::Backend, 1), vec![vec![at(0)]; 10]);
        let history = History { written, reads, invalidations, ..History::default() };
        lapses(&history, std::slice::from_ref(&duty), &[0])
            .into_iter()
            .map(|lapse| lapse.what)
            .collect::<Vec<_>>()
    };
    let found = |allowed| [Idle::Keeping { process: 0, reads: 100, allowed }];
    assert_eq!(lapses(vec![]), found(20));
    assert_eq!(lapses(vec![asked(1_100, Ending::Done); 39]), found(98));
    assert_eq!(lapses(vec![asked(1_100, Ending::Pending); 40]), []);
    let wide = Invalidation { covers: vec![(0, 0), (1, 0)], ..asked(1_100, Ending::Unsaid) };
    assert_eq!(lapses(vec![wide; 4]), []);
    assert_eq!(lapses(vec![asked(2_000, Ending::Done); 40]), found(20));
}

#[test]
fn what_a_process_has_nothing_to_tell_of_is_not_flagged() {
    let duty = duty(&[Work::Word]);
    let flagged = calls(Source::Memory, 1).into_iter();
    let flagged: Vec<_> = flagged.map(|read| Read { flags: Flags::Flagged, ..read }).collect();
    let idle = |reads: &[Read], ending| {
        let told = vec![Invalidation { process: 0, ..asked(900, ending) }];
        idle(reads.to_vec(), told, duty.clone())
    };
    let found = [Idle::Flagged { process: 0, calls: 100, of: 100 }];
    assert_eq!(idle(&flagged, Ending::Done), found);
    assert_eq!(idle(&flagged, Ending::Pending), []);
    assert_eq!(idle(&flagged, Ending::Unsaid), []);
    let tagged: Vec<_> = flagged.iter().map(|read| Read { item: 1, ..read.clone() }).collect();
    assert_eq!(idle(&tagged, Ending::Done), []);
    let some = |count| [&calls(Source::Memory, 1)[..], &flagged[..count]].concat();
    assert_eq!(idle(&some(4), Ending::Done), []);
    assert_eq!(idle(&some(5), Ending::Done).len(), 1);
}

#[test]
fn invalidations_that_are_never_done_do_not_work() {
    let pending = vec![asked(1_100, Ending::Pending); 3];
    let expected = [Idle::Invalidations { process: 0, asked: 3 }];
    let all = duty(&[Work::Invalidations]);
    assert_eq!(idle(vec![], pending.clone(), all.clone()), expected);
    assert_eq!(idle(vec![], pending.clone(), duty(&[Work::Memory, Work::Redis])), []);
    assert_eq!(idle(vec![], pending[..2].to_vec(), all.clone()), [], "too few");
    let with = |more| [pending.clone(), vec![more]].concat();
    assert_eq!(idle(vec![], with(asked(1_200, Ending::Done)), all.clone()), []);
    assert_eq!(idle(vec![], with(asked(2_000, Ending::Done)), all.clone()), expected);
    assert_eq!(idle(vec![], with(asked(1_200, Ending::Unsaid)), all), expected);
}

#[test]
fn calls_wait_for_no_more_than_loads() {
    let duty = duty(&[]);
    assert_eq!(idle(calls(Source::Load, 100), vec![], duty.clone()), []);
    let slow = calls(Source::Load, 101);
    let expected = [Idle::Slow { calls: 100, of: 100, limit: at(100) }];
    assert_eq!(idle(slow.clone(), vec![], duty.clone()), expected);
    let some = |slow: &[Read]| [&calls(Source::Load, 1)[..], slow].concat();
    assert_eq!(idle(some(&slow[..2]), vec![], duty.clone()), []);
    assert_eq!(idle(some(&slow[..3]), vec![], duty).len(), 1);
}
