//! Who is the primary, as the nodes themselves say it, all the time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::resp::{Address, Client};
use super::role::Role;
use super::{wait_for, wait_within};

/// Between an answer and the next question.
const EVERY: Duration = Duration::from_millis(5);
/// How long a node may take to answer before it counts as silent.
const LIMIT: Duration = Duration::from_millis(100);
/// How long a promotion may take, repeated elections included.
const PROMOTION: Duration = Duration::from_secs(40);

/// From here on a node says something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    /// When the answer was read.
    pub(crate) at: Instant,
    /// Its place in the list of nodes.
    pub(crate) node: usize,
    /// What it says that it is; none if it does not answer.
    pub(crate) role: Option<Role>,
}

/// Asks every node for its role every 5 ms until it is dropped, each in a thread of its own.
#[derive(Debug)]
pub(crate) struct Prober {
    changes: Arc<Mutex<Vec<Change>>>,
    watches: Vec<Watch>,
}

impl Prober {
    /// Begins to ask; returns when every node that lives has been asked once.
    pub(crate) fn start(nodes: impl IntoIterator<Item = Address>) -> Self {
        let changes = Arc::new(Mutex::new(Vec::new()));
        let watch = |(node, address)| {
            let (noted, mut before) = (Arc::clone(&changes), None);
            Watch::start(address, Role::ask, move |role| {
                if before != Some(role) {
                    before = Some(role);
                    lock(&noted).push(Change { at: Instant::now(), node, role });
                }
            })
        };
        let watches: Vec<_> = nodes.into_iter().enumerate().map(watch).collect();
        let prober = Self { changes, watches };
        wait_for("every node has been asked", || {
            let changes = prober.changes();
            let asked = |node| changes.iter().any(|change| change.node == node);
            (0..prober.watches.len()).all(asked).then_some(())
        });
        prober
    }

    /// All changes so far, in the order in which they were seen.
    pub(crate) fn changes(&self) -> Vec<Change> {
        lock(&self.changes).clone()
    }

    /// When a node was first seen as a new primary, at or after a moment.
    ///
    /// One that was a primary before and only fell silent in between is not new.
    pub(crate) fn first_primary(&self, node: usize, after: Instant) -> Option<Instant> {
        self.promotions().into_iter().find(|it| it.node == node && it.at >= after).map(|it| it.at)
    }

    /// When any other node was first seen as a new primary, at or after a moment.
    pub(crate) fn first_primary_other_than(&self, node: usize, after: Instant) -> Option<Instant> {
        self.promotions().into_iter().find(|it| it.node != node && it.at >= after).map(|it| it.at)
    }

    /// Waits until another node is seen as a new primary; from when on it was, at or after a moment.
    pub(crate) fn wait_for_primary_other_than(&self, node: usize, after: Instant) -> Instant {
        wait_within(PROMOTION, "another node is seen as the primary", || {
            self.first_primary_other_than(node, after)
        })
    }

    /// When a node was first seen as anything but a primary, silence excepted, at or after a moment.
    pub(crate) fn first_demotion(&self, node: usize, after: Instant) -> Option<Instant> {
        let demoted = |it: &Change| it.role.is_some_and(|role| !role.is_primary());
        let changes = self.changes();
        let mut later = changes.iter().filter(|it| it.node == node && it.at >= after);
        later.find(|it| demoted(it)).map(|it| it.at)
    }

    /// The changes to a primary of nodes that last said to be something else.
    fn promotions(&self) -> Vec<Change> {
        let changes = self.changes();
        let spoken: Vec<_> = changes.into_iter().filter(|change| change.role.is_some()).collect();
        let is_new = |place: usize| {
            let change: &Change = &spoken[place];
            let before = spoken[..place].iter().rev().find(|it| it.node == change.node);
            change.role == Some(Role::Primary) && before.is_none_or(|it| it.role != change.role)
        };
        (0..spoken.len()).filter(|&place| is_new(place)).map(|place| spoken[place]).collect()
    }
}

/// A thread that puts one question to one node over and over, until it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Hands every answer to `note`, or none if there is no answer in time.
    pub(super) fn start<T>(
        address: Address,
        ask: impl Fn(&mut Client) -> std::io::Result<T> + Send + 'static,
        mut note: impl FnMut(Option<T>) + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut client = None;
            while !stopped.load(Ordering::SeqCst) {
                let connected = client.take().map_or_else(|| address.connect(LIMIT), Ok);
                let answer = connected.and_then(|mut it| {
                    let answer = ask(&mut it)?;
                    // Only after an answer is the connection good for another question.
                    client = Some(it);
                    Ok(answer)
                });
                note(answer.ok());
                std::thread::sleep(EVERY);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
