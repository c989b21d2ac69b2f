//! The one place of the crate that spawns.
//!
//! Invariant: a task ends with its owner, and whoever is to know that it has ended is told however that
//! comes.

use std::future::Future;
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure};
use futures_util::FutureExt;
use tokio::runtime::Handle;
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
    let outside = |_| {
        Failure::new(Class::Unreachable, "redis cannot be reached from outside of a tokio runtime")
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

/// Room for a task that runs once at a time, and is started anew after its runtime has ended.
#[derive(Debug, Default)]
pub(crate) struct TaskSlot(Lock<Option<Task>>);

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
        let mut room = self.0.lock();
        if begin()? {
            *room = Some(Task::spawn_until(task(), ended));
        }
        Ok(())
    }

    /// The task that was started last, in the hands of the caller from now on.
    pub(crate) fn take(&self) -> Option<Task> {
        self.0.lock().take()
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
