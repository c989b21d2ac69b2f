//! What the remote tier does by itself: it asks for signs of life, and replays the journal.
//!
//! Invariant: at most one task of each kind runs; the next call starts another one if its runtime has
//! ended or stands still. Two that run for a moment do no harm: proofs and replays may be repeated.

use std::sync::Arc;
use std::time::Duration;

use super::Remote;

/// How often a process that is cut off tries to replay its journal.
const REPLAY_PAUSE: Duration = Duration::from_millis(200);

/// The shortest time without a step after which a task's runtime counts as one that stands still.
const STANDSTILL: Duration = Duration::from_secs(1);

impl Remote {
    /// Asks the backend for signs of life from now on, which makes it connect, unless a task does so
    /// already or there is no tokio runtime to do it in (coherence 4).
    pub(crate) fn keep_alive(self: &Arc<Self>) {
        // A step takes three quarters of it at most.
        let patience = self.announcements.sessions.window().max(STANDSTILL);
        if self.proving.is_running(patience) {
            return;
        }
        let Some(spawner) = self.tasks.spawner() else { return };
        let remote = Arc::downgrade(self);
        self.proving.start(spawner, patience, |sole| async move {
            let _sole = sole;
            loop {
                let Some(remote) = remote.upgrade() else { return };
                remote.prove().await;
                remote.tell_trust();
                remote.telemetry.sample(remote.clock.now());
                remote.requeue();
                remote.forget_outdated();
                if remote.journal_depth() > 0 {
                    remote.replay_in_background();
                }
                let is_due = remote.proof_is_due();
                drop(remote);
                is_due.await;
            }
        });
    }

    /// Replays the journal in the background until it is empty, so that other processes hear of it even
    /// if this one asks the backend nothing more (coherence 9).
    pub(crate) fn replay_in_background(self: &Arc<Self>) {
        let Some(spawner) = self.tasks.spawner() else { return };
        let (remote, clock) = (Arc::downgrade(self), self.clock.clone());
        let patience = self.settings.load().write_deadline.max(STANDSTILL);
        self.replaying.start(spawner, patience, |sole| async move {
            loop {
                clock.sleep(REPLAY_PAUSE).await;
                let Some(remote) = remote.upgrade() else { return };
                remote.replay_now().await;
                if remote.journal_depth() == 0 {
                    drop(sole);
                    // What came in as this one ended gets another one.
                    if remote.journal_depth() > 0 {
                        remote.replay_in_background();
                    }
                    return;
                }
            }
        });
    }

    /// Sends what the journal holds for the nodes that seem to be there.
    async fn replay_now(&self) {
        for node in self.backend.nodes() {
            if self.is_open_to(node) {
                let _ = self.replay(node, self.write_deadline()).await;
            }
        }
    }
}
