//! Giving leases back: off everybody's path, by a few tasks for each node.
//!
//! Invariant: for a lease that finds no room the oldest one is left to its own end. It ends by itself, and
//! costs those who want its entry the rest of its life.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::queue::{Entered, NextRelease, PendingRelease, Way, Worker};
use crate::remote::Remote;
use crate::resilience::backoff::Backoff;
use crate::telemetry::Event;

/// How soon a lease is given back again to a node that is away, and how late at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Remote {
    /// Has a lease given back in the background, by a task of the caller's runtime.
    pub(super) fn give_back(self: &Arc<Self>, release: PendingRelease) {
        let Some(spawner) = self.tasks.spawner() else { return };
        let node = self.backend.node(&release.lease);
        let way = Way { runtime: spawner.runtime(), node };
        let Entered { left, worker } = self.releases.enter(way, Box::new(release));
        self.leave(left);
        if let Some(worker) = worker {
            spawner.spawn_aside(work_off(worker, Arc::downgrade(self)));
        }
    }

    /// Leaves a lease to its own end.
    fn leave(&self, left: Option<Box<PendingRelease>>) {
        if let Some(left) = left {
            let key = &self.telemetry.topic(&left.key, left.site);
            self.telemetry.tell(&Event::LeaseLeft { key });
        }
    }

    /// Gives a lease back.
    async fn attempt_release(&self, release: &PendingRelease) -> ReleaseAttempt {
        let PendingRelease { lease, token, until, .. } = release;
        if !self.returns.is_abandoned(*token) {
            return ReleaseAttempt::Needless;
        }
        let has_ended = until.is_some_and(|until| self.clock.now() >= until);
        if !has_ended && !self.release(lease, *token).await {
            return ReleaseAttempt::Failed;
        }
        // One that was never answered may still be granted, out of turn.
        if until.is_some() {
            self.returns.settle(*token);
        }
        if has_ended { ReleaseAttempt::Needless } else { ReleaseAttempt::Taken }
    }
}

/// What an attempt to give a lease back came to.
enum ReleaseAttempt {
    /// The node took it.
    Taken,
    /// It has ended, or is not remembered any more.
    Needless,
    Failed,
}

/// Works off a queue, until it is empty or its cache is gone.
async fn work_off(mut worker: Worker, remote: Weak<Remote>) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let release = match worker.next() {
            NextRelease::Due(release) => release,
            NextRelease::Nothing => return,
            NextRelease::Failed => {
                let Some(clock) = remote.upgrade().map(|remote| remote.clock.clone()) else {
                    return;
                };
                clock.sleep(backoff.pause()).await;
                match worker.next_failed() {
                    Some(release) => release,
                    None => continue,
                }
            }
        };
        let Some(remote) = remote.upgrade() else { return };
        match remote.attempt_release(&release).await {
            ReleaseAttempt::Taken => {
                backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
                worker.try_again(usize::MAX);
            }
            ReleaseAttempt::Needless => worker.try_again(1),
            ReleaseAttempt::Failed => remote.leave(worker.put_back(release)),
        }
    }
}
