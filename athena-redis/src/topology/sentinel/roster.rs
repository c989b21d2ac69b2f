//! Which sentinels and which data nodes to be in touch with.
//!
//! Invariant: a seed is never dropped.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Lists;
use crate::url::Endpoint;

/// What sentinels told of each other and of the replicas.
#[derive(Debug)]
pub(super) struct Roster {
    seeds: BTreeSet<Endpoint>,
    /// The latest lists of each sentinel; kept while it is away, for the time when all are.
    told: BTreeMap<Endpoint, Lists>,
}

impl Roster {
    pub(super) fn new(seeds: impl IntoIterator<Item = Endpoint>) -> Self {
        Self { seeds: seeds.into_iter().collect(), told: BTreeMap::new() }
    }

    pub(super) fn note(&mut self, sentinel: &Endpoint, lists: Lists) {
        self.told.insert(sentinel.clone(), lists);
    }

    /// The seeds, and the sentinels that others tell of, each under one address.
    ///
    /// A seed that was given by name is listed by its address as well: its id tells that it is one.
    pub(super) fn sentinels(&self) -> BTreeSet<Endpoint> {
        let ids = self.seeds.iter().filter_map(|seed| self.told.get(seed)?.id.as_deref());
        let seeds: BTreeSet<&str> = ids.collect();
        let peers = self.told.values().flat_map(|lists| &lists.peers);
        let others = peers.filter(|peer| !seeds.contains(peer.id.as_str()));
        self.seeds.iter().chain(others.map(|peer| &peer.endpoint)).cloned().collect()
    }

    /// The replicas that any sentinel tells of.
    pub(super) fn replicas(&self) -> BTreeSet<Endpoint> {
        self.told.values().flat_map(|lists| &lists.replicas).cloned().collect()
    }

    /// Forgets what sentinels told that are no longer on the list.
    pub(super) fn forget_strangers(&mut self) {
        let known = self.sentinels();
        self.told.retain(|sentinel, _| known.contains(sentinel));
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Peer;
    use super::*;

    fn at(host: &str) -> Endpoint {
        Endpoint { host: host.into(), port: 26379 }
    }

    fn lists(id: &str, peers: &[(&str, &str)]) -> Lists {
        let peers = peers.iter().map(|(host, id)| Peer { endpoint: at(host), id: (*id).into() });
        Lists { id: Some(id.into()), replicas: Vec::new(), peers: peers.collect() }
    }

    fn hosts(roster: &Roster) -> Vec<String> {
        roster.sentinels().into_iter().map(|endpoint| endpoint.host).collect()
    }

    #[test]
    fn sentinels_that_others_tell_of_join_the_seeds() {
        let mut roster = Roster::new([at("s1")]);
        assert_eq!(hosts(&roster), ["s1"]);
        roster.note(&at("s1"), lists("1", &[("10.0.0.2", "2"), ("10.0.0.3", "3")]));
        assert_eq!(hosts(&roster), ["10.0.0.2", "10.0.0.3", "s1"]);
    }

    #[test]
    fn a_seed_that_is_listed_by_another_address_counts_once() {
        let mut roster = Roster::new([at("s1"), at("s2")]);
        roster.note(&at("s1"), lists("1", &[("10.0.0.2", "2"), ("10.0.0.3", "3")]));
        roster.note(&at("s2"), lists("2", &[("10.0.0.1", "1"), ("10.0.0.3", "3")]));
        assert_eq!(hosts(&roster), ["10.0.0.3", "s1", "s2"]);
    }

    #[test]
    fn who_is_told_of_no_more_is_dropped_unless_it_is_a_seed() {
        let mut roster = Roster::new([at("s1"), at("s2")]);
        roster.note(&at("s1"), lists("1", &[("s3", "3")]));
        roster.note(&at("s3"), lists("3", &[("s1", "1")]));
        assert_eq!(hosts(&roster), ["s1", "s2", "s3"]);
        roster.note(&at("s1"), lists("1", &[]));
        roster.forget_strangers();
        assert_eq!(hosts(&roster), ["s1", "s2"]);
        assert_eq!(roster.told.len(), 1);
    }
}
