//! What a backend in memory holds.

use std::collections::HashMap;

use crate::backend::{Generation, Item};
use crate::clock::Tick;

#[derive(Debug)]
pub(super) struct StoredBytes {
    pub(super) bytes: Vec<u8>,
    pub(super) until: Tick,
}

/// Looking at a store at a moment.
pub(super) trait AtTime {
    fn get_present(&self, name: &str, now: Tick) -> Option<&StoredBytes>;
    fn generation(&self, name: &str, now: Tick) -> Option<Generation>;
    fn ensure(&mut self, proposals: &[(String, Generation)], now: Tick) -> Vec<Generation>;
}

impl StoredBytes {
    pub(super) fn for_ever(number: &impl ToString) -> Self {
        Self { bytes: number.to_string().into_bytes(), until: Tick::FAR }
    }
}

impl Item<'_> {
    pub(super) fn kept(&self, now: Tick) -> StoredBytes {
        StoredBytes { bytes: self.bytes.to_vec(), until: now.after(self.life) }
    }
}

impl AtTime for HashMap<String, StoredBytes> {
    fn get_present(&self, name: &str, now: Tick) -> Option<&StoredBytes> {
        self.get(name).filter(|kept| kept.until > now)
    }

    fn generation(&self, name: &str, now: Tick) -> Option<Generation> {
        self.get_present(name, now).and_then(|kept| Generation::parse(&kept.bytes))
    }

    fn ensure(&mut self, proposals: &[(String, Generation)], now: Tick) -> Vec<Generation> {
        let mut current = Vec::with_capacity(proposals.len());
        for (name, proposal) in proposals {
            let generation = self.generation(name, now).unwrap_or_else(|| {
                self.insert(name.clone(), StoredBytes::for_ever(proposal));
                *proposal
            });
            current.push(generation);
        }
        current
    }
}
