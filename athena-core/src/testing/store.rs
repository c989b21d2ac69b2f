//! A backend in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::ManualClock;
use crate::backend::{
    Backend, Failure, Fill, Filled, Found, Generation, Item, LeaseRequest, Leased, Node, Stored,
    Token,
};
use crate::clock::{Clock, Tick};

/// There is one connection, which lasts for ever.
const EPOCH: u64 = 1;

/// A backend in memory, which behaves as a Redis that never fails.
///
/// Clones share what is stored, so that two caches in one test stand for two processes.
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    store: Arc<Mutex<HashMap<String, Kept>>>,
    clock: Clock,
}

#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    until: Tick,
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryBackend {
    /// An empty backend on the machine's clock.
    pub fn new() -> Self {
        Self { store: Arc::default(), clock: Clock::system() }
    }

    /// An empty backend on a clock that the test moves.
    pub fn with_clock(clock: &ManualClock) -> Self {
        Self { store: Arc::default(), clock: Clock::from(clock.clone()) }
    }

    /// The names that are present, sorted.
    pub fn names(&self) -> Vec<String> {
        let now = self.clock.now();
        let store = self.lock();
        let mut names: Vec<_> = store
            .iter()
            .filter(|(_, kept)| kept.until > now)
            .map(|(name, _)| name.clone())
            .collect();
        names.sort();
        names
    }

    /// The bytes under a name.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.lock().get_present(name, self.clock.now()).map(|kept| kept.bytes.clone())
    }

    /// Puts bytes under a name, as some other program might.
    pub fn put(&self, name: &str, bytes: impl Into<Vec<u8>>, life: Duration) {
        let until = self.clock.now().after(life);
        self.lock().insert(name.to_owned(), Kept { bytes: bytes.into(), until });
    }

    /// Forgets everything, as a restart without persistence does.
    pub fn wipe(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looking at a store at a moment.
trait Present {
    fn get_present(&self, name: &str, now: Tick) -> Option<&Kept>;
    fn generation(&self, name: &str, now: Tick) -> Option<Generation>;
    fn adopt(&mut self, proposals: &[(String, Generation)], now: Tick) -> Vec<Generation>;
}

impl Present for HashMap<String, Kept> {
    fn get_present(&self, name: &str, now: Tick) -> Option<&Kept> {
        self.get(name).filter(|kept| kept.until > now)
    }

    fn generation(&self, name: &str, now: Tick) -> Option<Generation> {
        self.get_present(name, now).and_then(|kept| Generation::parse(&kept.bytes))
    }

    fn adopt(&mut self, proposals: &[(String, Generation)], now: Tick) -> Vec<Generation> {
        let mut current = Vec::with_capacity(proposals.len());
        for (name, proposal) in proposals {
            let generation = self.generation(name, now).unwrap_or_else(|| {
                self.insert(name.clone(), Kept::for_ever(proposal));
                *proposal
            });
            current.push(generation);
        }
        current
    }
}

impl Kept {
    fn for_ever(number: &impl ToString) -> Self {
        Self { bytes: number.to_string().into_bytes(), until: Tick::FAR }
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    async fn read(&self, values: &[&str], generations: &[&str]) -> Result<Found, Failure> {
        let now = self.clock.now();
        let store = self.lock();
        let stored = |name: &&str| {
            let kept = store.get_present(name, now)?;
            Some(Stored { bytes: kept.bytes.clone(), remaining: kept.until.since(now) })
        };
        Ok(Found {
            values: values.iter().map(stored).collect(),
            generations: generations.iter().map(|name| store.generation(name, now)).collect(),
        })
    }

    async fn adopt(&self, proposals: &[(String, Generation)]) -> Result<Vec<Generation>, Failure> {
        Ok(self.lock().adopt(proposals, self.clock.now()))
    }

    async fn lease(&self, request: LeaseRequest<'_>) -> Result<Leased, Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
        let generations = store.adopt(request.generations, now);
        let granted = store.get_present(request.lease, now).is_none();
        if granted {
            let bytes = request.token.to_string().into_bytes();
            let until = now.after(request.life);
            store.insert(request.lease.to_owned(), Kept { bytes, until });
        }
        Ok(Leased { granted, epoch: EPOCH, generations })
    }

    async fn fill(&self, fill: Fill<'_>) -> Result<Filled, Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
        let token = fill.token.to_string();
        let holds =
            store.get_present(fill.lease, now).is_some_and(|kept| kept.bytes == token.as_bytes());
        if !holds || fill.epoch != EPOCH {
            return Ok(Filled::Refused);
        }
        store.remove(fill.lease);
        store.insert(fill.item.value.to_owned(), fill.item.kept(now));
        Ok(Filled::Stored)
    }

    async fn release(&self, lease: &str, token: Token) -> Result<(), Failure> {
        let mut store = self.lock();
        if store.get(lease).is_some_and(|kept| kept.bytes == token.to_string().as_bytes()) {
            store.remove(lease);
        }
        Ok(())
    }

    async fn insert(
        &self,
        item: Item<'_>,
        lease: &str,
        obsolete: &[String],
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
        store.remove(lease);
        for name in obsolete {
            store.remove(name);
        }
        store.insert(item.value.to_owned(), item.kept(now));
        Ok(())
    }

    async fn remove(&self, names: &[String]) -> Result<(), Failure> {
        let mut store = self.lock();
        for name in names {
            store.remove(name);
        }
        Ok(())
    }

    async fn shorten(&self, names: &[String], life: Duration) -> Result<(), Failure> {
        let until = self.clock.now().after(life);
        let mut store = self.lock();
        for name in names {
            if let Some(kept) = store.get_mut(name) {
                kept.until = kept.until.min(until);
            }
        }
        Ok(())
    }

    async fn renew(&self, generations: &[(String, Generation)]) -> Result<(), Failure> {
        let mut store = self.lock();
        for (name, generation) in generations {
            store.insert(name.clone(), Kept::for_ever(generation));
        }
        Ok(())
    }

    async fn ping(&self, _node: Node) -> Result<(), Failure> {
        Ok(())
    }

    fn epoch(&self, _node: Node) -> u64 {
        EPOCH
    }

    fn is_ready(&self, _node: Node) -> bool {
        true
    }

    fn endpoint(&self, _node: Node) -> String {
        "memory".to_owned()
    }

    async fn close(&self) {}
}

impl Item<'_> {
    fn kept(&self, now: Tick) -> Kept {
        Kept { bytes: self.bytes.to_vec(), until: now.after(self.life) }
    }
}
