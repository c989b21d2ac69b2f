use super::*;
use crate::config::Addresses;
use crate::topology::cluster::nodes::{Preferred, Reading};

fn at(port: u16) -> Endpoint {
    Endpoint { host: "h".into(), port }
}

/// What the node at `port` says.
fn view(port: u16, lines: &[&str]) -> ClusterView {
    let own = format!("h:{port}@1 ");
    let lines: Vec<_> =
        lines.iter().map(|line| line.replace(&own, &format!("{own}myself,"))).collect();
    let (asked, addresses) = (at(port), Addresses::default());
    let reading = Reading { asked: &asked, preferred: Preferred::Ip, addresses: &addresses };
    ClusterView::parse(&lines.join("\n"), reading).unwrap()
}

/// Nobody has spoken; the seeds are the nodes at ports 1 and 2.
fn census() -> Census {
    Census::new([1, 2].map(at))
}

fn note(census: &mut Census, port: u16, lines: &[&str], round: u32) -> bool {
    census.note(&at(port), view(port, lines), round)
}

fn epochs(census: &Census) -> Vec<(&str, u64, bool)> {
    let all = census.all();
    all.map(|it| (&*it.member.id, it.member.epoch, it.member.is_primary())).collect()
}

const A: &str = "a h:1@1 master - 0 0 1 connected 0-9";
const B: &str = "b h:2@1 master - 0 0 2 connected 10-19";
const HEIR: &str = "c h:3@1 slave a 0 0 1 connected";
const HEIR_PROMOTED: &str = "c h:3@1 master - 0 0 3 connected 0-9";

#[test]
fn a_promotion_that_others_have_not_heard_of_stands_and_its_node_is_asked() {
    let mut census = census();
    assert!(note(&mut census, 2, &[A, B, HEIR], 1));
    assert!(note(&mut census, 3, &[A, B, HEIR_PROMOTED], 2));
    for round in 3..5 {
        note(&mut census, 2, &[A, B, HEIR], round);
        assert_eq!(epochs(&census), [("a", 1, true), ("b", 2, true), ("c", 3, true)]);
        assert_eq!(census.disputed().collect::<Vec<_>>(), [&at(3)]);
        census.close(round);
    }
    assert!(!note(&mut census, 3, &[A, B, HEIR_PROMOTED], 5));
    assert_eq!(census.disputed().count(), 0);
}

#[test]
fn who_says_itself_that_it_is_less_than_it_was_is_believed() {
    let demoted = "c h:3@1 slave b 0 0 2 connected";
    let mut census = census();
    note(&mut census, 3, &[A, B, HEIR_PROMOTED], 1);
    // An answer of the same round may be older than the word of others.
    note(&mut census, 3, &[A, B, demoted], 1);
    assert_eq!(epochs(&census)[2], ("c", 3, true));
    assert!(note(&mut census, 3, &[A, B, demoted], 2));
    assert_eq!(epochs(&census)[2], ("c", 2, false));
}

#[test]
fn where_nobody_upholds_a_word_for_long_it_gives_way() {
    let demoted = "c h:3@1 slave,fail b 0 0 2 connected";
    let mut census = census();
    note(&mut census, 3, &[A, B, HEIR_PROMOTED], 1);
    census.close(1);
    for round in 2..=PATIENCE + 2 {
        assert_eq!(epochs(&census)[2], ("c", 3, true), "{round}");
        note(&mut census, 2, &[A, B, demoted], round);
        census.close(round);
    }
    assert_eq!(epochs(&census)[2], ("c", 2, false));
}

#[test]
fn a_node_that_nobody_lists_any_more_is_forgotten_by_those_who_know_their_cluster() {
    let mut census = census();
    note(&mut census, 2, &[A, B, HEIR], 1);
    assert!(!census.close(1));
    // It came back as another node, and knows nobody.
    note(&mut census, 1, &["n h:1@1 master - 0 0 0 connected"], 2);
    assert!(!census.close(2));
    note(&mut census, 2, &[A, B], 3);
    assert!(!census.close(3));
    // One that heard of it late; the one that nobody knows is forgotten.
    note(&mut census, 2, &[A, B, HEIR], 4);
    assert!(census.close(4));
    assert_eq!(epochs(&census).len(), 3);
    for round in [5, 6] {
        note(&mut census, 2, &[A, B], round);
        assert_eq!(census.close(round), round == 6);
    }
    assert_eq!(epochs(&census), [("a", 1, true), ("b", 2, true)]);
    assert!(!census.close(7));
}

#[test]
fn what_a_node_says_itself_stands_until_it_says_something_else() {
    let half = "a h:1@1 master - 0 0 9 connected 0-4";
    let whole = "a h:1@1 master - 0 0 9 connected 0-9";
    let mut census = census();
    note(&mut census, 1, &[half, B], 1);
    // It heard of the epoch, and not of the slots that have gone.
    assert!(!note(&mut census, 2, &[whole, B], 2));
    assert_eq!(census.disputed().collect::<Vec<_>>(), [&at(1)]);
    census.close(2);
    assert!(!note(&mut census, 1, &[half, B], 3));
    assert_eq!(census.disputed().count(), 0);
    assert!(note(&mut census, 1, &[whole, B], 4));
}

#[test]
fn the_last_word_of_a_node_that_has_ended_counts_no_more_than_that_of_others() {
    let failed = "a h:1@1 master,fail - 0 0 1 disconnected 0-9";
    let sound = |census: &Census| census.all().next().unwrap().member.sound;
    let mut census = census();
    note(&mut census, 1, &[A, B], 1);
    note(&mut census, 2, &[failed, B], 1);
    assert!(sound(&census));
    census.outdate(&[at(1)]);
    assert!(note(&mut census, 2, &[failed, B], 1));
    assert!(!sound(&census));
}

const D: &str = "d h:4@1 master - 0 0 4 connected 20-29";
/// All slots, with an epoch that nobody will reach.
const HOARDER: &str = "d h:4@1 master - 0 0 18446744073709551615 connected 0-29";

#[test]
fn what_several_deny_and_nobody_else_says_is_overruled_until_somebody_does() {
    let mut census = census();
    let slots = |census: &Census| census.all().last().unwrap().member.slots.clone();
    let round = |census: &mut Census, round: u32, of_d: &str| {
        note(census, 4, &[A, B, of_d], round);
        note(census, 1, &[A, B, D], round);
        note(census, 2, &[A, B, D], round);
        census.close(round);
    };
    round(&mut census, 1, D);
    for number in 2..=PATIENCE + 1 {
        round(&mut census, number, HOARDER);
        assert_eq!(slots(&census), [0..=29], "{number}");
    }
    for number in PATIENCE + 2..20 {
        round(&mut census, number, HOARDER);
        assert_eq!(slots(&census), [20..=29], "{number}");
    }
    // It gained some slots, and another one has heard of it.
    let more = "d h:4@1 master - 0 0 5 connected 15 20-29";
    note(&mut census, 4, &[A, B, more], 20);
    assert_eq!(slots(&census), [20..=29]);
    note(&mut census, 1, &[A, B, more], 20);
    assert_eq!(slots(&census), [15..=15, 20..=29]);
}

#[test]
fn one_alone_overrules_nobody() {
    let mut census = census();
    for round in 1..20 {
        note(&mut census, 1, &[A, B], round);
        note(&mut census, 2, &["a h:1@1 slave b 0 0 99 connected", B], round);
        census.close(round);
        assert_eq!(epochs(&census), [("a", 1, true), ("b", 2, true)], "{round}");
    }
}

#[test]
fn others_do_not_say_where_a_node_is_that_answers() {
    let mut census = census();
    let ports =
        |census: &Census| -> Vec<u16> { census.all().map(|it| it.member.endpoint.port).collect() };
    note(&mut census, 1, &[A, B], 1);
    note(&mut census, 2, &["a h:99@1 master - 0 0 99 connected 0-9", B], 2);
    assert_eq!(ports(&census), [1, 2]);
    census.outdate(&[at(1)]);
    note(&mut census, 2, &["a h:99@1 master - 0 0 99 connected 0-9", B], 3);
    assert_eq!(ports(&census), [99, 2]);
}

#[test]
fn one_that_several_do_not_know_is_unknown_until_they_do() {
    let other = "x h:9@1 master - 0 0 99 connected 0-29";
    let mut census = census();
    let is_unknown = |census: &Census| census.all().last().unwrap().is_unknown();
    note(&mut census, 2, &[A, B, D, other], 1);
    note(&mut census, 1, &[A, B, D], 1);
    assert!(!is_unknown(&census));
    assert!(note(&mut census, 4, &[A, B, D], 1));
    assert!(is_unknown(&census));
    note(&mut census, 9, &[A, B, D, other], 2);
    assert!(is_unknown(&census), "its own word is that of one");
    note(&mut census, 1, &[A, B, D, other], 2);
    assert!(!is_unknown(&census));
}

const LIAR: &str = "l h:9@1 master - 0 0 18446744073709551615 connected 0-29";

#[test]
fn one_that_nobody_else_lists_is_unknown_in_whatever_order_they_answer() {
    for order in [[1, 2, 9], [1, 9, 2], [9, 1, 2], [9, 2, 1], [2, 9, 1], [2, 1, 9]] {
        let mut census = census();
        let mut heard = Vec::new();
        for port in order {
            let lines: &[&str] = if port == 9 { &[LIAR] } else { &[A, B] };
            note(&mut census, port, lines, 1);
            heard.push(port);
            let is_first = heard[0] == 9 && heard.len() < 3;
            if heard.contains(&9) && !is_first {
                let unknown: Vec<_> = census.all().map(Known::is_unknown).collect();
                assert_eq!(unknown, [false, false, true], "{order:?} {heard:?}");
            }
        }
    }
}

#[test]
fn one_that_was_forgotten_is_unknown_when_it_answers_late() {
    let mut census = census();
    note(&mut census, 9, &[LIAR], 1);
    for round in 1..5 {
        note(&mut census, 1, &[A, B], round);
        note(&mut census, 2, &[A, B], round);
        census.close(round);
    }
    assert_eq!(census.len(), 2);
    note(&mut census, 9, &[LIAR, "m h:8@1 master - 0 0 99 connected 0-29"], 5);
    let unknown: Vec<_> = census.all().map(Known::is_unknown).collect();
    // Nor does it bring in anybody.
    assert_eq!(unknown, [false, false, true]);
}

#[test]
fn one_that_the_others_do_not_know_has_nobody_forgotten() {
    let mut census = census();
    for (port, lines) in [(1, &[A, B][..]), (2, &[A, B]), (9, &[LIAR])] {
        note(&mut census, port, lines, 1);
    }
    for round in 2..20 {
        note(&mut census, 9, &[LIAR], round);
        census.close(round);
    }
    assert_eq!(census.len(), 3);
}

#[test]
fn one_that_gives_itself_other_names_is_one() {
    let mut census = census();
    note(&mut census, 1, &[A, B], 1);
    for name in ["l", "k", "j"] {
        note(&mut census, 9, &[&LIAR.replacen('l', name, 1)], 1);
    }
    assert!(!census.all().any(|it| it.is_unknown() && it.member.endpoint.port < 9));
}

#[test]
fn one_that_joins_is_known_once_two_list_it() {
    let mut census = census();
    let all = [A, B, D];
    note(&mut census, 1, &[A, B], 1);
    note(&mut census, 2, &[A, B], 1);
    census.close(1);
    note(&mut census, 4, &all, 2);
    let is_unknown = |census: &Census| census.all().last().unwrap().is_unknown();
    assert!(is_unknown(&census));
    note(&mut census, 1, &all, 2);
    assert!(!is_unknown(&census));
}

/// All orders of some things.
fn orders<T: Clone>(things: &[T]) -> Vec<Vec<T>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let each = (0..things.len()).flat_map(|first| {
        let mut rest = things.to_vec();
        let first = rest.remove(first);
        orders(&rest).into_iter().map(move |rest| [vec![first.clone()], rest].concat())
    });
    each.collect()
}

#[test]
fn those_that_one_brings_in_do_not_vouch_for_each_other() {
    let brought = [D, "x h:8@1 master - 0 0 99 connected 0-29", "y h:9@1 slave x 0 0 99 connected"];
    let (honest, of_liar) = ([A, B, D], [&[A, B], &brought[..]].concat());
    let strangers = |census: &Census| -> Vec<u16> {
        let unknown = census.all().filter(|it| it.is_unknown());
        unknown.map(|it| it.member.endpoint.port).collect()
    };
    for order in orders(&[4, 8, 9, 1, 2]) {
        let mut census = census();
        for round in 1..10 {
            for port in order.iter().copied() {
                let lines = match port {
                    4 => &of_liar[..],
                    8 | 9 => &brought,
                    _ => &honest,
                };
                note(&mut census, port, lines, round);
                let asked = &order[..=order.iter().position(|it| *it == port).unwrap()];
                if round > 1 || [1, 2].iter().all(|honest| asked.contains(honest)) {
                    assert!(!strangers(&census).contains(&1), "{order:?} {round} {port}");
                    assert!(!strangers(&census).contains(&2), "{order:?} {round} {port}");
                }
            }
            let mut found = strangers(&census);
            found.sort_unstable();
            assert_eq!(found, [8, 9], "{order:?} {round}");
            census.close(round);
        }
    }
}

#[test]
fn what_one_says_of_others_that_they_do_not_know_is_not_heard() {
    let mut census = census();
    note(&mut census, 1, &[A, B, D], 1);
    note(&mut census, 2, &[A, B, D], 1);
    census.close(1);
    let of_stranger =
        [LIAR, "d h:99@1 master - 0 0 99 connected 0-29", "e h:98@1 slave l 0 0 0 connected"];
    for round in 2..10 {
        note(&mut census, 9, &of_stranger, round);
        census.close(round);
        let ports: Vec<_> = census.all().map(|it| it.member.endpoint.port).collect();
        assert_eq!(ports, [1, 2, 4, 9]);
    }
}

#[test]
fn nobody_speaks_in_the_name_of_a_node_that_is_elsewhere() {
    let mut census = census();
    note(&mut census, 1, &[A, B, D], 1);
    note(&mut census, 2, &[A, B, D], 1);
    let places = |census: &Census| -> Vec<(u16, u64)> {
        census.all().map(|it| (it.member.endpoint.port, it.member.epoch)).collect()
    };
    let known = places(&census);
    for round in 2..10 {
        assert!(!note(&mut census, 9, &["d h:9@1 master - 0 0 99 connected 0-29", A, B], round));
        assert_eq!(places(&census), known);
    }
    // The others have heard that it has moved.
    note(&mut census, 1, &[A, B, "d h:9@1 master - 0 0 4 connected 20-29"], 10);
    note(&mut census, 9, &["d h:9@1 master - 0 0 5 connected 20-29", A, B], 11);
    assert_eq!(places(&census)[2], (9, 5));
}

#[test]
fn one_node_is_one_critic_whatever_it_calls_itself() {
    let mut census = census();
    let more = "b h:2@1 master - 0 0 9 connected 5-19";
    note(&mut census, 2, &[A, more], 1);
    census.close(1);
    for round in 2..20 {
        let name = format!("n{round}");
        let own = D.replacen('d', &name, 1);
        note(&mut census, 4, &[A, B, &own], round);
        note(&mut census, 2, &[A, more], round);
        census.close(round);
        let known = census.known.get("b").unwrap();
        assert_eq!((known.member.epoch, known.overruled), (9, false), "{round}");
    }
}

#[test]
fn a_cluster_of_strangers_is_the_cluster_once_nobody_else_has_spoken_for_long() {
    let mut census = Census::new([at(1)]);
    let others = [
        "n h:1@1 master - 0 0 1 connected 0-9",
        "m h:2@1 master - 0 0 2 connected 10-19",
        "o h:3@1 slave n 0 0 1 connected",
    ];
    for port in [1, 2] {
        note(&mut census, port, &[A, B], 1);
    }
    census.close(1);
    census.outdate(&[at(1), at(2)]);
    for round in 2..DESERTED + 5 {
        for port in [1, 2, 3] {
            note(&mut census, port, &others, round);
        }
        census.close(round);
    }
    let known: Vec<_> = census.all().map(|it| (&*it.member.id, it.is_unknown())).collect();
    assert_eq!(known, [("m", false), ("n", false), ("o", false)]);
}
