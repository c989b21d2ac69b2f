//! Whom a round of questions goes to.
//!
//! Invariant: how many are asked does not grow with the cluster.

use std::collections::HashSet;

use super::{ClusterMachine, Owner};
use crate::link::Doubt;
use crate::url::Endpoint;

/// How many nodes are asked that nothing is known against.
pub(super) const FEW: usize = 3;
/// How many of the seeds are asked as well where that is one alone.
const SOME: usize = 2;
/// How many are asked at most of those that there is a reason to ask, for each reason.
pub(super) const MANY: usize = 8;
/// The same where none of the primaries can be expected to answer, and of replicas of all that may be gone.
pub(super) const MOST: usize = 16;

impl ClusterMachine {
    /// Whom a full round goes to: some of those that serve, and whomever there is a reason to ask; others,
    /// and the seeds, where none of those can be expected to answer; some of the seeds, where few serve.
    pub(super) fn company(&mut self, owners: &[Owner<'_>]) -> HashSet<Endpoint> {
        let Some(layout) = self.layout.clone() else { return self.seeds() };
        let sound: Vec<_> = owners.iter().filter(|owner| owner.doubt.is_none()).collect();
        let refusing = owners.iter().filter(|owner| owner.doubt == Some(Doubt::NotServing));
        let refusing = refusing.map(|owner| owner.endpoint.clone()).collect();
        let disputed = self.census.disputed().cloned().collect();
        let met = std::mem::take(&mut self.met).into_iter().collect();
        let few = sound.iter().map(|owner| owner.endpoint.clone()).collect();
        let mut all = self.some(few, FEW);
        let contested = self.contested();
        for reason in [refusing, disputed, met, contested] {
            all.extend(self.some(reason, MANY));
        }
        // Whoever has all slots is not to be the only one who says so.
        if owners.len() < SOME || self.first_map.is_doubtful {
            let others = self.seeds.iter().filter(|seed| !all.contains(*seed));
            let others = others.cloned().collect();
            all.extend(self.some(others, SOME));
        }
        self.first_map.rounds = self.first_map.rounds.saturating_sub(1);
        if sound.is_empty() || self.contact.is_cut_off() {
            let everybody = layout.endpoints().cloned().collect();
            all.extend(self.some(everybody, MOST));
            all.extend(self.some(self.seeds.clone(), MOST));
        }
        all
    }

    /// Who has to be asked whether it lost its slots; in a few rounds.
    fn contested(&mut self) -> Vec<Endpoint> {
        let (losers, rounds) = &mut self.contested;
        *rounds = rounds.saturating_sub(1);
        let losers = losers.iter().cloned().collect();
        if *rounds == 0 {
            self.contested.0.clear();
        }
        losers
    }

    /// Some of the seeds, and in each round of a first search twice as many.
    fn seeds(&self) -> HashSet<Endpoint> {
        let count = FEW.saturating_mul(1 << self.rounds.saturating_sub(1).min(16));
        self.seeds
            .iter()
            .cycle()
            .skip(self.first_seed)
            .take(count.min(self.seeds.len()))
            .cloned()
            .collect()
    }

    /// So many of these nodes, by chance.
    fn some(&mut self, nodes: Vec<Endpoint>, most: usize) -> HashSet<Endpoint> {
        if nodes.len() <= most {
            return nodes.into_iter().collect();
        }
        let mut nodes = nodes;
        self.random.shuffle(&mut nodes);
        nodes.truncate(most);
        nodes.into_iter().collect()
    }

    /// The replicas of primaries that may be gone; where those are many, some of them in each round.
    pub(super) fn replicas_in_question(&mut self) -> HashSet<Endpoint> {
        let Some(layout) = self.layout.clone() else { return HashSet::new() };
        let gone = self.doubts.iter().filter(|(_, it)| it.doubt != Doubt::NotServing);
        let gone = self.some(gone.map(|(primary, _)| primary.clone()).collect(), MANY);
        let mut all = Vec::new();
        for primary in gone {
            let replicas = layout.replicas_of(&primary).cloned().collect();
            all.extend(self.some(replicas, MANY));
        }
        self.some(all, MOST)
    }
}
