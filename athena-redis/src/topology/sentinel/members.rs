//! Which sentinels and which data nodes to be in touch with.
//!
//! Invariant: a seed is never dropped, and nobody is known but through a chain of sentinels that begins
//! with one. Sentinels that all others have forgotten do not keep each other, and whom fewer than most of
//! them list is no member: one alone could bring in a majority of its own, or have a password told to anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::replies::{Lists, MOST};
use crate::url::Endpoint;

/// Lists that are so much older than the newest ones count no more: their sentinel has been away since.
const OUTDATED: Duration = Duration::from_secs(60);

/// What sentinels told of each other and of the replicas.
#[derive(Debug)]
pub(super) struct Members {
    seeds: BTreeSet<Endpoint>,
    /// The latest lists of each sentinel; kept while it is away, for the time when all are.
    told: BTreeMap<Endpoint, ToldLists>,
    /// Who answers now at each address.
    present: BTreeMap<Endpoint, String>,
}

/// What a sentinel told, since when, and who it was.
#[derive(Debug)]
struct ToldLists {
    at: Instant,
    id: Option<String>,
    lists: Lists,
}

/// Who lists somebody: a sentinel by its id, or by its address where that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Teller<'a> {
    Known(&'a str),
    At(&'a Endpoint),
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
        let mut peers = self.told.values().flat_map(|told| &told.lists.peers);
        let peer = peers.find(|peer| peer.endpoint == *sentinel && !peer.id.is_empty());
        peer.map(|peer| peer.id.as_str())
    }

    pub(super) fn note(&mut self, sentinel: &Endpoint, lists: Lists, now: Instant) {
        let id = self.present.get(sentinel).cloned();
        self.told.insert(sentinel.clone(), ToldLists { at: now, id, lists });
    }

    /// The seeds, and the sentinels that most of them, and of those in turn, tell of, each under one address.
    ///
    /// A seed that was given by name is listed by its address as well: its id tells that it is one. One
    /// that answers no more may have moved to where the others list it now.
    pub(super) fn sentinels(&self) -> BTreeSet<Endpoint> {
        let ids = self.seeds.iter().filter_map(|seed| self.present.get(seed));
        let seeds: BTreeSet<&str> = ids.map(String::as_str).collect();
        let mut known = self.seeds.clone();
        loop {
            let before = known.len();
            let peers = self.told_by_most(&known, |lists| {
                lists.peers.iter().map(|peer| (&peer.endpoint, Some(peer.id.as_str())))
            });
            let others =
                peers.into_iter().filter(|(_, id)| id.is_none_or(|id| !seeds.contains(id)));
            let room = MOST.saturating_sub(before);
            let others: Vec<_> = others
                .map(|(it, _)| it.clone())
                .filter(|it| !known.contains(it))
                .take(room)
                .collect();
            known.extend(others);
            if known.len() == before {
                return known;
            }
        }
    }

    /// The replicas that most of the sentinels tell of.
    pub(super) fn replicas(&self) -> BTreeSet<Endpoint> {
        let sentinels = self.sentinels();
        let replicas =
            self.told_by_most(&sentinels, |lists| lists.replicas.iter().map(|it| (it, None)));
        replicas.into_keys().take(MOST).cloned().collect()
    }

    /// Those whom more than half of these sentinels list, of those that list anybody and of the others than
    /// itself; with an id that one tells.
    fn told_by_most<'a, I: Iterator<Item = (&'a Endpoint, Option<&'a str>)>>(
        &'a self,
        sentinels: &'a BTreeSet<Endpoint>,
        list: impl Fn(&'a Lists) -> I,
    ) -> BTreeMap<&'a Endpoint, Option<&'a str>> {
        let mut tellers = BTreeSet::new();
        let mut by: BTreeMap<_, BTreeSet<Teller<'_>>> = BTreeMap::new();
        let mut ids = BTreeMap::new();
        for (sentinel, told) in sentinels.iter().filter_map(|it| Some((it, self.told_by(it)?))) {
            let teller = told.id.as_deref().map_or(Teller::At(sentinel), Teller::Known);
            for (endpoint, id) in list(&told.lists) {
                tellers.insert(teller);
                by.entry(endpoint).or_default().insert(teller);
                let known: &mut Option<&str> = ids.entry(endpoint).or_default();
                *known = known.or(id.filter(|id| !id.is_empty()));
            }
        }
        ids.retain(|endpoint, id| {
            let itself = |teller: &&Teller<'_>| match teller {
                Teller::Known(known) => *id == Some(*known),
                Teller::At(at) => at == endpoint,
            };
            let others = tellers.iter().filter(|it| !itself(it)).count();
            by.get(*endpoint).is_some_and(|by| 2 * by.len() > others)
        });
        ids
    }

    /// What a sentinel told last, unless others have told something much later.
    fn told_by(&self, sentinel: &Endpoint) -> Option<&ToldLists> {
        let told = self.told.get(sentinel)?;
        let newest = self.told.values().map(|told| told.at).max()?;
        (newest.saturating_duration_since(told.at) <= OUTDATED).then_some(told)
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
        Lists { peers: peers.collect(), ..Lists::default() }
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

    /// One that is alone in listing sixty others, each of whom lists all the rest.
    fn stack(members: &mut Members, liar: &str) {
        let friends: Vec<_> = (0..60).map(|it| (format!("f{it}"), format!("of {it}"))).collect();
        let all: Vec<_> = friends.iter().map(|(host, id)| (&**host, &**id)).collect();
        note(members, liar, "liar", lists(&all));
        for (host, id) in &friends {
            note(members, host, id, lists(&all));
        }
    }

    #[test]
    fn one_that_brings_in_many_others_is_outvoted_by_those_that_do_not_know_them() {
        let mut members = Members::new([at("s1"), at("s2"), at("s3")]);
        stack(&mut members, "s3");
        // Nobody else has told anything yet.
        assert_eq!(hosts(&members).len(), 63);
        note(&mut members, "s1", "1", lists(&[("s2", "2"), ("s3", "liar")]));
        members.forget_strangers();
        assert_eq!(hosts(&members), ["s1", "s2", "s3"]);
        note(&mut members, "s2", "2", lists(&[("s1", "1"), ("s3", "liar"), ("s4", "4")]));
        assert_eq!(hosts(&members), ["s1", "s2", "s3"]);
        note(&mut members, "s1", "1", lists(&[("s2", "2"), ("s3", "liar"), ("s4", "4")]));
        assert_eq!(hosts(&members), ["s1", "s2", "s3", "s4"]);
        stack(&mut members, "s3");
        members.forget_strangers();
        assert_eq!(hosts(&members), ["s1", "s2", "s3", "s4"]);
    }

    #[test]
    fn replicas_are_those_that_most_sentinels_list() {
        let mut members = Members::new([at("s1"), at("s2"), at("s3")]);
        let list = |members: &mut Members, sentinel: &str, replicas: &[&str]| {
            let replicas = replicas.iter().map(|host| at(host)).collect();
            let lists = Lists { replicas, ..lists(&[("s1", "s1"), ("s2", "s2"), ("s3", "s3")]) };
            note(members, sentinel, sentinel, lists);
        };
        for (name, said, expected) in [
            ("one has told", [&["a", "b"][..], &[], &[]], &["a", "b"][..]),
            ("one lists another", [&["a", "b"], &["a", "b"], &["a", "b", "x"]], &["a", "b"]),
            ("one lists others", [&["a", "b"], &["a", "b"], &["x", "y"]], &["a", "b"]),
            ("one was reset", [&["a", "b"], &["a", "b"], &[]], &["a", "b"]),
            ("two say different things", [&["a", "b"], &[], &["a", "x"]], &["a"]),
            (
                "two know a new one",
                [&["a", "b"], &["a", "b", "c"], &["a", "b", "c"]],
                &["a", "b", "c"],
            ),
        ] {
            for (sentinel, replicas) in ["s1", "s2", "s3"].iter().zip(said) {
                list(&mut members, sentinel, replicas);
            }
            let found: Vec<_> = members.replicas().into_iter().map(|it| it.host).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn no_more_are_taken_than_there_may_be() {
        let peers: Vec<_> = (0..500).map(|it| (format!("p{it}"), format!("id {it}"))).collect();
        let peers: Vec<_> = peers.iter().map(|(host, id)| (&**host, &**id)).collect();
        let mut of_s1 = lists(&peers);
        of_s1.replicas = (0..500).map(|it| at(&format!("r{it}"))).collect();
        let mut members = Members::new([at("s1")]);
        note(&mut members, "s1", "1", of_s1);
        assert_eq!(members.sentinels().len(), MOST);
        assert_eq!(members.replicas().len(), MOST);
        let seeds: Vec<_> = (0..2 * MOST).map(|it| at(&format!("s{it}"))).collect();
        let mut members = Members::new(seeds.clone());
        note(&mut members, "s1", "1", lists(&peers));
        assert_eq!(members.sentinels(), seeds.into_iter().collect());
    }
}
