//! The only place of the crate that spawns.
//!
//! Invariant: every task belongs to a cache and ends with it.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// The background work of a cache; clones share it, the last one dropped ends its tasks.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    set: Arc<Mutex<Option<JoinSet<()>>>>,
    running: Arc<Running>,
}

/// Leave to start one task.
#[derive(Debug)]
pub(crate) struct Spawner {
    runtime: Handle,
    tasks: Tasks,
}

impl Spawner {
    /// Starts a task; it runs to its end even if the cache is closed between leave and start.
    pub(crate) fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::new(&self.tasks.running);
        self.spawn_aside(async move {
            let _counted = counted;
            task.await;
        });
    }

    /// Starts a task that nobody who settles waits for.
    pub(crate) fn spawn_aside(self, task: impl Future<Output = ()> + Send + 'static) {
        let mut guard = self.tasks.set.lock().unwrap_or_else(PoisonError::into_inner);
        match guard.as_mut() {
            Some(set) => {
                while set.try_join_next().is_some() {}
                set.spawn_on(task, &self.runtime);
            }
            None => drop(self.runtime.spawn(task)),
        }
    }
}

#[derive(Debug, Default)]
struct Running {
    count: AtomicUsize,
    ended: Notify,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self { set: Arc::new(Mutex::new(Some(JoinSet::new()))), running: Arc::default() }
    }

    /// Leave to start a task on the caller's runtime; `None` without one, or once closed.
    pub(crate) fn spawner(&self) -> Option<Spawner> {
        let runtime = Handle::try_current().ok()?;
        (!self.is_closed()).then(|| Spawner { runtime, tasks: self.clone() })
    }

    /// Waits until no task is left, tasks started meanwhile included.
    pub(crate) async fn settle(&self) {
        loop {
            let ended = self.running.ended.notified();
            if self.running.count.load(Ordering::SeqCst) == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Ends every task and takes no more.
    pub(crate) async fn close(&self) {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut set) = set {
            set.shutdown().await;
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).is_none()
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
