//! Which sentinels and which data nodes to be in touch with.
//!
//! Invariant: a seed is never dropped, and nobody is known but through a chain of sentinels that begins
//! with one. Sentinels that all others have forgotten do not keep each other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::replies::Lists;
use crate::url::Endpoint;

/// Lists that are so much older than the newest ones count no more: their sentinel has been away since.
const OUTDATED: Duration = Duration::from_secs(60);

/// What sentinels told of each other and of the replicas.
#[derive(Debug)]
pub(super) struct Members {
    seeds: BTreeSet<Endpoint>,
    /// The latest lists of each sentinel, and since when; kept while it is away, for the time when all
    /// are.
    told: BTreeMap<Endpoint, (Instant, Lists)>,
}

impl Members {
    pub(super) fn new(seeds: impl IntoIterator<Item = Endpoint>) -> Self {
        Self { seeds: seeds.into_iter().collect(), told: BTreeMap::new() }
    }

    pub(super) fn note(&mut self, sentinel: &Endpoint, lists: Lists, now: Instant) {
        self.told.insert(sentinel.clone(), (now, lists));
    }

    /// The seeds, and the sentinels that they, and those in turn, tell of, each under one address.
    ///
    /// A seed that was given by name is listed by its address as well: its id tells that it is one.
    pub(super) fn sentinels(&self) -> BTreeSet<Endpoint> {
        let ids = self.seeds.iter().filter_map(|seed| self.told.get(seed)?.1.id.as_deref());
        let seeds: BTreeSet<&str> = ids.collect();
        let mut known = self.seeds.clone();
        let mut unread: Vec<_> = known.iter().cloned().collect();
        while let Some(sentinel) = unread.pop() {
            let peers = self.lists_of(&sentinel).into_iter().flat_map(|lists| &lists.peers);
            for peer in peers.filter(|peer| !seeds.contains(peer.id.as_str())) {
                if known.insert(peer.endpoint.clone()) {
                    unread.push(peer.endpoint.clone());
                }
            }
        }
        known
    }

    /// The replicas that any of the sentinels tells of.
    pub(super) fn replicas(&self) -> BTreeSet<Endpoint> {
        let sentinels = self.sentinels();
        let lists = sentinels.iter().filter_map(|sentinel| self.lists_of(sentinel));
        lists.flat_map(|lists| &lists.replicas).cloned().collect()
    }

    /// What a sentinel told last, unless others have told something much later.
    fn lists_of(&self, sentinel: &Endpoint) -> Option<&Lists> {
        let (at, lists) = self.told.get(sentinel)?;
        let newest = self.told.values().map(|(at, _)| at).max()?;
        (newest.saturating_duration_since(*at) <= OUTDATED).then_some(lists)
    }

    /// Forgets what sentinels told that are no longer on the list.
    pub(super) fn forget_strangers(&mut self) {
        let known = self.sentinels();
        self.told.retain(|sentinel, _| known.contains(sentinel));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::sentinel::replies::Peer;

    fn at(host: &str) -> Endpoint {
        Endpoint { host: host.into(), port: 26379 }
    }

    fn lists(id: &str, peers: &[(&str, &str)]) -> Lists {
        let peers = peers.iter().map(|(host, id)| Peer { endpoint: at(host), id: (*id).into() });
        Lists { id: Some(id.into()), replicas: Vec::new(), peers: peers.collect() }
    }

    fn note(members: &mut Members, sentinel: &str, lists: Lists) {
        members.note(&at(sentinel), lists, Instant::now());
    }

    fn hosts(members: &Members) -> Vec<String> {
        members.sentinels().into_iter().map(|endpoint| endpoint.host).collect()
    }

    #[test]
    fn sentinels_that_others_tell_of_join_the_seeds() {
        let mut members = Members::new([at("s1")]);
        assert_eq!(hosts(&members), ["s1"]);
        note(&mut members, "s1", lists("1", &[("10.0.0.2", "2"), ("10.0.0.3", "3")]));
        assert_eq!(hosts(&members), ["10.0.0.2", "10.0.0.3", "s1"]);
    }

    #[test]
    fn a_seed_that_is_listed_by_another_address_counts_once() {
        let mut members = Members::new([at("s1"), at("s2")]);
        note(&mut members, "s1", lists("1", &[("10.0.0.2", "2"), ("10.0.0.3", "3")]));
        note(&mut members, "s2", lists("2", &[("10.0.0.1", "1"), ("10.0.0.3", "3")]));
        assert_eq!(hosts(&members), ["10.0.0.3", "s1", "s2"]);
    }

    #[test]
    fn who_is_told_of_no_more_is_dropped_unless_it_is_a_seed() {
        let mut members = Members::new([at("s1"), at("s2")]);
        note(&mut members, "s1", lists("1", &[("s3", "3")]));
        note(&mut members, "s3", lists("3", &[("s1", "1")]));
        assert_eq!(hosts(&members), ["s1", "s2", "s3"]);
        note(&mut members, "s1", lists("1", &[]));
        members.forget_strangers();
        assert_eq!(hosts(&members), ["s1", "s2"]);
        assert_eq!(members.told.len(), 1);
    }

    #[test]
    fn two_that_all_others_have_forgotten_do_not_keep_each_other() {
        let mut members = Members::new([at("s1")]);
        note(&mut members, "s1", lists("1", &[("g1", "2"), ("g2", "3")]));
        note(&mut members, "g1", lists("2", &[("s1", "1"), ("g2", "3")]));
        let mut of_g2 = lists("3", &[("s1", "1"), ("g1", "2")]);
        of_g2.replicas.push(at("stranger"));
        note(&mut members, "g2", of_g2);
        assert_eq!(hosts(&members), ["g1", "g2", "s1"]);
        assert_eq!(members.replicas().len(), 1);
        note(&mut members, "s1", lists("1", &[("n1", "4"), ("n2", "5")]));
        members.forget_strangers();
        assert_eq!(hosts(&members), ["n1", "n2", "s1"]);
        assert!(members.replicas().is_empty());
    }

    #[test]
    fn what_a_sentinel_told_before_it_went_away_counts_until_others_have_told_more() {
        let now = Instant::now();
        let mut members = Members::new([at("s1"), at("s2")]);
        members.note(&at("s1"), lists("1", &[("old", "3")]), now);
        assert_eq!(hosts(&members), ["old", "s1", "s2"]);
        members.note(&at("s2"), lists("2", &[]), now + OUTDATED);
        assert_eq!(hosts(&members), ["old", "s1", "s2"]);
        members.note(&at("s2"), lists("2", &[]), now + 2 * OUTDATED);
        assert_eq!(hosts(&members), ["s1", "s2"]);
    }
}
