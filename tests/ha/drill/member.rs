//! Three nodes are a cluster, and somebody has taken over one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::alone;
use super::shops::Shops;
use crate::support::cluster::{Cluster, Options};
use crate::support::liar::member::Member;
use crate::support::liar::sentinel::places;
use crate::support::wait_for;

const TIME: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(60);
/// No node dies; a machine with much to do must not look like it.
const LATE: Duration = Duration::from_secs(5);

/// What the node that was taken over says of its cluster, from what is true.
type Rumour = fn(&[String]) -> String;

/// The first line is about itself.
const RUMOURS: [(&str, Rumour); 8] = [
    ("all slots are mine", |lines| {
        let words: Vec<_> = lines[0].split(' ').take(6).collect();
        let myself = format!("{} {} connected 0-16383", words.join(" "), u64::MAX);
        [&[myself][..], &lines[1..]].concat().join("\n")
    }),
    ("the others have failed", |lines| lines.join("\n").replace(" master ", " master,fail ")),
    ("the others are at a port that nobody listens on", |lines| {
        let elsewhere = |line: &String| {
            let (id, rest) = line.split_once(' ').unwrap_or_default();
            let (_, rest) = rest.split_once(' ').unwrap_or_default();
            format!("{id} 127.0.0.1:1@1 {rest}")
        };
        let others: Vec<_> = lines[1..].iter().map(elsewhere).collect();
        [&lines[..1], &others].concat().join("\n")
    }),
    ("there is nobody else", |lines| lines[0].clone()),
    ("there are 4 000 more", |lines| {
        let more = places(4_000, 1).into_iter().enumerate();
        let more = more.map(|(number, (host, port))| {
            format!("c{number} {host}:{port}@1 master - 0 0 {number} connected")
        });
        [lines, &more.collect::<Vec<_>>()].concat().join("\n")
    }),
    ("the others follow me", |lines| {
        let id = lines[0].split(' ').next().unwrap_or_default();
        lines.join("\n").replace(" master - ", &format!(" slave {id} "))
    }),
    ("junk", |_| "\u{202e}\0 WARN forged\r\n@@@:,,,, ".repeat(2_000)),
    ("what is true", |lines| lines.join("\n")),
];

/// What it answers readings and writings with in every tenth round.
const EXCUSES: [&str; 4] =
    ["MOVED 1 127.0.0.1:1", "ASK 1 127.0.0.1:1", "MOVED 99999 nowhere:0", "TRYAGAIN later"];

/// A command that has a node answer with an error of ours.
fn excuse(round: usize) -> Vec<Vec<u8>> {
    let script = "return redis.error_reply(ARGV[1])";
    ["EVAL", script, "0", EXCUSES[round % EXCUSES.len()]]
        .map(|word| word.as_bytes().to_vec())
        .into()
}

/// The lines of what a node says of its cluster, that about itself first.
fn lines(cluster: &Cluster, node: usize) -> Vec<String> {
    let text = cluster.node(node).cli(&["CLUSTER", "NODES"]).text();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort_by_key(|line| !line.contains("myself"));
    lines
}

#[test]
fn whatever_a_node_of_a_cluster_says_that_was_taken_over_two_processes_answer_right() {
    const TAKEN: usize = 2;
    let _alone = alone();
    let options = Options { replicas_each: 0, node_timeout: LATE, ..Options::default() };
    let cluster = Cluster::start_with(options);
    let former = cluster.node(TAKEN).port();
    let liar = Member::start(former);
    let told = liar.port();
    cluster.node(TAKEN).cli(&["CONFIG", "SET", "cluster-announce-port", &told.to_string()]);
    let announced = |other: &usize| {
        lines(&cluster, *other).iter().any(|line| line.contains(&format!(":{told}@")))
    };
    wait_for("all know where it is", || (0..3).all(|it| announced(&it)).then_some(()));
    let url = cluster.url().replace(&former.to_string(), &told.to_string());
    let mut shops = Shops::open_with_newcomers(&url);
    let asked = Arc::new(AtomicUsize::new(0));
    shops.trade(TIME, PAUSE, |round| {
        let rumour = RUMOURS[round % RUMOURS.len()].1(&lines(&cluster, TAKEN));
        let asked = Arc::clone(&asked);
        liar.twist(move |words| match words[0].as_slice() {
            b"CLUSTER" if words[1] == b"NODES" => {
                asked.fetch_add(1, Ordering::SeqCst);
                Some(vec![b"ECHO".to_vec(), rumour.clone().into_bytes()])
            }
            b"MGET" | b"DEL" | b"SET" if round % 10 == 0 => Some(excuse(round / 10)),
            _ => None,
        });
    });
    for report in shops.close() {
        assert!(report.figure("joined") > 5, "{report:?}");
    }
    let asked = asked.load(Ordering::SeqCst);
    assert!(asked > 2 * RUMOURS.len(), "asked {asked} times");
}
