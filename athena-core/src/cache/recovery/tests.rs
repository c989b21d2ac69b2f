//! What is seen to, and by whom; on a store in memory, by a clock that the tests move.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::Duration;

use crate::cache::Cache;
use crate::recovery::{RecoveryStep, StepCount, StepResult};
use crate::settings::{Memory, MemoryRole, RecoverySettings};
use crate::telemetry::timeline::OccurrenceKind;
use crate::testing::{ManualClock, MemoryBackend};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A store, and processes on it that are seen to each minute.
struct RecoveryStage {
    clock: ManualClock,
    store: MemoryBackend,
}

impl RecoveryStage {
    fn new() -> Self {
        let clock = ManualClock::new();
        let store = MemoryBackend::with_clock(&clock);
        Self { clock, store }
    }

    fn process(&self, recovery: RecoverySettings) -> Cache {
        let memory = Memory { role: MemoryRole::Off, ..Memory::default() };
        let builder = Cache::builder("shop").clock(&self.clock).backend(self.store.clone());
        builder.memory(memory).recovery(recovery).build().unwrap()
    }

    /// Lets that much time go by, in steps that nobody sleeps through, and whoever is woken do what there is to do.
    async fn pass(&self, time: Duration) {
        let step = Duration::from_millis(500);
        for _ in 0..time.as_millis() / step.as_millis() {
            self.clock.advance(step);
            // The steps of a repair go through a thread's time, not through the clock's.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Damages what is stored under keys, and has them asked for.
    async fn meet_damage(&self, cache: &Cache, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let entry = || cache.entry(format!("product:{number}")).ttl(HOUR).grace(HOUR);
            entry().insert(number).await.unwrap();
            let part = format!("{{k:product:{number}}}:");
            let is_value = |name: &String| name.contains(&part) && !name.ends_with(":l");
            let name = self.store.names().into_iter().find(is_value).unwrap();
            self.store.put(&name, "not ours", HOUR);
            // Nothing is kept, so that it is met again.
            let _ =
                entry().get_or_load(async || Err::<u32, _>(std::io::Error::other("down"))).await;
        }
    }

    /// Has each of these processes meet damage again and again, to number its own from there, until something holds:
    /// looks do not come at the same time each minute, and what is met must be met by two of them in turn.
    async fn damage_until(&self, processes: &[(&Cache, u32)], holds: impl Fn() -> bool) {
        for _ in 0..100 {
            for (process, first) in processes {
                self.meet_damage(process, *first..*first + 20).await;
            }
            for _ in 0..110 {
                self.pass(Duration::from_millis(500)).await;
                // What goes through all names does so by the machine's time.
                tokio::time::sleep(Duration::from_millis(1)).await;
                if holds() {
                    return;
                }
            }
        }
        panic!("it never came");
    }

    fn damaged(&self) -> usize {
        let values = self.store.names().into_iter().filter(|name| name.contains("{k:product:"));
        let bytes = values.filter_map(|name| self.store.bytes(&name));
        bytes.filter(|bytes| bytes == b"not ours").count()
    }
}

fn every_minute() -> RecoverySettings {
    RecoverySettings::every(MINUTE)
}

fn count(cache: &Cache, step: RecoveryStep, result: StepResult) -> u64 {
    let counts = cache.report().recovery.into_iter();
    let mut of_step = counts.filter(|it| (it.step, it.result) == (step, result));
    of_step.next().map_or(0, |StepCount { count, .. }| count)
}

fn told(cache: &Cache) -> Vec<String> {
    let told = cache.timeline().into_iter().filter(|it| it.kind == OccurrenceKind::Recovery);
    told.map(|it| it.text).collect()
}

#[tokio::test]
async fn a67_nobody_looks_unless_that_is_asked_for() {
    let stage = RecoveryStage::new();
    let cache = stage.process(RecoverySettings::default());
    stage.meet_damage(&cache, 0..20).await;
    stage.pass(5 * MINUTE).await;
    let status = cache.status().await.recovery;
    assert_eq!((status.every_seconds, status.troubles, status.is_acting), (None, None, None));
    assert_eq!((status.steps.len(), stage.damaged(), told(&cache).len()), (0, 20, 0));
}

#[tokio::test]
async fn a68_damage_that_is_met_again_is_counted_and_removed_if_that_is_allowed() {
    for (recovery, step, left, text) in [
        (every_minute(), RecoveryStep::Verify, 20, "20 of 22 values and generations are damaged"),
        (every_minute().and_act(), RecoveryStep::Repair, 0, "20 were removed"),
    ] {
        let stage = RecoveryStage::new();
        let cache = stage.process(recovery);
        cache.entry("sound").ttl(HOUR).insert(1_u8).await.unwrap();
        stage.damage_until(&[(&cache, 0)], || count(&cache, step, StepResult::Done) > 0).await;
        assert_eq!(stage.damaged(), left);
        assert!(told(&cache)[0].contains(text), "{:?}", told(&cache));
        let status = cache.status().await.recovery;
        assert_eq!((status.every_seconds, status.is_acting), (Some(60.0), Some(true)));
        assert_eq!(status.troubles, Some(vec!["integrity"]));
        assert_eq!(cache.entry("sound").get::<u8>().await.unwrap(), Some(1));
        // Three good looks end it, and the lease is given back.
        for number in 0..4_u8 {
            cache.entry("sound").get::<u8>().await.unwrap();
            stage.pass(MINUTE + 7 * Duration::from_secs(1)).await;
            let _ = number;
        }
        let status = cache.status().await.recovery;
        assert_eq!((status.troubles, status.is_acting), (Some(vec![]), Some(false)));
        assert!(!stage.store.names().contains(&"shop:{@}recovery".to_owned()));
    }
}

#[tokio::test]
async fn a71_one_process_acts_and_another_one_once_it_is_gone() {
    let stage = RecoveryStage::new();
    let processes = [(); 3].map(|()| stage.process(every_minute().and_act()));
    let acting = async || {
        let mut acting = Vec::new();
        for (number, process) in processes.iter().enumerate() {
            if process.status().await.recovery.is_acting == Some(true) {
                acting.push(number);
            }
        }
        acting
    };
    let repairs = |result| {
        let counts = processes.iter().map(|it| count(it, RecoveryStep::Repair, result));
        counts.collect::<Vec<_>>()
    };
    let all = [(&processes[0], 0), (&processes[1], 100), (&processes[2], 200)];
    let both_left = || repairs(StepResult::Left).iter().sum::<u64>() >= 2;
    stage
        .damage_until(&all, || both_left() && repairs(StepResult::Done).iter().sum::<u64>() > 0)
        .await;
    let first = acting().await;
    assert_eq!(first.len(), 1, "{first:?}");
    let done = repairs(StepResult::Done);
    assert_eq!(done.iter().filter(|count| **count > 0).count(), 1, "{done:?}");
    assert!(done[first[0]] > 0, "{done:?}");
    // It dies without a word: its tasks end, and nothing is given back.
    let dead = first[0];
    processes[dead].runtime().tasks.close().await;
    let lives: Vec<_> = (0..3).filter(|number| *number != dead).collect();
    let alive: Vec<_> = lives.iter().map(|number| all[*number]).collect();
    let another = || lives.iter().any(|number| repairs(StepResult::Done)[*number] > 0);
    stage.damage_until(&alive, another).await;
    let acting: Vec<_> = acting().await.into_iter().filter(|number| *number != dead).collect();
    assert_eq!(acting.len(), 1, "{acting:?}");
}

#[tokio::test]
async fn a67_it_ends_with_the_cache_and_lets_another_one_act() {
    let stage = RecoveryStage::new();
    let cache = stage.process(every_minute().and_act());
    let is_done = || count(&cache, RecoveryStep::Repair, StepResult::Done) == 1;
    stage.damage_until(&[(&cache, 0)], is_done).await;
    assert!(stage.store.names().contains(&"shop:{@}recovery".to_owned()));
    let _ = cache.close().await;
    assert!(!stage.store.names().contains(&"shop:{@}recovery".to_owned()));
    let before = told(&cache).len();
    stage.pass(5 * MINUTE).await;
    assert_eq!(told(&cache).len(), before);
}

#[tokio::test]
async fn a67_nobody_is_asked_while_the_backend_is_isolated() {
    let stage = RecoveryStage::new();
    let cache = stage.process(every_minute().and_act());
    stage.pass(2 * MINUTE).await;
    for _ in 0..3 {
        stage.meet_damage(&cache, 0..20).await;
        cache.isolate(2 * MINUTE);
        stage.pass(MINUTE + 7 * Duration::from_secs(1)).await;
        cache.resume();
    }
    assert_eq!((told(&cache).len(), stage.damaged()), (0, 20));
}
