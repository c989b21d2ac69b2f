//! Hits in memory: an argument of 19 bytes, a value of 64.

use std::collections::hash_map;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use super::{Subjects, all_hits, counts, labels};
use crate::effort;
use crate::names::Names;
use crate::peer::{Subject, amalgam, athena, cached, hitbox, moka, quick};
use crate::rounds::ratios;
use crate::stage::{Counts, Meter, Stage, runtime_of_thread};
use crate::table::Table;

/// Enough that nothing is evicted.
const ROOM: u64 = 2_000_000;
const HOT: u64 = 64;
const MANY: u64 = 1_000_000;
const ROUNDS: usize = 41;
const CALLS: usize = 10_000;
const ROUNDS_OF_MANY: usize = 11;
const CALLS_OF_MANY: usize = 50_000;

fn peers() -> Subjects {
    let cache = |namespace| athena::in_memory(namespace, ROOM);
    vec![
        Arc::new(moka::Moka::new(
            "moka, future get with ttl",
            ROOM,
            hash_map::RandomState::default(),
        )),
        Arc::new(moka::Moka::new(
            "moka, the same with foldhash",
            ROOM,
            foldhash::fast::RandomState::default(),
        )),
        Arc::new(quick::Quick::new(usize::try_from(ROOM).expect("it fits"))),
        Arc::new(cached::OneLock),
        Arc::new(cached::Sharded),
        Arc::new(hitbox::InMemory::new(ROOM)),
        Arc::new(amalgam::InMemory::new(ROOM)),
        Arc::new(athena::Derived { label: "athena, derived key", cache: cache("derived") }),
        Arc::new(athena::Tagged { label: "athena, derived key, two tags", cache: cache("tagged") }),
        Arc::new(athena::Keyed { label: "athena, key = \"p:{id}\"", cache: cache("keyed") }),
        Arc::new(athena::Entry { label: "athena, entry(…).get_or_load", cache: cache("entry") }),
    ]
}

pub(crate) fn print(stage: &Stage) {
    let subjects = peers();
    let mut table = Table::new(
        "Hit in memory, argument of 19 bytes, value of 64 bytes: time against moka's",
        labels(&subjects),
    );
    let names = Names::from(0, HOT);
    for subject in &subjects {
        fill(subject, &names);
    }
    let one = |_, subject: usize| [one_thread(&subjects[subject], &names, 0, CALLS)];
    table.ratios("one thread", &ratios(ROUNDS, subjects.len(), one)[0]);
    let two = |_, subject: usize| [two_threads(&subjects[subject], &names)];
    table.ratios("two threads", &ratios(ROUNDS, subjects.len(), two)[0]);
    table.ratios("a million keys", &many(subjects));
    let counts = stage.counts("memory");
    table.ratios("allocations", &counts[0]);
    table.print();
}

pub(crate) fn count(meter: Meter) -> Counts {
    counts(meter, CALLS, async || peers(), || Names::from(0, HOT))
}

fn fill(subject: &Arc<dyn Subject>, names: &Names) {
    let runtime = runtime_of_thread();
    runtime.block_on(Arc::clone(subject).walk(names.clone(), 0, names.count()));
    runtime.block_on(Arc::clone(subject).settled());
}

/// Processor time of so many hits.
fn one_thread(subject: &Arc<dyn Subject>, names: &Names, first: usize, times: usize) -> f64 {
    let runtime = runtime_of_thread();
    let calls = Arc::clone(subject).walk(names.clone(), first, times);
    all_hits(subject.label(), || {
        let begun = effort::of_thread();
        runtime.block_on(calls);
        effort::of_thread() - begun
    })
}

/// The mean time that two threads take for so many hits each of the same keys.
fn two_threads(subject: &Arc<dyn Subject>, names: &Names) -> f64 {
    let barrier = Barrier::new(2);
    let on_thread = || {
        let runtime = runtime_of_thread();
        let calls = Arc::clone(subject).walk(names.clone(), 0, CALLS);
        barrier.wait();
        let begun = Instant::now();
        runtime.block_on(calls);
        begun.elapsed().as_secs_f64()
    };
    all_hits(subject.label(), || {
        thread::scope(|scope| {
            let other = scope.spawn(on_thread);
            f64::midpoint(on_thread(), other.join().expect("it does not panic"))
        })
    })
}

/// Time against the first's over a million keys; one after another, or memory would not do.
fn many(subjects: Subjects) -> Vec<f64> {
    let names = Names::shuffled(MANY);
    let mut subjects = subjects.into_iter();
    let unit = subjects.next().expect("the first");
    fill(&unit, &names);
    let mut all = vec![1.0];
    for subject in subjects {
        fill(&subject, &names);
        let pair = [&unit, &subject];
        let measure = |round, place: usize| {
            [one_thread(pair[place], &names, round * CALLS_OF_MANY, CALLS_OF_MANY)]
        };
        let [shares] = ratios(ROUNDS_OF_MANY, pair.len(), measure);
        all.push(shares[1]);
    }
    all
}
