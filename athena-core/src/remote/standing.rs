//! How nodes stand beyond their breakers, as far as it is told: whether they let us in, whether memory answers.
//!
//! Invariant: it is shown, and steers nothing; entries are judged by their sessions (`coherence/trust.rs`).

use std::collections::HashMap;
use std::time::Duration;

use crate::backend::{Class, Failure, Node};
use crate::lock::Mutex;

/// What one node did when it was checked.
#[derive(Debug)]
pub(crate) struct NodeCheck {
    pub(crate) endpoint: String,
    /// How long it took; `None` of a node that was not asked, since it is isolated.
    pub(crate) done: Option<Result<Duration, Failure>>,
}

/// What is known so of each node.
#[derive(Debug, Default)]
pub(super) struct Standings {
    /// Those that do not let us in, with what they say.
    refusing: Mutex<HashMap<Node, String>>,
    /// Whether memory answers for their entries, as it was told last.
    trusted: Mutex<HashMap<Node, bool>>,
}

impl Standings {
    /// Notes whether a node lets us in, from what came of a sign of life.
    pub(super) fn note_admission(&self, node: Node, failure: Option<&Failure>) {
        let mut refusing = self.refusing.lock();
        match failure {
            Some(failure) if failure.class() == Class::Denied => {
                refusing.insert(node, failure.to_string());
            }
            // Who is not reached has not changed its mind.
            Some(_) => {}
            None => {
                refusing.remove(&node);
            }
        }
    }

    /// What a node says that does not let us in.
    pub(super) fn refusal(&self, node: Node) -> Option<String> {
        self.refusing.lock().get(&node).cloned()
    }

    /// Notes whether memory answers for a node; tells whether that has changed.
    pub(super) fn is_news(&self, node: Node, trusted: bool) -> bool {
        self.trusted.lock().insert(node, trusted).is_some_and(|told| told != trusted)
    }
}
