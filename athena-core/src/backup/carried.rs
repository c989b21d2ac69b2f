//! The generations that values carry.
//!
//! Invariant: the room that they take is bounded; once there are more, nothing is said of those that are not among them.

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// How many are remembered: some 16 bytes each.
const MOST: usize = 4 << 20;

/// The generations that values carry, by a hash of their names.
pub(super) struct CarriedGenerations {
    hasher: RandomState,
    names: HashSet<u64, RandomState>,
    most: usize,
    is_full: bool,
}

impl CarriedGenerations {
    pub(super) fn new() -> Self {
        Self::at_most(MOST)
    }

    fn at_most(most: usize) -> Self {
        Self { hasher: RandomState::default(), names: HashSet::default(), most, is_full: false }
    }

    pub(super) fn add(&mut self, name: &str) {
        if self.names.len() < self.most {
            self.names.insert(self.hasher.hash_one(name));
        } else if !self.holds(name) {
            self.is_full = true;
        }
    }

    /// Whether there are more than are remembered.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    fn holds(&self, name: &str) -> bool {
        self.names.contains(&self.hasher.hash_one(name))
    }

    /// Whether no value carries a name, as far as that is known for sure.
    pub(super) fn lacks(&self, name: &str) -> bool {
        !self.is_full && !self.holds(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_what_is_remembered_no_tag_counts_as_an_orphan() {
        let mut carried = CarriedGenerations::at_most(2);
        for name in ["shop:#a", "shop:#b", "shop:#a"] {
            carried.add(name);
        }
        assert!(carried.lacks("shop:#c") && !carried.lacks("shop:#a"));
        carried.add("shop:#c");
        assert_eq!(["shop:#a", "shop:#c", "shop:#d"].map(|name| carried.lacks(name)), [false; 3]);
        assert_eq!(carried.names.len(), 2);
    }
}
