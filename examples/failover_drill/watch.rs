//! What the cache tells an observer, and what the nodes tell those who ask them past the cache.

mod nodes;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use athena_cache::{BreakerState, Event, Observer};

pub(crate) use nodes::{Findings, Watchers};

use crate::stage::Shards;
use crate::traffic::shard_of;

/// Everything worth telling, as it happened; clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timeline(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    scene: String,
    entries: Vec<(Instant, String)>,
    /// Kinds of failures that are told already.
    told: HashSet<String>,
    openings: Vec<Instant>,
    /// When Redis took a value, by the cache's word, and the key.
    fills: Vec<(Instant, String)>,
}

impl Timeline {
    /// Something begins that is done on purpose.
    pub(crate) fn enter(&self, scene: &str) {
        scene.clone_into(&mut self.state().scene);
        self.tell(format!("-- {scene}"));
    }

    /// What was done last.
    pub(crate) fn scene(&self) -> String {
        self.state().scene.clone()
    }

    pub(crate) fn entries(&self) -> Vec<(Instant, String)> {
        self.state().entries.clone()
    }

    /// When a breaker first opened at or after a moment.
    pub(crate) fn first_opening(&self, after: Instant) -> Option<Instant> {
        self.state().openings.iter().copied().find(|at| *at >= after)
    }

    /// When Redis took a value of the shard that is broken.
    pub(crate) fn fills(&self, shards: &Shards) -> Vec<Instant> {
        let state = self.state();
        let fills = state.fills.iter().filter(|(_, key)| shard_of(shards, key) == 0);
        fills.map(|(at, _)| *at).collect()
    }

    fn tell(&self, text: String) {
        self.state().entries.push((Instant::now(), text));
    }

    fn tell_once(&self, kind: String, text: impl FnOnce() -> String) {
        let is_new = self.state().told.insert(kind);
        if is_new {
            self.tell(text());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Timeline {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Filled { key, .. } => {
                self.state().fills.push((Instant::now(), key.key().to_owned()));
            }
            Event::Breaker { endpoint, traffic, from, to, .. } => {
                if *to == BreakerState::Open {
                    self.state().openings.push(Instant::now());
                }
                let (traffic, from, to) = (traffic.name(), from.name(), to.name());
                self.tell(format!("breaker of {traffic} at {endpoint}: {from} -> {to}"));
            }
            Event::Failover { failover, .. } => self.tell(format!(
                "failover {} -> {}, {}, took {:.0?}",
                failover.from,
                failover.to,
                failover.cause.name(),
                failover.took
            )),
            Event::Reconnected { endpoint, .. } => {
                self.tell(format!("a connection to {endpoint} that was silent was replaced"));
            }
            Event::Replayed { count, .. } => {
                self.tell(format!("{count} waiting invalidations sent"));
            }
            Event::Journaled { .. } => self.tell_once("journaled".to_owned(), || {
                "the first invalidation has to wait".to_owned()
            }),
            Event::BackendFailed { endpoint, operation, failure, .. } => {
                self.tell_once(format!("{endpoint} {:?}", failure.class()), || {
                    format!("first failure of its class: {operation} at {endpoint}: {failure}")
                });
            }
            _ => {}
        }
    }
}
