//! The generations in a backup.
//!
//! Invariant: a value whose generations are not among them had been invalidated, or nobody knows.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::file::BackupRecord;
use crate::backend::Generation;
use crate::envelope::Stamp;

/// Those of tags by a hash of their names, which are the same in every store.
///
/// How the namespace is divided, and so what its generations are called, is up to each store. Their numbers are random:
/// one that is there is the one that is meant.
#[derive(Default)]
pub(super) struct HeldGenerations {
    hasher: RandomState,
    tags: HashMap<u64, u64, RandomState>,
    namespaces: HashSet<u64>,
}

impl HeldGenerations {
    pub(super) fn add(&mut self, record: &BackupRecord) {
        let Some(generation) = Generation::parse(&record.bytes).map(Generation::get) else {
            return;
        };
        if record.name.ends_with('*') {
            self.namespaces.insert(generation);
        } else {
            self.tags.insert(self.hasher.hash_one(&*record.name), generation);
        }
    }

    /// Whether nothing had changed since these were noted; the names are those of the tags.
    pub(super) fn hold<'n>(
        &self,
        mut stamps: impl Iterator<Item = Stamp>,
        tags: impl Iterator<Item = &'n str>,
    ) -> bool {
        let number = |stamp: Stamp| stamp.generation.get();
        let namespace = stamps.next().map(number);
        namespace.is_some_and(|number| self.namespaces.contains(&number))
            && tags.zip(stamps).all(|(name, stamp)| {
                self.tags.get(&self.hasher.hash_one(name)) == Some(&number(stamp))
            })
    }
}
