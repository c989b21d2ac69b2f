//! A backend in memory.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;

use super::ManualClock;
use crate::backend::{
    Backend, Change, Ensured, Failure, Fill, Filled, Found, Generation, Item, LeaseRequest, Leased,
    Listener, Node, Proof, Stored, Token,
};
use crate::clock::{Clock, Tick};
use crate::lock::Mutex;

/// A backend in memory, which behaves as a Redis that never fails.
///
/// Clones share what is stored and have a connection each, so that two caches in one test stand for two
/// processes: what one of them changes is announced to the other.
#[derive(Debug)]
pub struct MemoryBackend {
    store: Arc<Mutex<Store>>,
    connection: Connection,
    clock: Clock,
}

/// The connection of one [`MemoryBackend`]; clones are the same connection.
#[derive(Debug, Clone)]
pub struct Connection(Arc<Channel>);

struct Channel {
    epoch: AtomicU64,
    listener: OnceLock<Listener>,
    tracks: AtomicBool,
    /// What is kept back while announcements are under way for long.
    held: Mutex<Option<Vec<String>>>,
}

#[derive(Debug, Default)]
struct Store {
    kept: HashMap<String, StoredBytes>,
    /// What each connection has read, and would hear of.
    readers: Vec<(Weak<Channel>, HashSet<String>)>,
    /// How often another node has taken over.
    successions: u64,
}

#[derive(Debug)]
struct StoredBytes {
    bytes: Vec<u8>,
    until: Tick,
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

    /// The names that are present, sorted.
    pub fn names(&self) -> Vec<String> {
        let now = self.clock.now();
        let store = self.lock();
        let present = store.kept.iter().filter(|(_, kept)| kept.until > now);
        let mut names: Vec<_> = present.map(|(name, _)| name.clone()).collect();
        names.sort();
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
        for (line, read) in &mut store.readers {
            read.clear();
            tell(line, &Change::Flushed);
        }
    }

    /// Another node takes over, with everything that was stored: every connection is made anew.
    pub fn fail_over(&self) {
        let mut store = self.lock();
        store.successions += 1;
        let history = store.history();
        for (line, read) in &mut store.readers {
            read.clear();
            if let Some(line) = line.upgrade() {
                line.epoch.fetch_add(1, Ordering::SeqCst);
            }
            tell(line, &Change::Connected { node: Node::ONLY, history });
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

impl Connection {
    fn new(store: &Mutex<Store>) -> Self {
        let line = Arc::new(Channel {
            epoch: AtomicU64::new(1),
            listener: OnceLock::new(),
            tracks: AtomicBool::new(true),
            held: Mutex::default(),
        });
        let mut store = store.lock();
        store.readers.push((Arc::downgrade(&line), HashSet::new()));
        Self(line)
    }

    /// Announcements are under way for long from now on.
    pub fn hold_back(&self) {
        self.held().get_or_insert_default();
    }

    /// Whatever was held back arrives.
    pub fn let_through(&self) {
        if let Some(names) = self.held().take().filter(|names| !names.is_empty()) {
            self.0.hear(&Change::Announced { names });
        }
    }

    /// Nothing is announced any more, as by a server that cannot track.
    pub fn stop_tracking(&self) {
        self.0.tracks.store(false, Ordering::SeqCst);
    }

    fn held(&self) -> MutexGuard<'_, Option<Vec<String>>> {
        self.0.held.lock()
    }
}

impl Channel {
    fn hear(&self, change: &Change) {
        if let Some(listener) = self.listener.get() {
            listener(change);
        }
    }

    fn announce(&self, names: Vec<String>) {
        match &mut *self.held.lock() {
            Some(held) => held.extend(names),
            None => self.hear(&Change::Announced { names }),
        }
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

fn tell(line: &Weak<Channel>, change: &Change) {
    if let Some(line) = line.upgrade() {
        line.hear(change);
    }
}

impl Store {
    fn history(&self) -> u64 {
        self.successions + 1
    }

    /// A connection has read names, and will hear of each once.
    fn read<'a>(&mut self, by: &Connection, names: impl IntoIterator<Item = &'a str>) {
        if !by.0.tracks.load(Ordering::SeqCst) {
            return;
        }
        if let Some(read) = self.read_by(by) {
            read.extend(names.into_iter().map(str::to_owned));
        }
    }

    /// A connection has changed names: the others hear of it, and it will not hear of the next change.
    ///
    /// The others hear before anybody can read what has changed, as on one ordered connection.
    fn changed<'a>(&mut self, by: &Connection, names: impl IntoIterator<Item = &'a str>) {
        let names: Vec<&str> = names.into_iter().collect();
        for (line, read) in &mut self.readers {
            let Some(line) = line.upgrade() else { continue };
            let gone = names.iter().filter(|name| read.remove(**name));
            let gone: Vec<_> = gone.map(|name| (*name).to_owned()).collect();
            if !Arc::ptr_eq(&line, &by.0) && !gone.is_empty() {
                line.announce(gone);
            }
        }
        self.readers.retain(|(line, _)| line.strong_count() > 0);
    }

    fn read_by(&mut self, by: &Connection) -> Option<&mut HashSet<String>> {
        let is_by = |line: &Weak<Channel>| std::ptr::eq(line.as_ptr(), Arc::as_ptr(&by.0));
        self.readers.iter_mut().find(|(line, _)| is_by(line)).map(|(_, read)| read)
    }

    fn remove(&mut self, name: &str) -> bool {
        self.kept.remove(name).is_some()
    }
}

/// Looking at a store at a moment.
trait AtTime {
    fn get_present(&self, name: &str, now: Tick) -> Option<&StoredBytes>;
    fn generation(&self, name: &str, now: Tick) -> Option<Generation>;
    fn ensure(&mut self, proposals: &[(String, Generation)], now: Tick) -> Vec<Generation>;
}

impl AtTime for HashMap<String, StoredBytes> {
    fn get_present(&self, name: &str, now: Tick) -> Option<&StoredBytes> {
        self.get(name).filter(|kept| kept.until > now)
    }

    fn generation(&self, name: &str, now: Tick) -> Option<Generation> {
        self.get_present(name, now).and_then(|kept| Generation::parse(&kept.bytes))
    }

    fn ensure(&mut self, proposals: &[(String, Generation)], now: Tick) -> Vec<Generation> {
        let mut current = Vec::with_capacity(proposals.len());
        for (name, proposal) in proposals {
            let generation = self.generation(name, now).unwrap_or_else(|| {
                self.insert(name.clone(), StoredBytes::for_ever(proposal));
                *proposal
            });
            current.push(generation);
        }
        current
    }
}

impl StoredBytes {
    fn for_ever(number: &impl ToString) -> Self {
        Self { bytes: number.to_string().into_bytes(), until: Tick::FAR }
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    async fn read(&self, values: &[&str], generations: &[&str]) -> Result<Found, Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
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

    async fn ensure(&self, proposals: &[(String, Generation)]) -> Result<Ensured, Failure> {
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

    async fn insert(
        &self,
        item: Item<'_>,
        lease: &str,
        obsolete: &[String],
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let mut store = self.lock();
        let others = || std::iter::once(lease).chain(obsolete.iter().map(String::as_str));
        let removed: Vec<_> = others().filter(|name| store.remove(name)).collect();
        store.kept.insert(item.value.to_owned(), item.kept(now));
        store.changed(&self.connection, removed.into_iter().chain([item.value]));
        Ok(())
    }

    async fn remove(&self, names: &[String]) -> Result<(), Failure> {
        let mut store = self.lock();
        let names = names.iter().map(String::as_str);
        let removed: Vec<_> = names.filter(|name| store.remove(name)).collect();
        store.changed(&self.connection, removed);
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

    async fn bump(&self, generations: &[(String, Generation)]) -> Result<(), Failure> {
        let mut store = self.lock();
        for (name, generation) in generations {
            store.kept.insert(name.clone(), StoredBytes::for_ever(generation));
        }
        store.changed(&self.connection, generations.iter().map(|(name, _)| name.as_str()));
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

    fn endpoint(&self, _node: Node) -> String {
        "memory".to_owned()
    }

    async fn close(&self) {}
}

impl MemoryBackend {
    /// Completes generations; creating one is a change of it, and reading it back is what is heard of.
    fn ensure_in(&self, store: &mut Store, proposals: &[(String, Generation)]) -> Vec<Generation> {
        let generations = store.kept.ensure(proposals, self.clock.now());
        let created = proposals.iter().zip(&generations).filter(|((_, it), now)| it == *now);
        store.changed(&self.connection, created.map(|((name, _), _)| name.as_str()));
        store.read(&self.connection, proposals.iter().map(|(name, _)| name.as_str()));
        generations
    }
}

impl Item<'_> {
    fn kept(&self, now: Tick) -> StoredBytes {
        StoredBytes { bytes: self.bytes.to_vec(), until: now.after(self.life) }
    }
}
