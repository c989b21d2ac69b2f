//! What an entry takes in memory beyond its value.

use std::collections::hash_map;
use std::sync::Arc;

use athena_cache::Memory;

use super::{Subjects, labels};
use crate::names::Names;
use crate::peer::{Small, Subject, amalgam, athena, hitbox, moka, quick};
use crate::stage::{Counts, Meter, Stage, runtime_of_thread};
use crate::support::server::RedisServer;
use crate::table::Table;

/// Over a doubling, since tables grow by doubling.
const ENTRIES: [u64; 3] = [10_000, 13_000, 17_000];

/// Each with room for twice as much, so that nothing is evicted; a runtime has to be entered.
fn peers(entries: u64, url: &str) -> Vec<Box<dyn FnOnce() -> Arc<dyn Subject>>> {
    let room = 2 * entries;
    let alone = move || athena::in_memory("alone", room);
    let url = url.to_owned();
    let tiered = move |namespace: String| {
        let url = url.clone();
        move || athena::in_redis(&namespace, &url, Memory::bounded(room))
    };
    let plain = tiered(format!("plain-{entries}"));
    let tagged = tiered(format!("tagged-{entries}"));
    vec![
        Box::new(move || {
            Arc::new(moka::Moka::new("moka, ttl", room, hash_map::RandomState::default()))
        }),
        Box::new(move || Arc::new(quick::Quick::new(usize::try_from(room).expect("it fits")))),
        Box::new(move || Arc::new(hitbox::InMemory::new(room))),
        Box::new(move || Arc::new(amalgam::InMemory::new(room))),
        Box::new(move || Arc::new(athena::Derived { label: "athena alone", cache: alone() })),
        Box::new(move || {
            Arc::new(athena::Tagged { label: "athena alone, two tags", cache: alone() })
        }),
        Box::new(move || Arc::new(athena::Derived { label: "athena with Redis", cache: plain() })),
        Box::new(move || {
            Arc::new(athena::Tagged { label: "athena with Redis, two tags", cache: tagged() })
        }),
    ]
}

pub(crate) fn print(stage: &Stage) {
    let _entered = stage.runtime().enter();
    let subjects: Subjects =
        peers(ENTRIES[0], &stage.server().url()).into_iter().map(|make| make()).collect();
    let title = "Memory of an entry beyond its value, name of 19 bytes";
    let mut table = Table::new(title, labels(&subjects));
    table.numbers("bytes", &stage.counts("entry")[0]);
    table.print();
}

pub(crate) fn count(meter: Meter) -> Counts {
    let server = RedisServer::start();
    let takes = |entries: u64| {
        let names = Names::from(0, entries);
        let bytes = |make: Box<dyn FnOnce() -> Arc<dyn Subject>>| {
            let runtime = runtime_of_thread();
            let _entered = runtime.enter();
            let mut parts = (Some(make), None);
            let taken = meter(&mut || {
                let subject = parts.1.insert(parts.0.take().expect("it is called once")());
                let calls = Arc::clone(subject).walk(names.clone(), 0, names.count());
                runtime.block_on(calls);
                runtime.block_on(Arc::clone(subject).settled());
            });
            taken.kept as f64 / entries as f64 - size_of::<Small>() as f64
        };
        peers(entries, &server.url()).into_iter().map(bytes).collect::<Vec<_>>()
    };
    let all = ENTRIES.map(takes);
    let mean = |row: usize| all.iter().map(|bytes| bytes[row]).sum::<f64>() / all.len() as f64;
    vec![(0..all[0].len()).map(mean).collect()]
}
