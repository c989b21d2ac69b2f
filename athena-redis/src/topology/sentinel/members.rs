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
    /// Who answers now at each address.
    present: BTreeMap<Endpoint, String>,
}

impl Members {
    pub(super) fn new(seeds: impl IntoIterator<Item = Endpoint>) -> Self {
        let seeds = seeds.into_iter().collect();
        Self { seeds, told: BTreeMap::new(), present: BTreeMap::new() }
    }

    /// Notes who answered a question to an address, if anybody did that told.
    pub(super) fn note_present(&mut self, sentinel: &Endpoint, id: Option<&str>) {
        match id {
            Some(id) => self.present.insert(sentinel.clone(), id.to_owned()),
            None => self.present.remove(sentinel),
        };
    }

    /// The id of the sentinel at an address, by what the others say.
    pub(super) fn id_at(&self, sentinel: &Endpoint) -> Option<&str> {
        let mut peers = self.told.values().flat_map(|(_, lists)| &lists.peers);
        let peer = peers.find(|peer| peer.endpoint == *sentinel && !peer.id.is_empty());
        peer.map(|peer| peer.id.as_str())
    }

    pub(super) fn note(&mut self, sentinel: &Endpoint, lists: Lists, now: Instant) {
        self.told.insert(sentinel.clone(), (now, lists));
    }

    /// The seeds, and the sentinels that they, and those in turn, tell of, each under one address.
    ///
    /// A seed that was given by name is listed by its address as well: its id tells that it is one. One
    /// that answers no more may have moved to where the others list it now.
    pub(super) fn sentinels(&self) -> BTreeSet<Endpoint> {
        let ids = self.seeds.iter().filter_map(|seed| self.present.get(seed));
        let seeds: BTreeSet<&str> = ids.map(String::as_str).collect();
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
        self.present.retain(|sentinel, _| known.contains(sentinel));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::sentinel::replies::Peer;

    fn at(host: &str) -> Endpoint {
        Endpoint { host: host.into(), port: 26379 }
    }

    fn lists(peers: &[(&str, &str)]) -> Lists {
        let peers = peers.iter().map(|(host, id)| Peer { endpoint: at(host), id: (*id).into() });
        Lists { replicas: Vec::new(), peers: peers.collect() }
    }

    fn note(members: &mut Members, sentinel: &str, id: &str, lists: Lists) {
        members.note_present(&at(sentinel), Some(id));
        members.note(&at(sentinel), lists, Instant::now());
    }

    fn hosts(members: &Members) -> Vec<String> {
        members.sentinels().into_iter().map(|endpoint| endpoint.host).collect()
    }

    #[test]
    fn sentinels_that_others_tell_of_join_the_seeds() {
        let mut members = Members::new([at("s1")]);
        assert_eq!(hosts(&members), ["s1"]);
        note(&mut members, "s1", "1", lists(&[("10.0.0.2", "2"), ("10.0.0.3", "3")]));
        assert_eq!(hosts(&members), ["10.0.0.2", "10.0.0.3", "s1"]);
    }

    #[test]
    fn a_seed_that_is_listed_by_another_address_counts_once() {
        let mut members = Members::new([at("s1"), at("s2")]);
        note(&mut members, "s1", "1", lists(&[("10.0.0.2", "2"), ("10.0.0.3", "3")]));
        note(&mut members, "s2", "2", lists(&[("10.0.0.1", "1"), ("10.0.0.3", "3")]));
        assert_eq!(hosts(&members), ["10.0.0.3", "s1", "s2"]);
    }

    #[test]
    fn a_seed_that_answers_no_more_is_looked_for_where_others_list_it() {
        let mut members = Members::new([at("s1"), at("s2")]);
        note(&mut members, "s1", "1", lists(&[("10.0.0.2", "2")]));
        note(&mut members, "s2", "2", lists(&[("10.0.0.1", "1")]));
        assert_eq!(hosts(&members), ["s1", "s2"]);
        members.note_present(&at("s1"), None);
        assert_eq!(hosts(&members), ["10.0.0.1", "s1", "s2"]);
        // Its name leads to another one now.
        members.note_present(&at("s1"), Some("2"));
        assert_eq!(hosts(&members), ["10.0.0.1", "s1", "s2"]);
        members.note_present(&at("s1"), Some("1"));
        assert_eq!(hosts(&members), ["s1", "s2"]);
    }

    #[test]
    fn who_does_not_tell_its_id_is_known_by_where_the_others_list_it() {
        let mut members = Members::new([at("10.0.0.1"), at("s2")]);
        note(&mut members, "s2", "2", lists(&[("10.0.0.1", "1"), ("10.0.0.3", "")]));
        assert_eq!(members.id_at(&at("10.0.0.1")), Some("1"));
        assert_eq!(members.id_at(&at("10.0.0.3")), None);
        assert_eq!(members.id_at(&at("s2")), None);
    }

    #[test]
    fn who_is_told_of_no_more_is_dropped_unless_it_is_a_seed() {
        let mut members = Members::new([at("s1"), at("s2")]);
        note(&mut members, "s1", "1", lists(&[("s3", "3")]));
        note(&mut members, "s3", "3", lists(&[("s1", "1")]));
        assert_eq!(hosts(&members), ["s1", "s2", "s3"]);
        note(&mut members, "s1", "1", lists(&[]));
        members.forget_strangers();
        assert_eq!(hosts(&members), ["s1", "s2"]);
        assert_eq!(members.told.len(), 1);
    }

    #[test]
    fn two_that_all_others_have_forgotten_do_not_keep_each_other() {
        let mut members = Members::new([at("s1")]);
        note(&mut members, "s1", "1", lists(&[("g1", "2"), ("g2", "3")]));
        note(&mut members, "g1", "2", lists(&[("s1", "1"), ("g2", "3")]));
        let mut of_g2 = lists(&[("s1", "1"), ("g1", "2")]);
        of_g2.replicas.push(at("stranger"));
        note(&mut members, "g2", "3", of_g2);
        assert_eq!(hosts(&members), ["g1", "g2", "s1"]);
        assert_eq!(members.replicas().len(), 1);
        note(&mut members, "s1", "1", lists(&[("n1", "4"), ("n2", "5")]));
        members.forget_strangers();
        assert_eq!(hosts(&members), ["n1", "n2", "s1"]);
        assert!(members.replicas().is_empty());
    }

    #[test]
    fn what_a_sentinel_told_before_it_went_away_counts_until_others_have_told_more() {
        let now = Instant::now();
        let mut members = Members::new([at("s1"), at("s2")]);
        members.note(&at("s1"), lists(&[("old", "3")]), now);
        assert_eq!(hosts(&members), ["old", "s1", "s2"]);
        members.note(&at("s2"), lists(&[]), now + OUTDATED);
        assert_eq!(hosts(&members), ["old", "s1", "s2"]);
        members.note(&at("s2"), lists(&[]), now + 2 * OUTDATED);
        assert_eq!(hosts(&members), ["s1", "s2"]);
    }
}
