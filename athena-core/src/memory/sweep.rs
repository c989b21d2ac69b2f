//! Freeing what can be served no more: entries that are outdated, or past the end of their lives.
//!
//! A look frees nothing, and moka works only when it is asked something; so a task walks through the entries,
//! in steps: at once after an invalidation of many, and from time to time.
//!
//! Invariant: there is at most one task, and one only while there are entries; it rests for long enough that its
//! share of a processor is small.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::kept::{EntryWalk, KeptEntries};
use crate::clock::Clock;
use crate::coherence::revision::Revisions;
use crate::tasks::{Sole, SoleGuard, Tasks};

/// Starts walks.
#[derive(Debug)]
pub(super) struct Sweeper {
    kept: Arc<KeptEntries>,
    revisions: Arc<Revisions>,
    /// The order of invalidations when the last walk began.
    walked: AtomicU64,
    sweeping: Sole,
    woken: Arc<Notify>,
    clock: Clock,
    tasks: Tasks,
}

/// How long something may be of no use before it is freed.
const PERIOD: Duration = Duration::from_secs(30);
/// How long to rest after a walk at least, and how many times as long as it took.
const SHORTEST_REST: Duration = Duration::from_secs(1);
const REST_PER_WALK: u32 = 50;
/// After so long without running, the task's runtime stands still.
const PATIENCE: Duration = Duration::from_secs(90);

impl Sweeper {
    pub(super) fn new(
        kept: Arc<KeptEntries>,
        clock: &Clock,
        revisions: &Arc<Revisions>,
        tasks: &Tasks,
    ) -> Self {
        Self {
            kept,
            revisions: Arc::clone(revisions),
            walked: AtomicU64::new(0),
            sweeping: Sole::new(clock),
            woken: Arc::default(),
            clock: clock.clone(),
            tasks: tasks.clone(),
        }
    }

    /// Sees to it that a task watches the entries; tells whether one does, or none can be started in the
    /// caller's runtime.
    pub(super) fn watch(self: &Arc<Self>) -> bool {
        if self.sweeping.is_running(PATIENCE) {
            return true;
        }
        let Some(spawner) = self.tasks.spawner() else { return false };
        let this = Arc::downgrade(self);
        self.sweeping.start(spawner, PATIENCE, |sole| watch(this, sole));
        true
    }

    /// Has the entries walked through soon; tells whether somebody does.
    pub(super) fn wake(self: &Arc<Self>) -> bool {
        self.woken.notify_one();
        self.kept.is_empty() || self.watch()
    }

    /// Walks through all entries on the spot, also if somebody else is about it.
    pub(super) fn sweep_here(&self) {
        self.walked.store(self.revisions.now().number(), Ordering::SeqCst);
        let mut walk = self.kept.walk();
        while walk.step(self.clock.now(), &self.revisions) {}
    }

    /// A walk, if something has become outdated or has ended since the last one.
    fn begin(&self) -> Option<EntryWalk> {
        let present = self.revisions.now().number();
        let is_due = self.walked.swap(present, Ordering::SeqCst) != present;
        (is_due || self.kept.has_ended(self.clock.now())).then(|| self.kept.walk())
    }

    /// Ends when something has become outdated, or it is time to look; does not keep the cache alive.
    fn is_due(&self) -> impl Future<Output = ()> + use<> {
        let (woken, clock) = (Arc::clone(&self.woken), self.clock.clone());
        async move {
            clock.within_dozing(PERIOD, woken.notified()).await;
        }
    }

    /// The same after a walk that took so long.
    fn is_rested(&self, took: Duration) -> impl Future<Output = ()> + use<> {
        let clock = self.clock.clone();
        async move {
            let until = clock.now().after(SHORTEST_REST.max(took.saturating_mul(REST_PER_WALK)));
            // In parts: a task that is not seen to run for long is begun again elsewhere.
            while clock.now() < until {
                clock.doze(until.since(clock.now()).min(PERIOD)).await;
            }
        }
    }
}

/// Walks through the entries from now on whenever there is a reason to, until there are none.
async fn watch(this: Weak<Sweeper>, sole: SoleGuard) {
    loop {
        let Some(is_due) = this.upgrade().map(|sweeper| sweeper.is_due()) else { return };
        is_due.await;
        let Some(took) = sweep(&this).await else { return };
        let Some(sweeper) = this.upgrade() else { return };
        if sweeper.kept.is_empty() {
            drop(sole);
            // In this order: what came in as this one ended needs one still.
            if !sweeper.kept.is_empty() {
                sweeper.watch();
            }
            return;
        }
        let is_rested = sweeper.is_rested(took);
        drop(sweeper);
        is_rested.await;
    }
}

/// Walks through all entries, in steps between which others run; tells how long it took, `None` if the
/// cache is gone.
async fn sweep(this: &Weak<Sweeper>) -> Option<Duration> {
    let began = this.upgrade()?.clock.now();
    let walk = this.upgrade()?.begin();
    if let Some(mut walk) = walk {
        loop {
            let sweeper = this.upgrade()?;
            if !walk.step(sweeper.clock.now(), &sweeper.revisions) {
                break;
            }
            drop(sweeper);
            tokio::task::yield_now().await;
        }
        if walk.has_freed() {
            this.upgrade()?.revisions.forget_unused();
        }
    }
    Some(this.upgrade()?.clock.now().since(began))
}
