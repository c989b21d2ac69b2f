//! A hit in memory, before a call becomes one of the engine's.
//!
//! Invariant: neither allocates nor awaits. Whatever is not plainly a hit falls into the engine, which judges it
//! again.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::entry;
use crate::envelope::EntryKind;
use crate::policy::Percent;
use crate::policy::freshness::Verdict;
use crate::runtime::Runtime;
use crate::telemetry::{Source, Topic, collect};

/// The value that memory holds under a key with these bytes, if it is fresh, trusted, and of this type.
#[inline]
pub(crate) fn hit<V: Clone + 'static>(
    runtime: &Runtime,
    (key, site): (&[u8], Option<u32>),
    memory_only: bool,
    refresh: Option<Percent>,
    topic: impl Fn() -> Topic,
) -> Option<V> {
    let answers = runtime.remotes.is_none() || memory_only || runtime.reads_memory();
    if !answers || runtime.is_closed() {
        return None;
    }
    let slot = runtime.memory.find(key)?;
    let now = runtime.clock.now_at_latest();
    let verdict = slot.meta().judge(now, refresh, &runtime.revisions);
    if verdict != Verdict::Fresh || !slot.meta().is_trusted(now) {
        return None;
    }
    let value = entry::value::<V>(&slot, EntryKind::Value).cloned()?;
    collect::hit(|| slot.meta().age(now));
    if runtime.telemetry.hit(site, Source::Memory, &topic) {
        sample(runtime, key, &topic);
    }
    Some(value)
}

/// Looks once more, to see how long that takes: hits take no time of day, but for one of many.
#[cold]
#[inline(never)]
fn sample(runtime: &Runtime, key: &[u8], topic: &impl Fn() -> Topic) {
    let watch = runtime.clock.stopwatch();
    let found = runtime.memory.find(key).is_some();
    let took = watch.elapsed();
    if found {
        runtime.telemetry.sampled(took, FixedState::default().hash_one(key), topic);
    }
}
