//! One gate per node: what may pass to it, and what it answered lately.
//!
//! A node has two breakers. A store that refuses to be written, because it is full or has no
//! replicas, goes on serving; one that does not serve takes no writes either.
//!
//! Invariant: a node keeps its gate for as long as the cache lives.

use std::sync::{Arc, PoisonError, RwLock};

use crate::backend::{Backend, Node};
use crate::clock::Tick;
use crate::resilience::breaker::BreakerSettings;
use crate::resilience::breaker::{Breaker, BreakerState, Permit, Transition};
use crate::resilience::class::Traffic;

/// The gates of all nodes seen so far.
#[derive(Debug)]
pub(super) struct Gates {
    gates: RwLock<Vec<Arc<Gate>>>,
}

/// The breakers of a node.
#[derive(Debug)]
pub(super) struct Gate {
    serve: Breaker,
    store: Breaker,
    /// Held while the journal is replayed to the node, so that one caller does it for all.
    pub(super) replaying: tokio::sync::Mutex<()>,
}

impl Gates {
    pub(super) fn new() -> Self {
        Self { gates: RwLock::default() }
    }

    /// The gate of a node, made when the node is met for the first time.
    pub(super) fn of(&self, node: Node, settings: &BreakerSettings) -> Arc<Gate> {
        let number = usize::try_from(node.number()).unwrap_or(usize::MAX);
        if let Some(gate) = self.gates.read().unwrap_or_else(PoisonError::into_inner).get(number) {
            return Arc::clone(gate);
        }
        let mut gates = self.gates.write().unwrap_or_else(PoisonError::into_inner);
        while gates.len() <= number {
            gates.push(Arc::new(Gate::new(settings)));
        }
        Arc::clone(&gates[number])
    }

    /// Every gate made so far, with its node.
    pub(super) fn all(&self) -> Vec<(Node, Arc<Gate>)> {
        let gates = self.gates.read().unwrap_or_else(PoisonError::into_inner);
        (0..).map(Node::new).zip(gates.iter().map(Arc::clone)).collect()
    }
}

impl Gate {
    fn new(settings: &BreakerSettings) -> Self {
        let new = || Breaker::new(settings.clone());
        Self { serve: new(), store: new(), replaying: tokio::sync::Mutex::default() }
    }

    /// Leave for one operation over the connection of `epoch`.
    pub(super) fn acquire(
        &self,
        traffic: Traffic,
        now: Tick,
        epoch: u64,
    ) -> (Option<Permit>, Option<Transition>) {
        match traffic {
            Traffic::Serve => self.serve.acquire(now, epoch),
            // Where the node has to be found out about, the store breaker admits its own probe.
            Traffic::Store if self.serve.admits(now, epoch) => self.store.acquire(now, epoch),
            Traffic::Store => (None, None),
        }
    }

    /// Whether the node is, or may be, there: it answers, or is being tried.
    pub(super) fn is_ajar(&self) -> bool {
        let shut = |state| matches!(state, BreakerState::Open | BreakerState::Isolated);
        !shut(self.serve.state()) && !shut(self.store.state())
    }

    /// Whether operations pass without anybody having to find out whether they may.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.serve.state(), BreakerState::Closed | BreakerState::Disabled)
    }

    /// Whether an operation over the connection of `epoch` would pass now.
    pub(super) fn admits(&self, now: Tick, epoch: u64) -> bool {
        self.serve.admits(now, epoch)
    }

    pub(super) fn breaker(&self, traffic: Traffic) -> &Breaker {
        match traffic {
            Traffic::Serve => &self.serve,
            Traffic::Store => &self.store,
        }
    }
}

/// Names by the node that serves them, in the order in which the nodes come up.
pub(super) fn by_node<T>(
    backend: &dyn Backend,
    items: impl IntoIterator<Item = T>,
    name: impl Fn(&T) -> &str,
) -> Vec<(Node, Vec<T>)> {
    let mut groups: Vec<(Node, Vec<T>)> = Vec::new();
    for item in items {
        let node = backend.node(name(&item));
        match groups.iter_mut().find(|(known, _)| *known == node) {
            Some((_, group)) => group.push(item),
            None => groups.push((node, vec![item])),
        }
    }
    groups
}
