//! What a backend in memory holds.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::backend::{
    Absent, Bump, Generation, Item, Lasting, LogPosition, LogRecord, Parked, Proposal, Token,
};
use crate::clock::Tick;

/// When each process of a fleet came last, and until when it is one of it.
pub(super) type Roster = BTreeMap<String, (Tick, Tick)>;

#[derive(Debug)]
pub(super) struct StoredBytes {
    pub(super) bytes: Vec<u8>,
    pub(super) until: Tick,
}

#[derive(Debug, Default)]
pub(super) struct KeptLog {
    pub(super) nonce: u64,
    pub(super) number: u64,
    pub(super) settled: u64,
    pub(super) records: VecDeque<(u64, LogRecord)>,
}

#[derive(Debug, Default)]
pub(super) struct FollowedLog {
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) position: Option<LogPosition>,
    pub(super) turn: Option<(Token, Tick)>,
    pub(super) parked: VecDeque<Parked>,
}

/// Looking at a store at a moment.
pub(super) trait AtTime {
    fn get_present(&self, name: &str, now: Tick) -> Option<&StoredBytes>;
    fn generation(&self, name: &str, now: Tick) -> Option<Generation>;
    /// Completes a generation; tells whether that changed anything.
    fn complete(&mut self, proposal: &Proposal<'_>, now: Tick) -> (Lasting, bool);
    /// Changes a generation; tells whether there is one now.
    fn bump(&mut self, bump: &Bump<'_>) -> bool;
}

impl StoredBytes {
    /// A life that has less than this end before it is too short; one without an end, too long.
    fn ends_well(&self, proposal: &Proposal<'_>, now: Tick) -> bool {
        proposal.life.is_none_or(|life| self.until != Tick::FAR && self.until >= now.after(life))
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

    fn complete(&mut self, proposal: &Proposal<'_>, now: Tick) -> (Lasting, bool) {
        let Proposal { name, generation, life } = *proposal;
        let lasting = |generation, until: Tick| Lasting {
            generation,
            remaining: life.map(|_| until.since(now)),
        };
        let present = self.generation(name, now).zip(self.get_present(name, now));
        if let Some((generation, kept)) = present.filter(|(_, kept)| kept.ends_well(proposal, now))
        {
            return (lasting(generation, kept.until), false);
        }
        let generation = present.map_or(generation, |(generation, _)| generation);
        let until = life.map_or(Tick::FAR, |life| now.after(2 * life));
        let bytes = generation.to_string().into_bytes();
        self.insert(name.to_owned(), StoredBytes { bytes, until });
        (lasting(generation, until), true)
    }

    fn bump(&mut self, bump: &Bump<'_>) -> bool {
        let until = match (self.get(bump.name), bump.absent) {
            (Some(kept), _) => kept.until,
            (None, Absent::IsCreated) => Tick::FAR,
            (None, Absent::Stays) => return false,
        };
        let bytes = bump.generation.to_string().into_bytes();
        self.insert(bump.name.to_owned(), StoredBytes { bytes, until });
        true
    }
}
