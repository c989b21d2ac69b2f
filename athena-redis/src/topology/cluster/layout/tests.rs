use super::*;
use crate::config::Addresses;
use crate::topology::cluster::nodes::{ClusterView, Preferred, Reading};

/// What the node at `port` says; `myself` is put in where its port stands.
fn view(port: u16, lines: &[&str]) -> ClusterView {
    let asked = Endpoint { host: "h".into(), port };
    let own = format!("h:{port}@1 ");
    let text: Vec<_> =
        lines.iter().map(|line| line.replace(&own, &format!("{own}myself,"))).collect();
    let addresses = Addresses::default();
    let reading = Reading { asked: &asked, preferred: Preferred::Ip, addresses: &addresses };
    ClusterView::parse(&text.join("\n"), reading).unwrap()
}

/// What follows from views of one round.
fn merge<'a>(views: impl IntoIterator<Item = &'a ClusterView>) -> Layout {
    let mut census = Census::new([1, 2].map(|port| Endpoint { host: "h".into(), port }));
    for view in views {
        let asked = view.own().unwrap().endpoint.clone();
        census.note(&asked, view.clone(), 1);
    }
    Layout::of(&census)
}

fn owner(layout: &Layout, slot: usize) -> Option<u16> {
    layout.owners().nth(slot).flatten().map(|endpoint| endpoint.port)
}

const A: &str = "a h:1@1 master - 0 0 1 connected 0-9";
const A_FAILED: &str = "a h:1@1 master,fail - 0 0 1 disconnected 0-9";
const B: &str = "b h:2@1 master - 0 0 2 connected 10-19";
const HEIR: &str = "c h:3@1 slave a 0 0 1 connected";
const HEIR_PROMOTED: &str = "c h:3@1 master - 0 0 3 connected 0-9";
const OF_B: &str = "e h:5@1 slave b 0 0 2 connected";
const A_DEMOTED: &str = "a h:1@1 slave c 0 0 3 connected";

#[test]
fn each_slot_has_the_owner_with_the_highest_epoch() {
    let all = [A, B, HEIR];
    for (name, views, owner_of_5, owner_of_15) in [
        ("agreed", vec![view(1, &all), view(2, &all)], Some(1), Some(2)),
        ("one answers", vec![view(2, &all)], Some(1), Some(2)),
        (
            "the heir knows first",
            vec![view(2, &all), view(3, &[A_FAILED, B, HEIR_PROMOTED])],
            Some(3),
            Some(2),
        ),
        (
            "the former owner has not noticed",
            vec![view(1, &all), view(2, &all), view(3, &[A, B, HEIR_PROMOTED])],
            Some(3),
            Some(2),
        ),
        (
            "it has, and others have not",
            vec![view(1, &[A_DEMOTED, B, HEIR_PROMOTED]), view(2, &all)],
            Some(3),
            Some(2),
        ),
        ("dead without an heir", vec![view(2, &[A_FAILED, B])], Some(1), Some(2)),
        ("nobody's", vec![view(2, &[B])], None, Some(2)),
        ("a stranger", vec![view(4, &["d h:4@1 master - 0 0 0 connected"])], None, None),
        (
            "moved, and the new owner says so",
            vec![
                view(1, &["a h:1@1 master - 0 0 1 connected 0-4 6-9", B]),
                view(
                    2,
                    &[
                        "a h:1@1 master - 0 0 1 connected 0-4 6-9",
                        "b h:2@1 master - 0 0 4 connected 5 10-19",
                    ],
                ),
            ],
            Some(2),
            Some(2),
        ),
        (
            "moved, the former owner has a higher epoch by now, and others lag behind",
            vec![
                view(
                    1,
                    &[
                        "a h:1@1 master - 0 0 9 connected 0-4 6-9",
                        "b h:2@1 master - 0 0 4 connected 5 10-19",
                    ],
                ),
                view(3, &["a h:1@1 master - 0 0 9 connected 0-9", B, HEIR]),
            ],
            Some(2),
            Some(2),
        ),
        (
            "given away, and its new owner has not said so",
            vec![
                view(1, &[A, B]),
                view(
                    2,
                    &[
                        "b h:2@1 master - 0 0 2 connected 10-14 16-19",
                        "a h:1@1 master - 0 0 5 connected 0-9 15",
                    ],
                ),
            ],
            Some(1),
            Some(1),
        ),
        (
            "came back empty, and its replica has not taken over",
            vec![view(1, &["n h:1@1 master - 0 0 0 connected"]), view(2, &all)],
            Some(1),
            Some(2),
        ),
        (
            "came back empty, and somebody has taken one of its slots",
            vec![
                view(1, &["n h:1@1 master - 0 0 0 connected"]),
                view(2, &[A, "b h:2@1 master - 0 0 1 connected 5 10-19"]),
            ],
            Some(2),
            Some(2),
        ),
    ] {
        let layout = merge(&views);
        assert_eq!((owner(&layout, 5), owner(&layout, 15)), (owner_of_5, owner_of_15), "{name}");
        assert_eq!(layout.is_vacant(), owner_of_15.is_none(), "{name}");
        let reversed = merge(views.iter().rev());
        assert!(reversed.owners().eq(layout.owners()), "{name}");
    }
}

#[test]
fn one_whom_two_others_do_not_know_takes_no_slot_from_whom_they_know() {
    let of_one = [
        "a h:1@1 slave x 0 0 99 connected",
        "d h:4@1 master - 0 0 1 connected 20-29",
        "x h:9@1 master - 0 0 99 connected 0-39",
    ];
    let mut census = Census::new([1, 2].map(|port| Endpoint { host: "h".into(), port }));
    for (port, lines, round) in [(4, &of_one[..], 1), (1, &[A, B], 2), (2, &[A, B], 2)] {
        census.note(&Endpoint { host: "h".into(), port }, view(port, lines), round);
    }
    let layout = Layout::of(&census);
    let owners = [5, 15, 25, 35].map(|slot| owner(&layout, slot));
    assert_eq!(owners, [Some(1), Some(2), Some(9), Some(9)]);
}

#[test]
fn a_slot_that_nobody_claims_stays_with_who_served_it_while_its_word_counts() {
    let emptied = "a h:1@1 master - 0 0 1 connected";
    let half = ["a h:1@1 slave c 0 0 1 connected", B, "c h:3@1 slave a 0 0 3 connected"];
    let known = [A, B, HEIR];
    for (name, before, views, owner_of_5) in [
        ("given up for an heir", &known[..], &[(2, &half[..])][..], Some(1)),
        ("and the heir has spoken", &known, &[(2, &half), (3, &[A, B, HEIR_PROMOTED])], Some(3)),
        ("given up for nobody", &known, &[(1, &[emptied, B, HEIR])], Some(1)),
        ("of one that is gone", &known, &[(2, &[B, HEIR])], None),
        (
            "of one that came back as another",
            &known,
            &[(1, &["n h:1@1 master - 0 0 0 connected"]), (2, &[B, HEIR])],
            None,
        ),
        (
            "of one that others do not know",
            &known,
            &[
                (4, &["d h:4@1 master - 0 0 9 connected", emptied]),
                (2, &[B, OF_B]),
                (5, &[B, OF_B]),
            ],
            None,
        ),
        ("of nobody", &[B], &[(2, &[B])], None),
    ] {
        let earlier = merge(&[view(2, before)]);
        let mut census = Census::new([1, 2].map(|port| Endpoint { host: "h".into(), port }));
        for (port, lines) in views {
            census.note(&Endpoint { host: "h".into(), port: *port }, view(*port, lines), 1);
        }
        let mut layout = Layout::of(&census);
        layout.keep(&earlier, &census);
        assert_eq!((owner(&layout, 5), owner(&layout, 15)), (owner_of_5, Some(2)), "{name}");
    }
}

#[test]
fn a_slot_that_one_alone_says_is_its_own_does_not_stay_with_it_once_it_is_overruled() {
    let (hoarder, honest) = (
        "d h:4@1 master - 0 0 99 connected 0-39",
        [A, B, "d h:4@1 master - 0 0 4 connected 20-29"],
    );
    let mut census = Census::new([1, 2].map(|port| Endpoint { host: "h".into(), port }));
    let mut layout = None::<Layout>;
    let mut owners = Vec::new();
    for round in 1..10 {
        for (port, lines) in [(1, honest), (2, honest), (4, [A, B, hoarder])] {
            census.note(&Endpoint { host: "h".into(), port }, view(port, &lines), round);
        }
        census.close(round);
        let mut next = Layout::of(&census);
        if let Some(former) = &layout {
            next.keep(former, &census);
        }
        owners.push(owner(&next, 35));
        layout = Some(next);
    }
    assert_eq!((owners.first(), owners.last()), (Some(&Some(4)), Some(&None)));
}

#[test]
fn the_replicas_of_a_primary_are_known() {
    let layout = merge(&[view(2, &[A, B, HEIR])]);
    let of = |port| {
        let primary = Endpoint { host: "h".into(), port };
        layout.replicas_of(&primary).map(|it| it.port).collect::<Vec<_>>()
    };
    assert_eq!((of(1), of(2), of(3)), (vec![3], vec![], vec![]));
    assert_eq!(layout.primaries().map(|it| it.port).collect::<Vec<_>>(), [1, 2]);
    let failed = merge(&[view(2, &[A_FAILED, B, HEIR])]);
    assert_eq!(failed.primaries().map(|it| it.port).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_succession_is_a_primary_replaced_and_not_slots_that_moved() {
    let before = || merge(&[view(2, &[A, B, HEIR])]);
    let moved = ["a h:1@1 master - 0 0 1 connected 0-4", "b h:2@1 master - 0 0 4 connected 5-19"];
    let emptied = ["a h:1@1 master - 0 0 1 connected", "b h:2@1 master - 0 0 4 connected 0-19"];
    let adopted =
        ["a h:1@1 master,fail - 0 0 1 connected", "b h:2@1 master - 0 0 4 connected 0-19"];
    for (name, lines, successions) in [
        ("nothing", &[A, B, HEIR][..], vec![]),
        ("the replica took over", &[A_FAILED, B, HEIR_PROMOTED], vec![(1, 3)]),
        ("planned", &[A_DEMOTED, B, HEIR_PROMOTED], vec![(1, 3)]),
        ("before the former one knows", &[A, B, HEIR_PROMOTED], vec![(1, 3)]),
        ("some slots moved", &moved, vec![]),
        ("all slots moved", &emptied, vec![]),
        ("of a dead one", &adopted, vec![(1, 2)]),
        ("it is at another address", &["a h:9@1 master - 0 0 1 connected 0-9", B], vec![]),
        ("another node at the address", &["n h:1@1 master - 0 0 7 connected 0-9", B], vec![]),
    ] {
        let now = merge(&[view(2, lines)]);
        let found = now.successions_since(&before());
        let ports: Vec<_> = found.iter().map(|it| (it.from.port, it.to.port)).collect();
        assert_eq!(ports, successions, "{name}");
    }
}
