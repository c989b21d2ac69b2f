//! One play: fill, keep, change, lose everything, put it back or not, and see what callers get.
//!
//! Invariant: callers ask from before the loss until it is over, and none of their answers is left out.

#![allow(dead_code, reason = "the example shows more of it than the test looks at")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use athena_cache::Cache;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::servers::{Folder, Servers};
use super::shop::{Answer, AnswerKind, PRODUCTS, Shop};
use crate::support::topology::Topology;

const CALLERS: u64 = 16;
/// What each caller waits after a call.
const PAUSE: Duration = Duration::from_millis(1);
/// As many as before are answered from the cache if so many of the last calls are.
const LAST: usize = 400;
const SHARE_AS_BEFORE: f64 = 0.95;
/// How long an answer from what came back is waited for, at most.
const LOOK: Duration = Duration::from_millis(200);
/// How long all may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Those that are changed by their key between backup and loss.
const CHANGED: [u64; 5] = [1, 21, 41, 61, 81];
/// The shelf that is changed then.
const CHANGED_SHELF: u64 = 3;

/// How everything is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It is removed; the servers are the same ones.
    Flushed,
    /// New servers take their place.
    Replaced,
}

impl Loss {
    pub(crate) fn story(self) -> &'static str {
        match self {
            Self::Flushed => "all that it holds is removed",
            Self::Replaced => "it is replaced by an empty one",
        }
    }
}

/// What is played.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Play {
    pub(crate) loss: Loss,
    pub(crate) topology: Topology,
    pub(crate) restores: bool,
    /// Whether the origin stands still from before the loss until all is put back, so that nothing is loaded before.
    pub(crate) origin_waits: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    /// Answers that were older than what was known, and not flagged.
    pub(crate) outdated: u64,
    pub(crate) stale: u64,
    pub(crate) restored: u64,
    /// Of the calls that came next after the loss, and the restore.
    pub(crate) share_after: f64,
    /// When as many as before were answered from the cache; `None` if that did not come.
    pub(crate) back: Option<Back>,
    pub(crate) loads: u64,
    pub(crate) most_at_once: usize,
    pub(crate) longest: Duration,
}

/// After how much it was as before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Back {
    pub(crate) calls: u64,
    pub(crate) took: Duration,
}

impl Figures {
    pub(crate) fn is_harmless(&self) -> bool {
        self.errors == 0 && self.outdated == 0
    }
}

impl Play {
    pub(crate) async fn run(self) -> Result<Figures, Box<dyn Error>> {
        let mut servers = Servers::start(self.topology);
        let (cache, other) = (servers.process()?, servers.process()?);
        let (shop, record) = (Shop::new(), Arc::new(Record::default()));
        let folder = Folder::new()?;
        for id in 0..PRODUCTS {
            record.note(shop.ask(&cache, id).await).await;
        }
        cache.settle().await;
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                tokio::spawn(call(cache.clone(), shop.clone(), Arc::clone(&record), caller))
            })
            .collect();
        record.as_before(PATIENCE).await;
        cache.backup().rate(u32::MAX).to(folder.file()).await?;
        for id in CHANGED {
            shop.change(&other, id).await;
        }
        shop.change_shelf(&other, CHANGED_SHELF).await;

        record.forget_last().await;
        let (calls, loads, lost) = (record.calls(), shop.loads(), Instant::now());
        let _ = shop.most_at_once();
        let held = if self.origin_waits { shop.stand_still().await } else { None };
        servers.lose(self.loss);
        let restored = if self.restores { restored(&cache, &folder).await? } else { 0 };
        if held.is_some() {
            // Whoever asks now finds what came back, and nothing newer, or waits with a caller who asked before that.
            for id in 0..2 * CALLERS {
                if let Ok(answer) = timeout(LOOK, shop.ask(&cache, id)).await {
                    record.note(answer).await;
                }
            }
        }
        drop(held);
        let share_after = record.next_share().await;
        let back = record.as_before(PATIENCE).await;
        let back = back.then(|| Back { calls: record.calls() - calls, took: lost.elapsed() });
        let (loads, most_at_once) = (shop.loads() - loads, shop.most_at_once());
        record.end();
        for caller in callers {
            caller.await?;
        }
        let _ = (cache.close().await, other.close().await);
        let seen = record.seen.lock().await;
        Ok(Figures {
            calls: seen.calls,
            errors: seen.errors,
            outdated: seen.outdated,
            stale: seen.stale,
            restored,
            share_after,
            back,
            loads,
            most_at_once,
            longest: seen.longest,
        })
    }
}

/// Puts back what was kept, as soon as somebody answers.
async fn restored(cache: &Cache, folder: &Folder) -> Result<u64, Box<dyn Error>> {
    let until = Instant::now() + PATIENCE;
    loop {
        match cache.restore(folder.file()).after_loss().rate(u32::MAX).run().await {
            Ok(done) => return Ok(done.written),
            Err(error) if Instant::now() >= until => return Err(error.into()),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn call(cache: Cache, shop: Shop, record: Arc<Record>, caller: u64) {
    let mut round = caller;
    while !record.has_ended() {
        // Every product in turn, each caller in an order of its own.
        let id = round.wrapping_mul(2 * caller + 1) % PRODUCTS;
        record.note(shop.ask(&cache, id).await).await;
        round += 1;
        sleep(PAUSE).await;
    }
}

/// What callers got.
#[derive(Debug, Default)]
struct Record {
    seen: Mutex<Seen>,
    calls: AtomicU64,
    has_ended: AtomicBool,
}

#[derive(Debug, Default)]
struct Seen {
    calls: u64,
    errors: u64,
    outdated: u64,
    stale: u64,
    longest: Duration,
    /// Whether each of the last calls was answered from the cache.
    last: std::collections::VecDeque<bool>,
}

impl Record {
    async fn note(&self, answer: Answer) {
        let mut seen = self.seen.lock().await;
        seen.calls += 1;
        seen.errors += u64::from(answer.kind == AnswerKind::Error);
        seen.outdated += u64::from(answer.is_outdated);
        seen.stale += u64::from(answer.kind == AnswerKind::Stale);
        seen.longest = seen.longest.max(answer.took);
        if seen.last.len() == LAST {
            seen.last.pop_front();
        }
        seen.last.push_back(matches!(answer.kind, AnswerKind::Fresh | AnswerKind::Stale));
        self.calls.store(seen.calls, Ordering::SeqCst);
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn forget_last(&self) {
        self.seen.lock().await.last.clear();
    }

    /// The share of hits in the last calls, once there are enough.
    async fn share(&self) -> Option<f64> {
        let seen = self.seen.lock().await;
        let hits = u32::try_from(seen.last.iter().filter(|is_hit| **is_hit).count()).ok()?;
        let all = u32::try_from(seen.last.len()).ok()?;
        (seen.last.len() == LAST).then(|| f64::from(hits) / f64::from(all))
    }

    /// The share of hits in the calls that come next.
    async fn next_share(&self) -> f64 {
        self.forget_last().await;
        loop {
            if let Some(share) = self.share().await {
                return share;
            }
            sleep(PAUSE).await;
        }
    }

    /// Waits until as many as before are answered from the cache; tells whether that came in time.
    async fn as_before(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if self.share().await.is_some_and(|share| share >= SHARE_AS_BEFORE) {
                return true;
            }
            sleep(PAUSE).await;
        }
        false
    }

    fn end(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
    }

    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }
}
