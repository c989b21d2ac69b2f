//! Those who read and those who write, in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use athena_cache::Cache;
use tokio::time::{sleep, timeout};

use super::furnished;
use super::process::Process;
use super::random::SplitMix64;
use super::record::{Ending, Flags, Invalidation, Log, Read, What};
use super::sites::{self, GROUPS, ITEMS};
use super::source::Source;
use super::workload::{Options, Part, Workload};

/// One in so many reads is of several items.
const BATCHES: usize = 20;

/// One caller.
struct Caller {
    process: usize,
    part: Part,
    cache: Cache,
    source: Source,
    log: Log,
    stop: Arc<AtomicBool>,
    random: SplitMix64,
    workload: Workload,
}

/// Starts the callers of a process.
pub(crate) fn start(
    process: &mut Process,
    part: Part,
    source: &Source,
    workload: Workload,
    seed: u64,
) {
    let readers = match part {
        Part::ReadAndWrite | Part::Read => workload.readers,
        Part::WriteAll => 1,
        Part::Write => 0,
    };
    let first = usize::from(part == Part::Read);
    for number in first..=readers {
        let caller = Caller {
            process: process.number,
            part,
            cache: process.cache.clone(),
            source: source.clone(),
            log: process.log.clone(),
            stop: process.stop_sign(),
            random: SplitMix64::of(seed, &[process.number as u64, number as u64]),
            workload,
        };
        if number == 0 {
            process.call(caller.write_for_ever());
        } else {
            process.call(caller.read_for_ever());
        }
    }
}

/// One read of one item.
pub(crate) async fn read(process: usize, cache: &Cache, source: &Source, item: usize) -> Read {
    let begun = source.now();
    let (value, outcome) = sites::read(cache, source, item).await;
    Read::new(process, item, [begun, source.now()], &value, Flags::of(&outcome))
}

/// Changes every group and tells the backend, as the last thing that a process does.
pub(crate) async fn last_words(process: usize, cache: &Cache, source: &Source, log: &Log) {
    for group in 0..GROUPS {
        let items = sites::all().filter(|item| sites::is_in(*item, group));
        let covers = items.map(|item| (item, source.write(item))).collect();
        let begun = source.now();
        let ending = cache.invalidate_tag(sites::tag(group)).await.into();
        let (what, ended) = (What::Group(group), source.now());
        log.invalidation(Invalidation { process, what, covers, begun, ended, ending });
    }
}

impl Caller {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    async fn read_for_ever(mut self) {
        while self.goes_on() {
            let is_batch = self.random.below(BATCHES) == 0;
            let item = self.random.below(ITEMS);
            let read = async {
                if is_batch {
                    self.read_batch().await;
                } else {
                    self.log.read(read(self.process, &self.cache, &self.source, item).await);
                }
            };
            // A call that was dropped has returned nothing that could be wrong.
            drop(timeout(self.workload.patience, read).await);
            sleep(self.random.between(self.workload.read_pause)).await;
        }
    }

    async fn read_batch(&self) {
        let begun = self.source.now();
        let found = sites::read_batch(&self.cache, &self.source).await;
        let times = [begun, self.source.now()];
        for (item, value) in found {
            self.log.read(Read::new(self.process, item, times, &value, Flags::Unsaid));
        }
    }

    async fn write_for_ever(mut self) {
        while self.goes_on() {
            sleep(self.random.between(self.workload.write_pause)).await;
            self.write().await;
        }
    }

    /// Changes something, then invalidates what that reaches.
    async fn write(&mut self) {
        let kind = self.random.below(100);
        let says = self.random.hits(70);
        if self.part == Part::WriteAll {
            self.write_all().await;
        } else if kind < self.workload.of_everything {
            self.clear().await;
        } else if kind < self.workload.of_everything + self.workload.of_groups {
            self.write_group(says).await;
        } else if says {
            self.write_item().await;
        } else if self.random.hits(30) {
            self.write_batch(sites::batch()).await;
        } else {
            self.change().await;
        }
    }

    async fn write_item(&mut self) {
        let item = self.random.below(ITEMS);
        self.write_one(item).await;
        for _ in 0..self.workload.echoes {
            self.wait_for_loads().await;
            self.write_one(item).await;
        }
    }

    async fn write_all(&mut self) {
        self.write_batch(sites::all()).await;
        for _ in 0..self.workload.echoes {
            self.wait_for_loads().await;
            self.write_batch(sites::all()).await;
        }
    }

    async fn wait_for_loads(&mut self) {
        sleep(self.random.between(self.workload.load_time) * 2).await;
    }

    async fn write_one(&mut self, item: usize) {
        let covers = vec![(item, self.source.write(item))];
        let begun = self.source.now();
        let ending = if self.workload.options == Options::Every && self.random.hits(50) {
            furnished::refresh(&self.cache, &self.source, item).await;
            Ending::Unsaid
        } else {
            sites::invalidate(&self.cache, &self.source, item).await.into()
        };
        self.note(What::Item(item), covers, begun, ending);
    }

    async fn write_batch(&self, items: impl Iterator<Item = usize> + Clone) {
        let covers = self.change_all(items.clone());
        let begun = self.source.now();
        let done = self.cache.batch(items.map(sites::name)).invalidate_many().await;
        self.note(What::Batch, covers, begun, done.into());
    }

    async fn write_group(&mut self, says: bool) {
        let group = self.random.below(GROUPS);
        let begun = self.source.now();
        if says {
            let covers = self.change_all(sites::all().filter(|item| sites::is_in(*item, group)));
            let done = self.cache.invalidate_tag(sites::tag(group)).await;
            self.note(What::Group(group), covers, begun, done.into());
        } else {
            let Ok(covers) = sites::change_group(&self.cache, &self.source, group).await;
            self.note(What::Group(group), covers, begun, Ending::Unsaid);
        }
    }

    /// By a function that invalidates what it changed.
    async fn change(&mut self) {
        let choices: Vec<_> = sites::batch().collect();
        let item = choices[self.random.below(choices.len())];
        let begun = self.source.now();
        let Ok(covers) = sites::change(&self.cache, &self.source, item).await;
        self.note(What::Item(item), covers, begun, Ending::Unsaid);
    }

    async fn clear(&mut self) {
        self.source.write(self.random.below(ITEMS));
        let covers = sites::all().map(|item| (item, self.source.version(item))).collect();
        let begun = self.source.now();
        let done = self.cache.clear().await;
        self.note(What::Everything, covers, begun, done.into());
    }

    fn change_all(&self, items: impl Iterator<Item = usize>) -> Vec<(usize, u32)> {
        items.map(|item| (item, self.source.write(item))).collect()
    }

    fn note(&self, what: What, covers: Vec<(usize, u32)>, begun: Duration, ending: Ending) {
        let ended = self.source.now();
        let process = self.process;
        self.log.invalidation(Invalidation { process, what, covers, begun, ended, ending });
    }
}
