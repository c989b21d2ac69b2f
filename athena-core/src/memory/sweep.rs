//! Freeing what can be served no more: entries that are outdated, or past the end of their lives.
//!
//! A look frees nothing, and moka knows nothing of times; so a task walks through the entries, in steps: at once
//! after an invalidation of many, and from time to time. Where there is no runtime, those who insert do a step each.
//!
//! Invariant: there is at most one task, and one only while there are entries; it rests for long enough that its
//! share of a processor is small.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::front::{Position, STEP};
use super::kept::{EntryWalk, KeptEntries};
use crate::clock::{Clock, Tick};
use crate::coherence::revision::Revisions;
use crate::lock::Mutex;
use crate::tasks::{Sole, SoleGuard, Tasks, outlive};

/// Starts walks.
#[derive(Debug)]
pub(super) struct Sweeper {
    kept: Arc<KeptEntries>,
    revisions: Arc<Revisions>,
    /// The order of invalidations when the last walk began.
    walked: AtomicU64,
    sweeping: Sole,
    /// The walk of those who insert, where there is no task.
    here: Mutex<WalkHere>,
    woken: Arc<Notify>,
    clock: Clock,
    tasks: Tasks,
}

/// A walk in the steps of several callers.
#[derive(Debug, Default)]
struct WalkHere {
    walk: Option<EntryWalk>,
    /// When it began.
    began: Tick,
}

/// How long something may be of no use before it is freed.
const PERIOD: Duration = Duration::from_secs(30);
/// The same where it takes room from others.
const SHORT_PERIOD: Duration = Duration::from_secs(3);
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
            here: Mutex::default(),
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

    /// Looks at some entries on the spot, if it is time to.
    pub(super) fn sweep_some(&self) {
        let now = self.clock.now();
        // Taken out: values of users are dropped during a step.
        let mut walk = {
            let mut here = self.here.lock();
            if here.walk.is_none() && now >= here.began.after(self.period()) {
                here.began = now;
                here.walk = self.begin();
            }
            here.walk.take()
        };
        let is_over = walk.as_mut().is_none_or(|walk| !walk.step(now, &self.revisions));
        if !is_over {
            self.here.lock().walk = walk;
        }
    }

    /// Frees all entries: where there are many, in the background and in steps between which others run.
    pub(super) fn free(&self) {
        if self.kept.len() <= STEP as u64 {
            return;
        }
        let (kept, revisions) = (Arc::clone(&self.kept), Arc::clone(&self.revisions));
        outlive(async move {
            let mut position = Position::default();
            while kept.free_some(&mut position) {
                tokio::task::yield_now().await;
            }
            forget_unused(&revisions).await;
        });
    }

    fn period(&self) -> Duration {
        if self.kept.is_half_full() { SHORT_PERIOD } else { PERIOD }
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
        let period = self.period();
        async move {
            clock.within_dozing(period, woken.notified()).await;
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
            let revisions = Arc::clone(&this.upgrade()?.revisions);
            forget_unused(&revisions).await;
        }
    }
    Some(this.upgrade()?.clock.now().since(began))
}

/// Drops the cells that nothing holds any more, in steps between which others run.
async fn forget_unused(revisions: &Revisions) {
    let mut part = 0;
    while revisions.forget_unused(part) {
        part += 1;
        tokio::task::yield_now().await;
    }
}
