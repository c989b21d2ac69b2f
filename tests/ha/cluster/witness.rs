//! What a cache tells about the nodes of its backend.

use std::sync::{Arc, Mutex};

use athena_cache::backend::{Cause, Class};
use athena_cache::{BreakerState, Event, Observer};

use crate::world::eventually;

/// Writes down what concerns nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Vec<Seen>>>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Failover { from: String, to: String, cause: Cause },
    Breaker { endpoint: String, to: BreakerState },
    Failure { endpoint: String, operation: &'static str, class: Class },
}

impl Witness {
    /// What happened at a node, but that another one took over from it.
    pub(super) fn troubles_of(&self, node: &str) -> Vec<Seen> {
        let concerns = |seen: &Seen| match seen {
            Seen::Failover { .. } => false,
            Seen::Breaker { endpoint, .. } | Seen::Failure { endpoint, .. } => endpoint == node,
        };
        self.all().into_iter().filter(concerns).collect()
    }

    pub(super) fn failovers(&self) -> Vec<Seen> {
        self.all().into_iter().filter(|seen| matches!(seen, Seen::Failover { .. })).collect()
    }

    /// Waits until so many nodes were replaced.
    pub(super) async fn hears_of_failovers(&self, count: usize) {
        eventually("the failover is told", async || self.failovers().len() >= count).await;
    }

    fn all(&self) -> Vec<Seen> {
        self.0.lock().expect("no panic").clone()
    }
}

impl Observer for Witness {
    fn observe(&self, event: &Event<'_>) {
        let seen = match event {
            Event::Failover { failover, .. } => Seen::Failover {
                from: failover.from.clone(),
                to: failover.to.clone(),
                cause: failover.cause,
            },
            Event::Breaker { endpoint, to, .. } => {
                Seen::Breaker { endpoint: (*endpoint).to_owned(), to: *to }
            }
            Event::BackendFailed { endpoint, operation, failure, .. } => {
                let endpoint = (*endpoint).to_owned();
                Seen::Failure { endpoint, operation, class: failure.class() }
            }
            _ => return,
        };
        self.0.lock().expect("no panic").push(seen);
    }
}
