//! Who reads from a backend in memory, and what each is told.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock, Weak};

use super::contents::{FollowedLog, KeptLog, Roster, StoredBytes};
use crate::backend::{Change, Listener, Node};
use crate::clock::Tick;
use crate::lock::Mutex;

/// The connection of one [`MemoryBackend`](super::MemoryBackend); clones are the same connection.
#[derive(Debug, Clone)]
pub struct Connection(pub(super) Arc<Channel>);

pub(super) struct Channel {
    pub(super) epoch: AtomicU64,
    pub(super) listener: OnceLock<Listener>,
    pub(super) tracks: AtomicBool,
    /// What is kept back while announcements are under way for long.
    held: Mutex<Option<Vec<String>>>,
}

impl Connection {
    pub(super) fn new(store: &Mutex<Store>) -> Self {
        let channel = Arc::new(Channel {
            epoch: AtomicU64::new(1),
            listener: OnceLock::new(),
            tracks: AtomicBool::new(true),
            held: Mutex::default(),
        });
        let mut store = store.lock();
        store.readers.push((Arc::downgrade(&channel), HashSet::new()));
        Self(channel)
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

    pub(super) fn held(&self) -> MutexGuard<'_, Option<Vec<String>>> {
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
        f.debug_struct("Channel").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

pub(super) fn tell(channel: &Weak<Channel>, change: &Change) {
    if let Some(channel) = channel.upgrade() {
        channel.hear(change);
    }
}

#[derive(Debug)]
pub(super) struct Store {
    /// What sets its histories apart from those of other stores.
    origin: u64,
    pub(super) kept: HashMap<String, StoredBytes>,
    pub(super) logs: HashMap<String, KeptLog>,
    /// How far it follows logs of other stores, by their names.
    pub(super) followed: HashMap<String, FollowedLog>,
    /// What each connection has read, and would hear of.
    pub(super) readers: Vec<(Weak<Channel>, HashSet<String>)>,
    /// How often another node has taken over.
    pub(super) successions: u64,
    /// The fleets, by prefix.
    pub(super) rosters: HashMap<String, Roster>,
}

impl Default for Store {
    fn default() -> Self {
        static ORIGINS: AtomicU64 = AtomicU64::new(1);
        Self {
            origin: ORIGINS.fetch_add(1, Ordering::Relaxed),
            kept: HashMap::new(),
            logs: HashMap::new(),
            followed: HashMap::new(),
            readers: Vec::new(),
            successions: 0,
            rosters: HashMap::new(),
        }
    }
}

impl Store {
    pub(super) fn history(&self) -> u64 {
        // A token tells the lower half of it.
        self.origin << 32 | (self.successions + 1)
    }

    /// A connection is made anew: what was read over the old one is announced to nobody.
    pub(super) fn renew(&mut self, connection: &Connection) {
        let history = self.history();
        if let Some(read) = self.read_by(connection) {
            read.clear();
        }
        connection.0.epoch.fetch_add(1, Ordering::SeqCst);
        connection.0.hear(&Change::Reconnected { endpoint: "memory".to_owned() });
        connection.0.hear(&Change::Connected { node: Node::ONLY, history });
    }

    /// A connection has read names, and will hear of each once.
    pub(super) fn read<'a>(&mut self, by: &Connection, names: impl IntoIterator<Item = &'a str>) {
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
    pub(super) fn changed<'a>(
        &mut self,
        by: &Connection,
        names: impl IntoIterator<Item = &'a str>,
    ) {
        self.changed_by(Some(by), &names.into_iter().collect::<Vec<_>>());
    }

    /// Names were changed over a connection that reads nothing: all others hear of it.
    pub(super) fn changed_aside(&mut self, names: &[&str]) {
        self.changed_by(None, names);
    }

    fn changed_by(&mut self, by: Option<&Connection>, names: &[&str]) {
        for (channel, read) in &mut self.readers {
            let Some(channel) = channel.upgrade() else { continue };
            let gone = names.iter().filter(|name| read.remove(**name));
            let gone: Vec<_> = gone.map(|name| (*name).to_owned()).collect();
            if !by.is_some_and(|by| Arc::ptr_eq(&channel, &by.0)) && !gone.is_empty() {
                channel.announce(gone);
            }
        }
        self.readers.retain(|(channel, _)| channel.strong_count() > 0);
    }

    /// Names that have ended go when somebody asks for them: the others hear of it, and who asks does not.
    pub(super) fn expire<'a>(
        &mut self,
        by: &Connection,
        names: impl IntoIterator<Item = &'a str>,
        now: Tick,
    ) {
        let has_ended = |name: &&str| self.kept.get(*name).is_some_and(|kept| kept.until <= now);
        let ended: Vec<_> = names.into_iter().filter(has_ended).collect();
        self.kept.retain(|name, _| !ended.contains(&name.as_str()));
        self.changed(by, ended);
    }

    pub(super) fn read_by(&mut self, by: &Connection) -> Option<&mut HashSet<String>> {
        let is_by = |channel: &Weak<Channel>| std::ptr::eq(channel.as_ptr(), Arc::as_ptr(&by.0));
        self.readers.iter_mut().find(|(channel, _)| is_by(channel)).map(|(_, read)| read)
    }

    pub(super) fn remove(&mut self, name: &str) -> bool {
        self.kept.remove(name).is_some()
    }
}
