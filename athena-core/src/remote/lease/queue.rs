//! The queues of leases on their way back, one for each node.
//!
//! Invariant: a queue is there exactly while a task works it off, and is bounded whatever a process drops.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, MutexGuard};

use super::returns::{MOST_ABANDONED, Returning};
use crate::backend::{Node, Token};
use crate::clock::Tick;
use crate::key::Key;
use crate::lock::Mutex;
use crate::tasks::{PendingWork, RuntimeId};

/// A lease that is to be given back.
pub(super) struct PendingRelease {
    pub(super) key: Key,
    pub(super) site: Option<u32>,
    /// The name of the lease.
    pub(super) lease: String,
    pub(super) token: Token,
    /// When it ends by itself. `None` if the request for it was never answered: a node that stood still
    /// may execute it as late as it goes on.
    pub(super) until: Option<Tick>,
    /// Who waits for the first attempt; nobody does for a later one.
    pub(super) first: Option<(Returning, PendingWork)>,
}

/// Whose queue it is: a node that hangs holds up no other, a runtime that nobody drives no other runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) runtime: RuntimeId,
    pub(super) node: Node,
}

/// The leases that are to be given back.
#[derive(Default)]
pub(in crate::remote) struct Releases(Mutex<HashMap<Way, Queue>>);

#[derive(Default)]
struct Queue {
    due: VecDeque<Box<PendingRelease>>,
    /// Those that the node did not take; they are tried again until it is back.
    failed: VecDeque<Box<PendingRelease>>,
    workers: usize,
}

/// Tasks of a queue at most.
const MOST_WORKERS: usize = 16;

/// What follows from one more lease in a queue.
pub(super) struct Entered {
    /// The one that there is no room for.
    pub(super) left: Option<Box<PendingRelease>>,
    /// A task to start.
    pub(super) worker: Option<Worker>,
}

impl Releases {
    pub(super) fn enter(self: &Arc<Self>, way: Way, release: Box<PendingRelease>) -> Entered {
        let mut queues = self.lock();
        let queue = queues.entry(way).or_default();
        let left = queue.make_room();
        queue.due.push_back(release);
        let is_wanted = queue.workers < MOST_WORKERS;
        queue.workers += usize::from(is_wanted);
        let worker = || Worker { releases: Arc::clone(self), way, has_left: false };
        Entered { left, worker: is_wanted.then(worker) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Way, Queue>> {
        self.0.lock()
    }
}

impl std::fmt::Debug for Releases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queues = self.lock();
        f.debug_map()
            .entries(queues.iter().map(|(way, it)| (way, it.due.len() + it.failed.len())))
            .finish()
    }
}

impl Queue {
    /// Takes the oldest out of a full queue; one that is not remembered any more would not be given back
    /// either.
    fn make_room(&mut self) -> Option<Box<PendingRelease>> {
        let is_full = self.due.len() + self.failed.len() >= MOST_ABANDONED;
        is_full.then(|| self.failed.pop_front().or_else(|| self.due.pop_front())).flatten()
    }
}

/// One of the tasks that work off a queue; dropped, it has left it.
pub(super) struct Worker {
    releases: Arc<Releases>,
    way: Way,
    has_left: bool,
}

/// What a worker finds in its queue.
pub(super) enum NextRelease {
    Due(Box<PendingRelease>),
    /// Nothing but what has failed; it is the last one, and has to try that again.
    Failed,
    Nothing,
}

impl Worker {
    pub(super) fn next(&mut self) -> NextRelease {
        let mut queues = self.releases.lock();
        let Some(queue) = queues.get_mut(&self.way) else { return NextRelease::Nothing };
        if let Some(release) = queue.due.pop_front() {
            return NextRelease::Due(release);
        }
        let is_last = queue.workers == 1;
        if is_last && !queue.failed.is_empty() {
            return NextRelease::Failed;
        }
        // Under the same lock, so that nothing enters a queue which its last task is about to leave.
        self.has_left = true;
        queue.workers -= 1;
        if is_last {
            queues.remove(&self.way);
        }
        NextRelease::Nothing
    }

    pub(super) fn next_failed(&self) -> Option<Box<PendingRelease>> {
        self.releases.lock().get_mut(&self.way)?.failed.pop_front()
    }

    /// Has so many of those that failed tried again without a pause.
    pub(super) fn try_again(&self, most: usize) {
        if let Some(queue) = self.releases.lock().get_mut(&self.way) {
            let count = most.min(queue.failed.len());
            queue.due.extend(queue.failed.drain(..count));
        }
    }

    pub(super) fn put_back(&self, mut release: Box<PendingRelease>) -> Option<Box<PendingRelease>> {
        // Whoever waits is told outside of the lock.
        release.first = None;
        let mut queues = self.releases.lock();
        let queue = queues.get_mut(&self.way)?;
        let left = queue.make_room();
        queue.failed.push_back(release);
        left
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.has_left {
            return;
        }
        let mut queues = self.releases.lock();
        let Some(queue) = queues.get_mut(&self.way) else { return };
        queue.workers -= 1;
        // Nobody is left to work it off: its runtime has ended, or the cache was closed.
        let left = (queue.workers == 0).then(|| queues.remove(&self.way));
        drop(queues);
        drop(left);
    }
}
