//! What the backend says without being asked.
//!
//! Invariant: everything here is done when the backend's call returns, so that no later answer on the
//! same connection is taken for older than what was announced before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::acknowledged::AcknowledgedLately;
use super::heavy::HeavyValues;
use super::known::Known;
use super::wake::{KeyedNotify, Waiter};
use crate::backend::{Change, Failover};
use crate::clock::Tick;
use crate::coherence::guards::Guards;
use crate::coherence::heard::HeardUntil;
use crate::coherence::revision::{Revisions, Subject};
use crate::coherence::session::Sessions;
use crate::excerpt::Excerpt;
use crate::key::name::{EntryName, Namespace};
use crate::resilience::settings::Resilience;
use crate::telemetry::{Event, Telemetry};

/// Hears of changes, and keeps what they change.
#[derive(Debug)]
pub(super) struct Announcements {
    /// What all names of this cache begin with.
    prefix: String,
    pub(super) revisions: Arc<Revisions>,
    pub(super) sessions: Sessions,
    pub(super) known: Known,
    pub(super) acknowledged: AcknowledgedLately,
    pub(super) heavy: HeavyValues,
    /// When every node was last known for certain to be the one that serves.
    confirmed: AtomicU64,
    waiters: Arc<KeyedNotify>,
    /// A node has begun to serve, of which little is known yet.
    connected: Notify,
    telemetry: Arc<Telemetry>,
}

impl Announcements {
    pub(super) fn new(
        namespace: &Namespace,
        settings: &Resilience,
        telemetry: &Arc<Telemetry>,
        revisions: Arc<Revisions>,
        guards: Guards,
        heavy: HeavyValues,
        heard: Option<Arc<HeardUntil>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            prefix: format!("{}:", namespace.as_str()),
            revisions,
            sessions: Sessions::new(settings.trust_window, guards).while_heard(heard),
            known: Known::default(),
            acknowledged: AcknowledgedLately::new(settings.max_journal),
            heavy,
            confirmed: AtomicU64::new(0),
            waiters: Arc::default(),
            connected: Notify::new(),
            telemetry: Arc::clone(telemetry),
        })
    }

    /// Takes in what the backend says; it counts once this returns (coherence 2, I2).
    pub(super) fn hear(&self, change: &Change) {
        match change {
            Change::Announced { names } => self.ours(names).for_each(|name| self.note(name)),
            Change::Slow { names, bytes, took } => {
                self.heavy.blame(&self.our_subjects(names), *bytes, *took);
            }
            Change::Late { names, bytes, took } => {
                self.heavy.came_late(&self.our_subjects(names), *bytes, *took);
            }
            Change::Flushed => self.revisions.change_all(),
            Change::Connected { node, history } => {
                self.sessions.begin(*node, *history);
                self.acknowledged.serves(*node, *history);
                self.connected.notify_one();
            }
            Change::Maintenance(notice) => self.telemetry.tell(&Event::Maintenance { notice }),
            Change::Unheard { node } => self.sessions.end(*node),
            Change::Failover(Failover { from, to, cause, took }) => {
                // Its fields are anybody's to set.
                let failover = &Failover::new(from, to, *cause, *took);
                self.telemetry.tell(&Event::Failover { failover });
            }
            Change::Reconnected { endpoint } => {
                let endpoint = Excerpt::of(endpoint);
                self.telemetry.tell(&Event::Reconnected { endpoint: endpoint.as_str() });
            }
        }
    }

    fn ours<'n>(&self, names: &'n [String]) -> impl Iterator<Item = &'n String> {
        names.iter().filter(|name| name.starts_with(&self.prefix))
    }

    fn our_subjects(&self, names: &[String]) -> Vec<Subject> {
        self.ours(names).map(|name| self.revisions.name(name)).collect()
    }

    fn note(&self, name: &str) {
        self.revisions.announce(self.revisions.name(Namespace::subject(name)));
        self.waiters.wake(self.revisions.name(Namespace::owner(name)));
    }

    /// Somebody who waits until an entry or its lease changes in the backend.
    pub(super) fn waiter(&self, entry: &EntryName) -> Waiter {
        self.waiters.waiter(self.revisions.name(entry.as_str()))
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
