//! The only place of the crate that spawns.
//!
//! Invariant: every task belongs to a cache and ends with it. No lock is held while a task is started or
//! dropped: a runtime that shuts down drops tasks on the spot, and what they hold may spawn again.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};

use crate::lock::Mutex;

/// The background work of a cache; clones share it, the last one dropped ends its tasks.
#[derive(Debug, Clone)]
pub(crate) struct Tasks(Arc<TaskSet>);

#[derive(Debug, Default)]
struct TaskSet {
    closed: AtomicBool,
    handles: Mutex<Vec<AbortHandle>>,
    /// Tasks that `settle` waits for.
    work: Arc<Running>,
    /// All tasks.
    all: Arc<Running>,
}

#[derive(Debug, Default)]
struct Running {
    count: AtomicUsize,
    ended: Notify,
}

/// Handles kept before finished ones are looked for.
const FIRST_SWEEP: usize = 64;

/// Permission to start one task.
#[derive(Debug)]
pub(crate) struct Spawner {
    runtime: Handle,
    tasks: Arc<TaskSet>,
}

impl Spawner {
    /// Starts a task.
    pub(crate) fn spawn(self, task: impl Future<Output = ()> + Send + 'static) -> Task {
        let counted = Counted::new(&self.tasks.work);
        self.spawn_aside(async move {
            let _counted = counted;
            task.await;
        })
    }

    /// Starts a task that nobody who settles waits for.
    pub(crate) fn spawn_aside(self, task: impl Future<Output = ()> + Send + 'static) -> Task {
        let counted = Counted::new(&self.tasks.all);
        let handle = self.runtime.spawn(async move {
            let _counted = counted;
            task.await;
        });
        self.tasks.keep(handle.abort_handle());
        Task(handle)
    }
}

/// A task that was started; dropped, it goes on.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    /// Waits for its end; panics as it did, if it did.
    pub(crate) async fn or_panic(self) {
        if let Err(error) = self.0.await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Permission to start a task on the caller's runtime; `None` without one, or once closed.
    pub(crate) fn spawner(&self) -> Option<Spawner> {
        let runtime = Handle::try_current().ok()?;
        (!self.is_closed()).then(|| Spawner { runtime, tasks: Arc::clone(&self.0) })
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// Waits until no work is left, work started meanwhile included.
    pub(crate) async fn settle(&self) {
        self.0.work.none().await;
    }

    /// Ends every task and takes no more (C3).
    pub(crate) async fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.abort();
        self.0.all.none().await;
    }
}

impl TaskSet {
    fn keep(&self, handle: AbortHandle) {
        let finished: Vec<_> = {
            let mut handles = self.handles.lock();
            handles.push(handle);
            if handles.len() < FIRST_SWEEP || !handles.len().is_power_of_two() {
                Vec::new()
            } else {
                handles.extract_if(.., |handle| handle.is_finished()).collect()
            }
        };
        drop(finished);
        if self.closed.load(Ordering::Acquire) {
            self.abort();
        }
    }

    fn abort(&self) {
        let handles = {
            let mut handles = self.handles.lock();
            std::mem::take(&mut *handles)
        };
        handles.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for TaskSet {
    fn drop(&mut self) {
        self.abort();
    }
}

impl Running {
    async fn none(&self) {
        loop {
            let ended = self.ended.notified();
            if self.count.load(Ordering::SeqCst) == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// A task of which there is one at a time.
#[derive(Debug, Default)]
pub(crate) struct Sole(Arc<AtomicBool>);

/// Being that task, for as long as this lives.
#[derive(Debug)]
pub(crate) struct SoleGuard(Arc<AtomicBool>);

impl Sole {
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Permission to be the task, unless there is one.
    pub(crate) fn begin(&self) -> Option<SoleGuard> {
        (!self.0.swap(true, Ordering::AcqRel)).then(|| SoleGuard(Arc::clone(&self.0)))
    }
}

impl Drop for SoleGuard {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

struct Counted(Arc<Running>);

impl Counted {
    fn new(running: &Arc<Running>) -> Self {
        running.count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(running))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.notify_waiters();
    }
}
