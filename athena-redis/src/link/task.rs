//! The one place of the crate that spawns.
//!
//! Invariant: a task ends with its owner, and whoever is to know that it has ended is told however that
//! comes.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use athena_cache_core::backend::{Class, Failure};
use futures_util::FutureExt;
use tokio::runtime::{Handle, Id};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::lock::Lock;

/// A spawned task; dropping it ends the task.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    /// Runs a future in the background of the current runtime.
    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }

    /// The same, and calls `ended` once the future has ended or was dropped.
    pub(crate) fn spawn_until(
        future: impl Future<Output = ()> + Send + 'static,
        ended: impl FnOnce() + Send + 'static,
    ) -> Self {
        // Made here: a runtime that is ending drops the task before it has run.
        let ended = AtEnd(Some(ended));
        Self::spawn(async move {
            let _ended = ended;
            future.await;
        })
    }

    /// Asks the task to end; it does at its next await.
    pub(crate) fn abort(&self) {
        self.0.abort();
    }

    /// Waits until the task ends by itself.
    pub(crate) async fn finish(mut self) {
        // A panic has been reported by the runtime.
        let _ended = (&mut self.0).await;
    }

    /// Ends the task and waits until it has dropped everything.
    pub(crate) async fn end(mut self) {
        self.0.abort();
        // Cancelled is what was asked for, and a panic has been reported by the runtime.
        let _ended = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Fails outside of a tokio runtime, where there are no timers and nothing can be started.
pub(crate) fn inside_runtime() -> Result<(), Failure> {
    // No word of the node: others reach it.
    let outside = |_| {
        Failure::new(Class::Overloaded, "redis cannot be reached from outside of a tokio runtime")
    };
    Handle::try_current().map(drop).map_err(outside)
}

/// Waits for tasks that were told to end, within a limit: their runtime may stand still.
///
/// Outside of a runtime nobody waits.
pub(crate) async fn ended_within(limit: Duration, ended: impl Future<Output = ()>) {
    if inside_runtime().is_ok() {
        // What is late ends as soon as its runtime runs again.
        let _in_time = timeout(limit, ended).await;
    } else {
        let _at_once = ended.now_or_never();
    }
}

/// Room for a task that runs once at a time, and is started anew after its runtime has ended, or stands still
/// while others ask for it.
#[derive(Debug, Default)]
pub(crate) struct TaskSlot {
    present: Lock<Option<PresentTask>>,
    /// When the present task ran last, in milliseconds of [`since_start`].
    ran: Arc<AtomicU64>,
}

/// The task in a slot.
#[derive(Debug)]
struct PresentTask {
    task: Task,
    home: Id,
    ended: Ended,
}

impl TaskSlot {
    /// Starts a task if `begin` says that none runs, which it is asked by one caller at a time.
    ///
    /// Whatever `begin` goes by, `ended` has to undo: then the next operation may start another one.
    pub(crate) fn start<F, E>(
        &self,
        begin: impl FnOnce() -> Result<bool, E>,
        task: impl FnOnce() -> F,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<(), E>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut present = self.present.lock();
        if begin()? {
            let (ended, ran) = (Ended::new(ended), Arc::clone(&self.ran));
            ran.store(since_start(), Ordering::Relaxed);
            let (future, ending) = (task(), ended.clone());
            let noted = async move {
                let mut future = pin!(future);
                poll_fn(|context| {
                    ran.store(since_start(), Ordering::Relaxed);
                    future.as_mut().poll(context)
                })
                .await;
            };
            let task = Task::spawn_until(noted, move || ending.call());
            *present = Some(PresentTask { task, home: Handle::current().id(), ended });
        }
        Ok(())
    }

    /// Gives the task up if it has not run for `patience` while the caller is on another runtime: its own
    /// one may be alive and driven by nobody, as a current-thread one between two calls of `block_on`.
    /// Tells whether it did.
    ///
    /// Should that go on, the task ends at once: what it has had begun may be begun by its successor.
    pub(crate) fn give_up_standstill(&self, patience: Duration) -> bool {
        let still = since_start().saturating_sub(self.ran.load(Ordering::Relaxed));
        if Duration::from_millis(still) < patience {
            return false;
        }
        let Ok(here) = Handle::try_current() else { return false };
        let given_up = {
            let mut present = self.present.lock();
            // One that was started meanwhile is not late.
            let late = since_start().saturating_sub(self.ran.load(Ordering::Relaxed));
            let is_elsewhere = |present: &mut PresentTask| present.home != here.id();
            let is_late = Duration::from_millis(late) >= patience;
            present.take_if(|present| is_late && is_elsewhere(present))
        };
        let Some(PresentTask { task, ended, .. }) = given_up else { return false };
        drop(task);
        ended.call();
        true
    }

    /// The task that was started last, in the hands of the caller from now on.
    pub(crate) fn take(&self) -> Option<Task> {
        self.present.lock().take().map(|present| present.task)
    }
}

/// Milliseconds since this was first asked.
fn since_start() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis().try_into().unwrap_or(u64::MAX)
}

/// What is done once, when a task has ended or was given up.
#[derive(Clone)]
struct Ended(Arc<Lock<Option<EndHook>>>);

type EndHook = Box<dyn FnOnce() + Send>;

impl Ended {
    fn new(ended: impl FnOnce() + Send + 'static) -> Self {
        Self(Arc::new(Lock::new(Some(Box::new(ended)))))
    }

    fn call(&self) {
        let ended = self.0.lock().take();
        if let Some(ended) = ended {
            ended();
        }
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended").finish_non_exhaustive()
    }
}

/// Calls a function when it is dropped.
struct AtEnd<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        if let Some(ended) = self.0.take() {
            ended();
        }
    }
}
