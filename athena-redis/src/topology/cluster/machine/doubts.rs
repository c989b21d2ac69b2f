//! Which primaries are in doubt, by what their links show.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{ClusterAction, ClusterMachine, Doubted, Owner};
use crate::link::Doubt;

impl ClusterMachine {
    /// Notes which primaries came into doubt and which are sound again.
    pub(super) fn review(&mut self, owners: &[Owner<'_>], now: Instant) {
        let mut doubts = HashMap::new();
        for owner in owners {
            let Some(doubt) = owner.doubt else { continue };
            let known = self.doubts.remove(owner.endpoint);
            let since = known.map_or(now, |known| known.since);
            // A node that was lost once is not made sound by a word about its successor.
            let doubt = match known {
                Some(known) if doubt == Doubt::NotServing => known.doubt,
                _ => doubt,
            };
            // Asked about at once, but only once: a node may be loading for minutes.
            self.is_wanted |= doubt == Doubt::NotServing && known.is_none();
            doubts.insert(owner.endpoint.clone(), Doubted { since, doubt });
        }
        // Those that are left came back, perhaps as somebody else.
        self.is_wanted |= !self.doubts.is_empty();
        let serving = owners.iter().map(|owner| owner.endpoint);
        self.met.extend(serving.filter(|node| self.doubts.contains_key(node)).cloned());
        self.doubts = doubts;
        self.tell_unreached(owners);
    }

    /// Says that a node cannot be reached where others say that it is; again once all were.
    fn tell_unreached(&mut self, owners: &[Owner<'_>]) {
        let is_unreached =
            |owner: &&Owner<'_>| owner.doubt == Some(Doubt::Lost) && !owner.was_connected;
        let unreached = owners.iter().find(is_unreached);
        if let Some(owner) = unreached.filter(|_| !self.is_unreached) {
            self.actions.push(ClusterAction::Unreached(owner.endpoint.clone()));
        }
        self.is_unreached = unreached.is_some();
    }
}
