//! A backend in memory.

mod connection;
mod contents;
mod log;
mod operate;

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;

pub use self::connection::Connection;

use self::connection::{Store, tell};
use self::contents::{AtTime, StoredBytes};
use self::operate::StoreOperator;
use super::ManualClock;
use crate::backend::operate::Operator;
use crate::backend::{
    Backend, Bump, Change, ChangeLog, Ensured, Failure, Fill, Filled, Found, Lasting, LeaseRequest,
    Leased, Listener, Node, Proof, Proposal, Stored, Token,
};
use crate::clock::Clock;
use crate::lock::Mutex;

/// A backend in memory, which behaves as a Redis that never fails.
///
/// Clones share what is stored and have a connection each, so that two caches in one test stand for two
/// processes: what one of them changes is announced to the other.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use athena_cache_core::Cache;
/// use athena_cache_core::testing::MemoryBackend;
///
/// let store = MemoryBackend::new();
/// let one = Cache::builder("shop").backend(store.clone()).build()?;
/// let other = Cache::builder("shop").backend(store).build()?;
/// one.entry("a").insert(1_u8).await?;
/// assert_eq!(other.entry("a").get::<u8>().await?, Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MemoryBackend {
    store: Arc<Mutex<Store>>,
    connection: Connection,
    clock: Clock,
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for MemoryBackend {
    fn clone(&self) -> Self {
        let connection = Connection::new(&self.store);
        Self { store: Arc::clone(&self.store), connection, clock: self.clock.clone() }
    }
}

impl MemoryBackend {
    /// An empty backend on the machine's clock.
    pub fn new() -> Self {
        Self::on_clock(Clock::system())
    }

    /// An empty backend on a clock that the test moves.
    pub fn with_clock(clock: &ManualClock) -> Self {
        Self::on_clock(Clock::from(clock.clone()))
    }

    fn on_clock(clock: Clock) -> Self {
        let store = Arc::default();
        let connection = Connection::new(&store);
        Self { store, connection, clock }
    }

    /// The connection that this one uses, to disturb it.
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// The names that are present, those of logs included, sorted.
    pub fn names(&self) -> Vec<String> {
        let now = self.clock.now();
        let store = self.lock();
        let present = store.kept.iter().filter(|(_, kept)| kept.until > now);
        let logs = store.logs.keys().chain(store.followed.keys());
        let mut names: Vec<_> = present.map(|(name, _)| name).chain(logs).cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    /// The bytes under a name.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.lock().kept.get_present(name, self.clock.now()).map(|kept| kept.bytes.clone())
    }

    /// Puts bytes under a name, as some other program might.
    pub fn put(&self, name: &str, bytes: impl Into<Vec<u8>>, life: Duration) {
        let until = self.clock.now().after(life);
        let mut store = self.lock();
        store.kept.insert(name.to_owned(), StoredBytes { bytes: bytes.into(), until });
        store.changed(&self.connection, [name]);
    }

    /// Removes a name, as some other program might.
    pub fn delete(&self, name: &str) {
        let mut store = self.lock();
        if store.kept.remove(name).is_some() {
            store.changed(&self.connection, [name]);
        }
    }

    /// Forgets everything, as `FLUSHALL` does.
    pub fn wipe(&self) {
        let mut store = self.lock();
        store.kept.clear();
        store.logs.clear();
        store.followed.clear();
        for (channel, read) in &mut store.readers {
            read.clear();
            tell(channel, &Change::Flushed);
        }
    }

    /// Another node takes over, with everything that was stored: every connection is made anew.
    pub fn fail_over(&self) {
        let mut store = self.lock();
        store.successions += 1;
        let history = store.history();
        for (channel, read) in &mut store.readers {
            read.clear();
            if let Some(channel) = channel.upgrade() {
                channel.epoch.fetch_add(1, Ordering::SeqCst);
            }
            tell(channel, &Change::Connected { node: Node::ONLY, history });
        }
    }

    /// Another node takes over behind the same connections, as behind a proxy: nobody is told.
    pub fn fail_over_unnoticed(&self) {
        self.lock().successions += 1;
    }

    fn proof(&self, store: &Store) -> Proof {
        Proof {
            epoch: self.epoch(Node::ONLY),
            history: store.history(),
            tracks: self.connection.0.tracks.load(Ordering::SeqCst),
            lag: Duration::ZERO,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock()
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    async fn read(&self, values: &[&str], generations: &[&str]) -> Result<Found, Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
        store.expire(&self.connection, values.iter().chain(generations).copied(), now);
        store.read(&self.connection, values.iter().chain(generations).copied());
        let stored = |name: &&str| {
            let kept = store.kept.get_present(name, now)?;
            Some(Stored { bytes: kept.bytes.clone(), remaining: kept.until.since(now) })
        };
        Ok(Found {
            values: values.iter().map(stored).collect(),
            generations: generations.iter().map(|name| store.kept.generation(name, now)).collect(),
            proof: Some(self.proof(&store)),
        })
    }

    async fn ensure(&self, proposals: &[Proposal<'_>]) -> Result<Ensured, Failure> {
        let mut store = self.lock();
        let generations = self.ensure_in(&mut store, proposals);
        Ok(Ensured { generations, proof: Some(self.proof(&store)) })
    }

    async fn lease(&self, request: LeaseRequest<'_>) -> Result<Leased, Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
        let generations = self.ensure_in(&mut store, request.generations);
        let granted = store.kept.get_present(request.lease, now).is_none();
        if granted {
            let bytes = request.token.to_string().into_bytes();
            let until = now.after(request.life);
            store.kept.insert(request.lease.to_owned(), StoredBytes { bytes, until });
            store.changed(&self.connection, [request.lease]);
        }
        store.read(&self.connection, [request.lease]);
        let holder = store.kept.get_present(request.lease, now);
        let holder = holder.and_then(|kept| Token::parse(&kept.bytes));
        Ok(Leased { granted, holder, proof: self.proof(&store), generations })
    }

    async fn fill(&self, fill: Fill<'_>) -> Result<Filled, Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
        let token = fill.token.to_string();
        let lease = store.kept.get_present(fill.lease, now);
        let holds = lease.is_some_and(|kept| kept.bytes == token.as_bytes());
        if !holds || fill.epoch != self.epoch(Node::ONLY) {
            return Ok(Filled::Refused);
        }
        store.remove(fill.lease);
        store.kept.insert(fill.item.value.to_owned(), fill.item.kept(now));
        store.changed(&self.connection, [fill.item.value, fill.lease]);
        store.read(&self.connection, [fill.item.value]);
        Ok(Filled::Stored)
    }

    async fn extend(&self, lease: &str, token: Token, life: Duration) -> Result<bool, Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
        let held = store.kept.get_mut(lease).filter(|kept| kept.until > now);
        let Some(kept) = held.filter(|kept| kept.bytes == token.to_string().as_bytes()) else {
            return Ok(false);
        };
        kept.until = now.after(life);
        store.changed(&self.connection, [lease]);
        store.read(&self.connection, [lease]);
        Ok(true)
    }

    async fn release(&self, lease: &str, token: Token) -> Result<(), Failure> {
        let mut store = self.lock();
        let token = token.to_string();
        if store.kept.get(lease).is_some_and(|kept| kept.bytes == token.as_bytes()) {
            store.remove(lease);
            store.changed(&self.connection, [lease]);
        }
        Ok(())
    }

    async fn oust(&self, lease: &str, longest: Duration) -> Result<bool, Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
        let Some(kept) = store.kept.get_present(lease, now) else { return Ok(false) };
        if Token::parse(&kept.bytes).is_some() && kept.until <= now.after(longest) {
            return Ok(false);
        }
        store.remove(lease);
        store.changed(&self.connection, [lease]);
        Ok(true)
    }

    async fn remove(&self, names: &[String]) -> Result<(), Failure> {
        self.remove_in(&mut self.lock(), names);
        Ok(())
    }

    async fn shorten(&self, names: &[String], life: Duration) -> Result<(), Failure> {
        let until = self.clock.now().after(life);
        let mut store = self.lock();
        let mut changed = Vec::new();
        for name in names {
            if let Some(kept) = store.kept.get_mut(name).filter(|kept| kept.until > until) {
                kept.until = until;
                changed.push(name.as_str());
            }
        }
        store.changed(&self.connection, changed);
        Ok(())
    }

    async fn bump(&self, bumps: &[Bump<'_>]) -> Result<(), Failure> {
        self.bump_in(&mut self.lock(), bumps);
        Ok(())
    }

    async fn prove(&self, _node: Node) -> Result<Proof, Failure> {
        // An answer is behind the announcements that were made before it.
        if self.connection.held().is_some() {
            return std::future::pending().await;
        }
        Ok(self.proof(&self.lock()))
    }

    fn listen(&self, listener: Listener) {
        drop(self.connection.0.listener.set(listener));
    }

    fn epoch(&self, _node: Node) -> u64 {
        self.connection.0.epoch.load(Ordering::SeqCst)
    }

    fn is_ready(&self, _node: Node) -> bool {
        true
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        Some(Arc::new(StoreOperator::new(&self.store, &self.connection, &self.clock)))
    }

    fn endpoint(&self, _node: Node) -> String {
        "memory".to_owned()
    }

    fn changes(&self) -> Option<&dyn ChangeLog> {
        Some(self)
    }

    async fn close(&self) {}
}

impl MemoryBackend {
    fn remove_in(&self, store: &mut Store, names: &[String]) {
        let names = names.iter().map(String::as_str);
        let removed: Vec<_> = names.filter(|name| store.remove(name)).collect();
        store.changed(&self.connection, removed);
    }

    fn bump_in(&self, store: &mut Store, bumps: &[Bump<'_>]) {
        store.expire(&self.connection, bumps.iter().map(|bump| bump.name), self.clock.now());
        let changed: Vec<_> =
            bumps.iter().filter(|bump| store.kept.bump(bump)).map(|bump| bump.name).collect();
        store.changed(&self.connection, changed);
    }

    /// Completes generations; creating one or letting it live on is a change of it, and reading it back is what
    /// is heard of.
    fn ensure_in(&self, store: &mut Store, proposals: &[Proposal<'_>]) -> Vec<Lasting> {
        let now = self.clock.now();
        let names = || proposals.iter().map(|proposal| proposal.name);
        store.expire(&self.connection, names(), now);
        let completed: Vec<_> =
            proposals.iter().map(|proposal| store.kept.complete(proposal, now)).collect();
        let changed = names().zip(&completed).filter(|(_, (_, is_changed))| *is_changed);
        store.changed(&self.connection, changed.map(|(name, _)| name));
        store.read(&self.connection, names());
        completed.into_iter().map(|(lasting, _)| lasting).collect()
    }
}
