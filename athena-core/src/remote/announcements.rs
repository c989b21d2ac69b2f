//! What the backend says without being asked.
//!
//! Invariant: everything here is done when the backend's call returns, so that no later answer on the
//! same connection is taken for older than what was announced before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::acknowledged::Recent;
use super::known::Known;
use super::wake::{Waiter, Wakes};
use crate::backend::Change;
use crate::clock::Tick;
use crate::coherence::guards::Damage;
use crate::coherence::revision::Cells;
use crate::coherence::trust::Lines;
use crate::key::name::{EntryName, Namespace};
use crate::resilience::settings::Resilience;
use crate::telemetry::{Event, Telemetry};

/// Hears of changes, and keeps what they change.
#[derive(Debug)]
pub(super) struct Hearing {
    /// What all names of this cache begin with.
    prefix: String,
    pub(super) cells: Arc<Cells>,
    pub(super) lines: Lines,
    pub(super) known: Known,
    pub(super) recent: Recent,
    /// When every node was last known for certain to be the one that serves.
    confirmed: AtomicU64,
    wakes: Arc<Wakes>,
    /// A node has begun to serve, of which little is known yet.
    connected: Notify,
    telemetry: Arc<Telemetry>,
}

impl Hearing {
    pub(super) fn new(
        namespace: &Namespace,
        settings: &Resilience,
        telemetry: &Arc<Telemetry>,
        cells: Arc<Cells>,
        damage: Damage,
    ) -> Arc<Self> {
        Arc::new(Self {
            prefix: format!("{}:", namespace.as_str()),
            cells,
            lines: Lines::new(settings.trust_window, damage),
            known: Known::default(),
            recent: Recent::new(settings.max_journal),
            confirmed: AtomicU64::new(0),
            wakes: Arc::default(),
            connected: Notify::new(),
            telemetry: Arc::clone(telemetry),
        })
    }

    pub(super) fn hear(&self, change: &Change) {
        match change {
            Change::Announced { names } => {
                let ours = names.iter().filter(|name| name.starts_with(&self.prefix));
                ours.for_each(|name| self.note(name));
            }
            Change::Flushed => self.cells.change_all(),
            Change::Connected { node, history } => {
                self.lines.begin(*node, *history);
                self.recent.serves(*node, *history);
                self.connected.notify_one();
            }
            Change::Unheard { node } => self.lines.end(*node),
            Change::Failover(failover) => self.telemetry.tell(&Event::Failover { failover }),
            Change::Reconnected { endpoint } => {
                self.telemetry.tell(&Event::Reconnected { endpoint });
            }
        }
    }

    fn note(&self, name: &str) {
        self.cells.announce(self.cells.name(Namespace::subject(name)));
        self.wakes.wake(self.cells.name(Namespace::owner(name)));
    }

    /// Somebody who waits until an entry or its lease changes in the backend.
    pub(super) fn waiter(&self, entry: &EntryName) -> Waiter {
        self.wakes.waiter(self.cells.name(entry.as_str()))
    }

    /// Returns when a node has begun to serve since the last time.
    pub(super) async fn connected(&self) {
        self.connected.notified().await;
    }

    /// Every node was known for certain to be the one that serves.
    pub(super) fn confirm(&self, at: Tick) {
        self.confirmed.fetch_max(at.as_millis(), Ordering::SeqCst);
    }

    pub(super) fn confirmed(&self) -> Tick {
        Tick::from_millis(self.confirmed.load(Ordering::SeqCst))
    }
}
