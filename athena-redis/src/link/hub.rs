//! What all links of one backend share.
//!
//! Invariant: a number of a connection is given out once, and an endpoint has one node number for
//! ever.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use athena_cache_core::backend::{Change, Listener, Node};
use tokio::sync::watch;

use crate::url::Endpoint;

/// Numbers, limits and signals of a backend.
pub(crate) struct Hub {
    epochs: AtomicU64,
    vitality: AtomicU64,
    /// Milliseconds that one operation may take.
    limit: AtomicU64,
    nodes: Mutex<Vec<Endpoint>>,
    listener: OnceLock<Listener>,
    alarm: watch::Sender<u64>,
}

impl Hub {
    pub(crate) fn new(limit: Duration) -> Self {
        let (alarm, _) = watch::channel(0);
        Self {
            epochs: AtomicU64::new(0),
            vitality: AtomicU64::new(0),
            limit: AtomicU64::new(millis(limit)),
            nodes: Mutex::default(),
            listener: OnceLock::new(),
            alarm,
        }
    }

    /// A number for a new connection.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// A number for the news that some node answers again; it is above all earlier ones.
    pub(crate) fn next_vitality(&self) -> u64 {
        self.vitality.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// How long one operation may take.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_millis(self.limit.load(Ordering::Relaxed))
    }

    pub(crate) fn set_limit(&self, limit: Duration) {
        self.limit.store(millis(limit), Ordering::Relaxed);
    }

    /// The number of an endpoint.
    pub(crate) fn node(&self, endpoint: &Endpoint) -> Node {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let place = nodes.iter().position(|known| known == endpoint).unwrap_or_else(|| {
            nodes.push(endpoint.clone());
            nodes.len() - 1
        });
        Node::new(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// The endpoint with a number, if one has it.
    pub(crate) fn endpoint(&self, node: Node) -> Option<Endpoint> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.get(usize::try_from(node.number()).ok()?).cloned()
    }

    pub(crate) fn set_listener(&self, listener: Listener) {
        // One cache owns a backend; a second one would hear of nothing.
        drop(self.listener.set(listener));
    }

    pub(crate) fn tell(&self, change: &Change) {
        if let Some(listener) = self.listener.get() {
            listener(change);
        }
    }

    /// Says that some link came into doubt.
    pub(crate) fn ring(&self) {
        self.alarm.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Hears of doubts; see [`Link::doubt`](super::Link::doubt) for what they are.
    pub(crate) fn alarm(&self) -> watch::Receiver<u64> {
        self.alarm.subscribe()
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("epochs", &self.epochs).finish_non_exhaustive()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}
