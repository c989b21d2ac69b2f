//! The only place of the crate that spawns.
//!
//! Invariant: every task belongs to a cache and ends with it, but for one that frees what the cache held. No lock is
//! held while a task is started or dropped: a runtime that shuts down drops tasks on the spot, and what they hold may
//! spawn again. Nobody waits for a task without a limit: its runtime may be alive and driven by nobody.

use std::future::{Future, pending};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::{EnterGuard, Handle, RuntimeFlavor};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle, spawn_blocking};

use crate::clock::Clock;
use crate::lock::Mutex;

mod held;
mod sole;

use held::HeldTask;
pub(crate) use sole::{Sole, SoleGuard};

/// The background work of a cache; clones share it, the last one dropped ends its tasks.
#[derive(Debug, Clone)]
pub(crate) struct Tasks(Arc<TaskSet>);

#[derive(Debug, Default)]
struct TaskSet {
    closed: AtomicBool,
    handles: Mutex<Handles>,
    /// Tasks and other work that `settle` waits for.
    work: Arc<Running>,
    /// Tasks of calls.
    called: Arc<Running>,
    /// All tasks.
    all: Arc<Running>,
    /// The runtime that was seen last, of those that threads of their own drive.
    home: ArcSwapOption<KnownHome>,
}

#[derive(Debug)]
struct Handles {
    all: Vec<AbortHandle>,
    /// How many to keep before finished ones are looked for.
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Running {
    count: AtomicUsize,
    ended: Notify,
}

/// Handles kept before finished ones are looked for; each holds the memory of its task.
const FIRST_SWEEP: usize = 64;

/// How long tasks that were told to end are waited for, by the machine's clock: what ends them is that
/// their runtime runs, whatever the clock of the cache does.
const LONGEST_END: Duration = Duration::from_secs(2);

/// Tasks of calls at most.
const MOST_OF_CALLS: usize = 4096;

/// The runtime of a task.
pub(crate) type RuntimeId = tokio::runtime::Id;

/// Permission to start one task.
#[derive(Debug)]
pub(crate) struct Spawner {
    runtime: Handle,
    tasks: Arc<TaskSet>,
    /// If it is for a call.
    called: Option<Counted>,
}

/// Work that is to be done, for as long as this lives.
#[derive(Debug)]
#[expect(dead_code, reason = "it is there to be held")]
pub(crate) struct PendingWork(Counted);

impl Spawner {
    /// The runtime that would run the task.
    pub(crate) fn runtime(&self) -> RuntimeId {
        self.runtime.id()
    }

    /// Starts a task.
    pub(crate) fn spawn<T: Send + 'static>(
        self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let counted = Counted::new(&self.tasks.work);
        self.spawn_aside(HeldTask::new(task, counted))
    }

    /// Starts a task that nobody who settles waits for.
    pub(crate) fn spawn_aside<T: Send + 'static>(
        self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        Task(self.start(task))
    }

    fn start<T: Send + 'static>(
        self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let counted = (Counted::new(&self.tasks.all), self.called);
        let handle = self.runtime.spawn(HeldTask::new(task, counted));
        self.tasks.keep(handle.abort_handle());
        handle
    }
}

/// A runtime for a thread that is outside of any.
#[derive(Debug)]
pub(crate) struct Home(Arc<KnownHome>);

/// A runtime that was seen, with a task that lives as long as it does.
#[derive(Debug)]
struct KnownHome {
    runtime: Handle,
    alive: Weak<()>,
    task: AbortHandle,
}

impl Home {
    /// While this lives the thread can start tasks there.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.0.runtime.enter()
    }
}

impl KnownHome {
    fn new(runtime: &Handle) -> Self {
        let life = Arc::new(());
        let alive = Arc::downgrade(&life);
        let task = runtime.spawn(async move {
            pending::<()>().await;
            drop(life);
        });
        Self { runtime: runtime.clone(), alive, task: task.abort_handle() }
    }

    fn is_alive(&self) -> bool {
        self.alive.strong_count() > 0
    }
}

impl Drop for KnownHome {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether the thread is outside of any runtime.
pub(crate) fn is_outside() -> bool {
    Handle::try_current().is_err()
}

/// A task that was started; dropped, it goes on.
#[derive(Debug)]
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T> Task<T> {
    /// What it came to, if it was not ended with its runtime or its cache; panics as it did, if it did.
    pub(crate) async fn end(self) -> Option<T> {
        match self.0.await {
            Ok(output) => Some(output),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }
}

/// Starts a task that ends when it is done, and not with its cache: it frees what that has left.
///
/// Without a runtime it is dropped on the spot, with what it holds.
pub(crate) fn outlive(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        drop(runtime.spawn(task));
    }
}

/// Runs code that may wait in a thread for such code; panics as it does, if it does.
pub(crate) async fn in_thread<T: Send + 'static>(code: impl FnOnce() -> T + Send + 'static) -> T {
    match Task(spawn_blocking(code)).end().await {
        Some(output) => output,
        // Its runtime ends, and whoever waits for it as well.
        None => pending().await,
    }
}

impl Tasks {
    pub(crate) fn new() -> Self {
        let tasks = Self(Arc::default());
        if let Ok(runtime) = Handle::try_current() {
            tasks.settle_in(&runtime);
        }
        tasks
    }

    /// Remembers a runtime for threads that are outside of any, if it runs whoever waits.
    fn settle_in(&self, runtime: &Handle) {
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread || self.is_closed() {
            return;
        }
        let home = self.0.home.load();
        if home.as_ref().is_none_or(|home| home.runtime.id() != runtime.id()) {
            self.0.home.store(Some(Arc::new(KnownHome::new(runtime))));
        }
    }

    /// The runtime that was seen last, for a thread that is outside of any; `None` once it has been shut down.
    ///
    /// A thread that is inside of one has that, which is remembered for the others.
    pub(crate) fn home_from_outside(&self) -> Option<Home> {
        match Handle::try_current() {
            Ok(runtime) => {
                self.settle_in(&runtime);
                None
            }
            Err(_) => self.0.home.load_full().filter(|home| home.is_alive()).map(Home),
        }
    }

    /// Permission to start a task on the caller's runtime; `None` without one, or once closed.
    ///
    /// For tasks whose number is bounded by other means.
    pub(crate) fn spawner(&self) -> Option<Spawner> {
        let runtime = Handle::try_current().ok()?;
        self.settle_in(&runtime);
        let spawner = || Spawner { runtime, tasks: Arc::clone(&self.0), called: None };
        (!self.is_closed()).then(spawner)
    }

    /// Counts a task as one that a call starts: `None` while as many of those run as may, so that the call
    /// has to do without, or in its own future.
    pub(crate) fn for_call(&self, spawner: Spawner) -> Option<Spawner> {
        let called = Counted::new(&self.0.called);
        called.is_among(MOST_OF_CALLS).then(|| Spawner { called: Some(called), ..spawner })
    }

    /// Something that `settle` waits for, whoever does it.
    pub(crate) fn work(&self) -> PendingWork {
        PendingWork(Counted::new(&self.0.work))
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// Waits until no work is left, work started meanwhile included.
    pub(crate) async fn settle(&self) {
        self.0.work.none().await;
    }

    /// Ends every task and takes no more (C3); tells whether all have ended.
    ///
    /// Those of a runtime that stands still end as soon as it runs again, and do nothing more.
    pub(crate) async fn close(&self) -> bool {
        self.0.closed.store(true, Ordering::Release);
        self.0.home.store(None);
        self.0.abort();
        Clock::system().within(LONGEST_END, self.0.all.none()).await.is_some()
    }
}

impl TaskSet {
    fn keep(&self, handle: AbortHandle) {
        let finished = self.handles.lock().keep(handle);
        drop(finished);
        if self.closed.load(Ordering::Acquire) {
            self.abort();
        }
    }

    fn abort(&self) {
        let handles = {
            let mut handles = self.handles.lock();
            std::mem::take(&mut handles.all)
        };
        handles.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for TaskSet {
    fn drop(&mut self) {
        self.abort();
    }
}

impl Default for Handles {
    fn default() -> Self {
        Self { all: Vec::new(), sweep_at: FIRST_SWEEP }
    }
}

impl Handles {
    /// Keeps a handle; gives those of finished tasks back, once their number has doubled.
    fn keep(&mut self, handle: AbortHandle) -> Vec<AbortHandle> {
        self.all.push(handle);
        if self.all.len() < self.sweep_at {
            return Vec::new();
        }
        let finished = self.all.extract_if(.., |handle| handle.is_finished()).collect();
        self.sweep_at = FIRST_SWEEP.max(self.all.len() * 2);
        finished
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

#[derive(Debug)]
struct Counted(Arc<Running>);

impl Counted {
    fn new(running: &Arc<Running>) -> Self {
        running.count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(running))
    }

    fn is_among(&self, most: usize) -> bool {
        self.0.count.load(Ordering::SeqCst) <= most
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.notify_waiters();
    }
}
