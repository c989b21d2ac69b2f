//! A task of which one at a time runs.
//!
//! A runtime may be alive and driven by nobody, as a current-thread one between two calls of `block_on`: its
//! tasks neither run nor end. So a task that has not run for long, and is missed on another runtime, is
//! begun again there. The former one is told to end; should it be running just then, both do so until its
//! next await, which whatever is done by such a task has to bear.
//!
//! Invariant: what a former task does at its end changes nothing for its successor.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::{RuntimeId, Spawner};
use crate::clock::{Clock, Tick};
use crate::lock::Mutex;

/// A task of which there is one at a time.
#[derive(Debug)]
pub(crate) struct Sole(Arc<SoleState>);

#[derive(Debug)]
struct SoleState {
    clock: Clock,
    is_running: AtomicBool,
    /// When the task was last seen to run, in milliseconds of the clock.
    ran: AtomicU64,
    present: Mutex<Present>,
}

/// The task that there is.
#[derive(Debug, Default)]
struct Present {
    /// Counts those that were begun.
    number: u64,
    /// Where it runs.
    home: Option<RuntimeId>,
    handle: Option<AbortHandle>,
}

/// Being that task, for as long as this lives.
#[derive(Debug)]
pub(crate) struct SoleGuard {
    state: Arc<SoleState>,
    number: u64,
}

impl Sole {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self(Arc::new(SoleState {
            clock: clock.clone(),
            is_running: AtomicBool::new(false),
            ran: AtomicU64::new(0),
            present: Mutex::default(),
        }))
    }

    /// Whether there is one that ran within `patience`.
    pub(crate) fn is_running(&self, patience: Duration) -> bool {
        self.0.is_running.load(Ordering::Acquire) && !self.0.is_late(patience)
    }

    /// Starts the task, unless there is one on the same runtime, or one that ran within `patience`.
    pub(crate) fn start<F>(
        &self,
        spawner: Spawner,
        patience: Duration,
        task: impl FnOnce(SoleGuard) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some((guard, former)) = self.begin(spawner.runtime(), patience) else { return };
        if let Some(former) = former {
            former.abort();
        }
        let (state, number) = (Arc::clone(&self.0), guard.number);
        let (running, task) = (Arc::clone(&self.0), task(guard));
        let handle = spawner.start(async move {
            let mut task = pin!(task);
            poll_fn(|context| {
                running.note_run();
                task.as_mut().poll(context)
            })
            .await;
        });
        state.keep(number, handle.abort_handle());
    }

    /// Permission to be the task, and the one whose place that is.
    fn begin(
        &self,
        home: RuntimeId,
        patience: Duration,
    ) -> Option<(SoleGuard, Option<AbortHandle>)> {
        let state = &self.0;
        let mut present = state.present.lock();
        let is_at_home = present.home == Some(home);
        if state.is_running.load(Ordering::Acquire) && (is_at_home || !state.is_late(patience)) {
            return None;
        }
        present.number += 1;
        present.home = Some(home);
        state.is_running.store(true, Ordering::Release);
        state.note_run();
        let former = present.handle.take();
        Some((SoleGuard { state: Arc::clone(state), number: present.number }, former))
    }
}

impl SoleState {
    fn note_run(&self) {
        self.ran.store(self.clock.now().as_millis(), Ordering::Relaxed);
    }

    fn is_late(&self, patience: Duration) -> bool {
        let ran = Tick::from_millis(self.ran.load(Ordering::Relaxed));
        // A little early is no matter: it is asked for by every call.
        self.clock.now_at_latest().since(ran) >= patience
    }

    /// Keeps what ends the task, unless it has ended or been replaced meanwhile.
    fn keep(&self, number: u64, handle: AbortHandle) {
        let mut present = self.present.lock();
        if present.number == number && self.is_running.load(Ordering::Acquire) {
            present.handle = Some(handle);
        }
    }
}

impl Drop for SoleGuard {
    fn drop(&mut self) {
        let mut present = self.state.present.lock();
        if present.number == self.number {
            present.handle = None;
            self.state.is_running.store(false, Ordering::Release);
        }
    }
}
