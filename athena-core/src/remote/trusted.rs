//! Whether memory answers for entries of a node, as it is told.
//!
//! Invariant: telling steers nothing; entries are judged by their sessions (`coherence/trust.rs`).

use std::collections::HashMap;

use super::Remote;
use crate::backend::Node;
use crate::lock::Mutex;
use crate::telemetry::Event;

/// What was told last of each node.
#[derive(Debug, Default)]
pub(super) struct Trusted(Mutex<HashMap<Node, bool>>);

impl Remote {
    /// Whether all changes of what is read from a node now are heard of.
    pub(crate) fn is_trusted(&self, node: Node) -> bool {
        let session = self.announcements.sessions.present(node);
        session.is_some_and(|session| session.announces() && session.is_trusted(self.clock.now()))
    }

    /// Tells what has changed since the last time; that a node is trusted for the first time is no news.
    pub(super) fn tell_trust(&self) {
        for node in self.backend.nodes() {
            let trusted = self.is_trusted(node);
            let told = self.trusted.0.lock().insert(node, trusted);
            if told.is_some_and(|told| told != trusted) && self.is_first_tier_memory {
                let endpoint = self.endpoint(node);
                self.telemetry.tell(&Event::Trust { endpoint: endpoint.as_str(), trusted });
            }
        }
    }
}
