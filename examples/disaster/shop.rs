//! A service whose origin takes its time, and who calls it.
//!
//! Invariant: whoever changes a product has it invalidated before the change counts as known, so that an answer which
//! is older than that and not flagged is a wrong one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use athena_cache::{Cache, athena_cache, of};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;

pub(crate) const PRODUCTS: u64 = 400;
const SHELVES: u64 = 8;
/// What the origin does side by side; others wait.
const SIDE_BY_SIDE: usize = 4;
/// What a load takes, once it is its turn.
const LOAD: Duration = Duration::from_millis(5);

/// The origin, and what is counted of it; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Shop(Arc<Origin>);

#[derive(Debug)]
struct Origin {
    /// By product: how often it was changed.
    versions: Vec<AtomicU64>,
    /// The same, of changes that every reader has to know of.
    known: Vec<AtomicU64>,
    places: Semaphore,
    loads: AtomicU64,
    waiting: AtomicUsize,
    most_waiting: AtomicUsize,
}

/// A product, and which version of it.
type Product = (u64, u64);

/// Who finds a stale one waits for another one for a moment, and is then answered with that.
#[athena_cache(
    ttl = "10m",
    grace = "1h",
    soft_timeout = "20ms",
    key = "product:{id}",
    tags = ["shelf:{shelf}"],
    skip(shop, shelf)
)]
async fn product(shop: Shop, id: u64, shelf: u64) -> Result<Product, std::io::Error> {
    let _ = shelf;
    shop.load(id).await
}

/// What a call came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) kind: AnswerKind,
    /// It is older than what was known when it was asked for, or another one, and not flagged.
    pub(crate) is_outdated: bool,
    pub(crate) took: Duration,
}

/// What answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerKind {
    Error,
    Load,
    Fresh,
    Stale,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let versions = || (0..PRODUCTS).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Origin {
            versions: versions(),
            known: versions(),
            places: Semaphore::new(SIDE_BY_SIDE),
            loads: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            most_waiting: AtomicUsize::new(0),
        }))
    }

    fn place(id: u64) -> usize {
        usize::try_from(id % PRODUCTS).unwrap_or_default()
    }

    async fn load(&self, id: u64) -> Result<Product, std::io::Error> {
        let origin = &*self.0;
        origin.loads.fetch_add(1, Ordering::SeqCst);
        let waiting = origin.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        origin.most_waiting.fetch_max(waiting, Ordering::SeqCst);
        let place = origin.places.acquire().await;
        sleep(LOAD).await;
        drop(place);
        origin.waiting.fetch_sub(1, Ordering::SeqCst);
        Ok((id, origin.versions[Self::place(id)].load(Ordering::SeqCst)))
    }

    /// Asks for a product through a cache.
    pub(crate) async fn ask(&self, cache: &Cache, id: u64) -> Answer {
        let known = self.0.known[Self::place(id)].load(Ordering::SeqCst);
        let asked = Instant::now();
        let call = product(self.clone(), id, id % SHELVES);
        let seen = cache.scope(of(call).observe()).await;
        let took = asked.elapsed();
        let none = Answer { kind: AnswerKind::Error, is_outdated: false, took };
        let Ok(seen) = seen else { return none };
        let Ok((found, version)) = seen.value else { return none };
        let is_flagged = seen.outcome.stale || seen.outcome.degraded;
        let kind = match (seen.outcome.stale, seen.outcome.is_hit()) {
            (true, _) => AnswerKind::Stale,
            (false, true) => AnswerKind::Fresh,
            (false, false) => AnswerKind::Load,
        };
        let is_outdated = found != id || (version < known && !is_flagged);
        Answer { kind, is_outdated, took }
    }

    /// Has no load end from now on, until that is dropped; those under way may.
    pub(crate) async fn stand_still(&self) -> Option<SemaphorePermit<'_>> {
        let all = u32::try_from(SIDE_BY_SIDE).ok()?;
        self.0.places.acquire_many(all).await.ok()
    }

    /// Changes a product, and has it invalidated through another process: by its key.
    pub(crate) async fn change(&self, other: &Cache, id: u64) {
        let version = self.0.versions[Self::place(id)].fetch_add(1, Ordering::SeqCst) + 1;
        if other.invalidate(format!("product:{id}")).await == athena_cache::Invalidated::Done {
            self.0.known[Self::place(id)].fetch_max(version, Ordering::SeqCst);
        }
    }

    /// Changes all products of a shelf: by their tag.
    pub(crate) async fn change_shelf(&self, other: &Cache, number: u64) {
        let on_it: Vec<_> = (0..PRODUCTS).filter(|id| id % SHELVES == number).collect();
        let raise = |id: &u64| self.0.versions[Self::place(*id)].fetch_add(1, Ordering::SeqCst) + 1;
        let versions: Vec<_> = on_it.iter().map(raise).collect();
        let told = other.invalidate_tag(format!("shelf:{number}")).await;
        if told == athena_cache::Invalidated::Done {
            for (id, version) in on_it.into_iter().zip(versions) {
                self.0.known[Self::place(id)].fetch_max(version, Ordering::SeqCst);
            }
        }
    }

    pub(crate) fn loads(&self) -> u64 {
        self.0.loads.load(Ordering::SeqCst)
    }

    /// How many waited for the origin at once, since this was asked last.
    pub(crate) fn most_at_once(&self) -> usize {
        self.0.most_waiting.swap(0, Ordering::SeqCst)
    }
}
