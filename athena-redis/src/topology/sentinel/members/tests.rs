use super::*;
use crate::topology::sentinel::replies::Peer;

fn at(host: &str) -> Endpoint {
    Endpoint { host: host.into(), port: 26379 }
}

fn lists(peers: &[(&str, &str)]) -> Lists {
    let peers = peers.iter().map(|(host, id)| Peer { endpoint: at(host), id: (*id).into() });
    Lists { peers: Some(peers.collect()), ..Lists::default() }
}

fn note(members: &mut Members, sentinel: &str, id: &str, lists: Lists) {
    members.note_present(&at(sentinel), Some(id));
    members.note(&at(sentinel), lists, Instant::now());
}

fn hosts(members: &Members) -> Vec<String> {
    members.sentinels(later()).into_iter().map(|endpoint| endpoint.host).collect()
}

/// When lists are not waited for any more.
fn later() -> Instant {
    Instant::now() + AWAITED
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
    members.forget_strangers(later());
    assert_eq!(hosts(&members), ["s1", "s2"]);
    assert_eq!(members.told.len(), 1);
}

#[test]
fn two_that_all_others_have_forgotten_do_not_keep_each_other() {
    let mut members = Members::new([at("s1")]);
    note(&mut members, "s1", "1", lists(&[("g1", "2"), ("g2", "3")]));
    note(&mut members, "g1", "2", lists(&[("s1", "1"), ("g2", "3")]));
    let mut of_g2 = lists(&[("s1", "1"), ("g1", "2")]);
    of_g2.replicas = Some(vec![at("stranger")]);
    note(&mut members, "g2", "3", of_g2);
    assert_eq!(hosts(&members), ["g1", "g2", "s1"]);
    assert_eq!(members.replicas(later()).len(), 1);
    note(&mut members, "s1", "1", lists(&[("n1", "4"), ("n2", "5")]));
    members.forget_strangers(later());
    assert_eq!(hosts(&members), ["n1", "n2", "s1"]);
    assert!(members.replicas(later()).is_empty());
}

#[test]
fn what_a_sentinel_told_before_it_went_away_counts_until_others_have_told_more() {
    let now = Instant::now();
    let mut members = Members::new([at("s1"), at("s2")]);
    members.note(&at("s1"), lists(&[("old", "3")]), now);
    assert_eq!(hosts(&members), ["old", "s1", "s2"]);
    // One that may not tell whom it lists.
    members.note(&at("s2"), Lists::default(), now + OUTDATED);
    assert_eq!(hosts(&members), ["old", "s1", "s2"]);
    members.note(&at("s2"), Lists::default(), now + 2 * OUTDATED);
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
    members.forget_strangers(later());
    assert_eq!(hosts(&members), ["s1", "s2", "s3"]);
    note(&mut members, "s2", "2", lists(&[("s1", "1"), ("s3", "liar"), ("s4", "4")]));
    assert_eq!(hosts(&members), ["s1", "s2", "s3"]);
    note(&mut members, "s1", "1", lists(&[("s2", "2"), ("s3", "liar"), ("s4", "4")]));
    assert_eq!(hosts(&members), ["s1", "s2", "s3", "s4"]);
    stack(&mut members, "s3");
    members.forget_strangers(later());
    assert_eq!(hosts(&members), ["s1", "s2", "s3", "s4"]);
}

#[test]
fn those_that_list_nobody_outvote_one_that_brings_in_others() {
    let mut members = Members::new([at("s1"), at("s2"), at("s3")]);
    stack(&mut members, "s3");
    for (told, expected) in [("s1", 3), ("s2", 3)] {
        note(&mut members, told, told, lists(&[]));
        members.forget_strangers(later());
        assert_eq!(hosts(&members).len(), expected, "{told}");
    }
}

/// Whom a sentinel lists, if it may tell.
type Said = Option<&'static [&'static str]>;

#[test]
fn replicas_are_those_that_most_sentinels_list() {
    let mut members = Members::new([at("s1"), at("s2"), at("s3")]);
    let list = |members: &mut Members, sentinel: &str, replicas: Said| {
        let replicas = replicas.map(|replicas| replicas.iter().map(|host| at(host)).collect());
        let lists = Lists { replicas, ..lists(&[("s1", "s1"), ("s2", "s2"), ("s3", "s3")]) };
        note(members, sentinel, sentinel, lists);
    };
    let (ab, none): (Said, Said) = (Some(&["a", "b"]), Some(&[]));
    for (name, said, expected) in [
        ("one may tell", [ab, None, None], &["a", "b"][..]),
        ("the others list none", [ab, none, none], &[]),
        ("one of two lists none", [ab, none, None], &[]),
        ("one lists another", [ab, ab, Some(&["a", "b", "x"])], &["a", "b"]),
        ("one lists others", [ab, ab, Some(&["x", "y"])], &["a", "b"]),
        ("one was reset", [ab, ab, none], &["a", "b"]),
        ("two say different things", [ab, none, Some(&["a", "x"])], &["a"]),
        (
            "two know a new one",
            [ab, Some(&["a", "b", "c"]), Some(&["a", "b", "c"])],
            &["a", "b", "c"],
        ),
    ] {
        for (sentinel, replicas) in ["s1", "s2", "s3"].iter().zip(said) {
            list(&mut members, sentinel, replicas);
        }
        let found: Vec<_> = members.replicas(later()).into_keys().map(|it| it.host).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn no_more_are_taken_than_there_may_be() {
    let peers: Vec<_> = (0..500).map(|it| (format!("p{it}"), format!("id {it}"))).collect();
    let peers: Vec<_> = peers.iter().map(|(host, id)| (&**host, &**id)).collect();
    let mut of_s1 = lists(&peers);
    of_s1.replicas = Some((0..500).map(|it| at(&format!("r{it}"))).collect());
    let mut members = Members::new([at("s1")]);
    note(&mut members, "s1", "1", of_s1);
    assert_eq!(members.sentinels(later()).len(), MOST);
    assert_eq!(members.replicas(later()).len(), MOST);
    let seeds: Vec<_> = (0..2 * MOST).map(|it| at(&format!("s{it}"))).collect();
    let mut members = Members::new(seeds.clone());
    note(&mut members, "s1", "1", lists(&peers));
    assert_eq!(members.sentinels(later()), seeds.into_iter().collect());
}
