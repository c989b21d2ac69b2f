//! Three nodes are a cluster, and among the seeds is one more, which is no part of it and says that it is.

use std::fmt::Write;
use std::time::Duration;

use super::alone;
use super::shops::Shops;
use crate::support::cluster::{Cluster, Options};
use crate::support::liar::node::{FakeNode, Says};
use crate::support::liar::sentinel::places;
use crate::support::liar::{Answer, text};
use crate::support::resp::Reply;
use crate::support::slots;

const TIME: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(60);
/// No node dies; a machine with much to do must not look like it.
const LATE: Duration = Duration::from_secs(5);
/// Each time processes have a reason to look what the cluster is.
const MOVES: usize = 8;

/// The nodes, who lies, and to where.
struct Scene {
    cluster: Cluster,
    ids: Vec<String>,
    liar: FakeNode,
    /// Is at thousands of addresses.
    crowd: FakeNode,
}

/// What `CLUSTER NODES` is answered with for a moment.
type Lie = fn(&Scene) -> String;

const LIES: [(&str, Lie); 12] = [
    ("all slots are mine", |scene| scene.myself("liar", u64::MAX, "0-16383")),
    ("all slots are mine, and the others have failed", |scene| {
        scene.myself("liar", u64::MAX, "0-16383") + &scene.others("master,fail", "")
    }),
    ("i am one of the others", |scene| scene.myself(&scene.ids[0], u64::MAX, "0-16383")),
    ("the others are elsewhere", |scene| {
        let mut nodes = scene.myself("liar", 1, "");
        for (place, id) in scene.ids.iter().enumerate() {
            let slots = ["0-5460", "5461-10922", "10923-16383"][place];
            let port = scene.crowd.port();
            writeln!(nodes, "{id} 127.0.0.1:{port}@1 master - 0 0 {} connected {slots}", u64::MAX)
                .expect("write to a string");
        }
        nodes
    }),
    ("there are 5 000 nodes", |scene| {
        let mut nodes = scene.myself("liar", u64::MAX, "");
        for (number, (host, port)) in places(5_000, scene.crowd.port()).iter().enumerate() {
            let slot = number * 3;
            writeln!(nodes, "c{number} {host}:{port}@1 master - 0 0 {number} connected {slot}")
                .expect("write to a string");
        }
        nodes
    }),
    ("nobody else is there", |scene| scene.myself("liar", u64::MAX, "")),
    ("there are slots that there are not", |scene| {
        scene.myself("liar", u64::MAX, "16383-0 99999 -1 [0->-liar] [5-<-x] 0-99999999999999999999")
    }),
    ("i am twice", |scene| scene.myself("liar", 1, "0-16383") + &scene.myself("x", 2, "0-16383")),
    ("nothing about myself", |scene| scene.others("master", "0-16383")),
    ("junk", |_| "\u{202e}\0 WARN forged\r\n@@@:,,,, ".repeat(2_000)),
    ("nothing", |_| String::new()),
    ("the others follow me", |scene| {
        scene.myself("liar", u64::MAX, "0-16383") + &scene.others("slave", "")
    }),
];

/// What it answers a command with that is about a name.
const REFUSALS: [fn(&str) -> String; 5] = [
    |name| format!("MOVED {} 127.0.0.1:1", slots::slot(name)),
    |name| format!("MOVED {} 127.0.0.1:1", slots::slot(name).wrapping_add(7_000) % slots::SLOTS),
    |_| "MOVED 99999 nowhere:0".to_owned(),
    |name| format!("ASK {} 127.0.0.1:1", slots::slot(name)),
    |_| "MOVED".to_owned(),
];

/// What it answers questions about the cluster with.
const RAVINGS: [fn() -> Answer; 5] = [
    || Answer::Bytes(b"*1\r\n".repeat(100_000)),
    || Answer::Endless(b"$1099511627776\r\n"),
    || Answer::Bytes(b":7\r\n".to_vec()),
    || Answer::Silence,
    || Answer::error(&"CLUSTERDOWN \r\n WARN forged ".repeat(1_000)),
];

impl Scene {
    fn start() -> Self {
        let options = Options { replicas_each: 0, node_timeout: LATE, ..Options::default() };
        let cluster = Cluster::start_with(options);
        let ids = cluster.nodes().iter().map(|node| node.cli(&["CLUSTER", "MYID"]).text());
        let ids = ids.collect();
        let scene = Self { cluster, ids, liar: FakeNode::start(), crowd: FakeNode::start() };
        scene.lie(0);
        scene
    }

    /// The liar comes first.
    fn url(&self) -> String {
        let liar = format!("://127.0.0.1:{},", self.liar.port());
        self.cluster.url().replace("://", &liar)
    }

    /// The line of the liar about itself.
    fn myself(&self, id: &str, epoch: u64, slots: &str) -> String {
        let port = self.liar.port();
        format!("{id} 127.0.0.1:{port}@1 myself,master - 0 0 {epoch} connected {slots}\n")
    }

    /// The lines about the nodes that are the cluster.
    fn others(&self, flags: &str, slots: &str) -> String {
        let nodes = self.cluster.nodes().iter().zip(&self.ids);
        let primary = if flags == "slave" { "liar" } else { "-" };
        let line = |port: u16, id: &str| {
            format!("{id} 127.0.0.1:{port}@1 {flags} {primary} 0 0 9 connected {slots}\n")
        };
        nodes.map(|(node, id)| line(node.port(), id)).collect()
    }

    fn lie(&self, round: usize) {
        let (_, lie) = LIES[round % LIES.len()];
        let ravings = RAVINGS.len() + LIES.len();
        let raving = (round % ravings).checked_sub(LIES.len()).map(|place| RAVINGS[place]);
        let place = [text("127.0.0.1"), Reply::Number(i64::from(self.crowd.port()))];
        let range = [Reply::Number(0), Reply::Number(16_383), Reply::List(place.into())];
        self.liar.change(Says {
            nodes: Some(lie(self)),
            slots: Some(Reply::List(vec![Reply::List(range.into())])),
            refuses: Some(REFUSALS[round % REFUSALS.len()]),
            instead: raving,
        });
    }

    /// Lies, and now and then moves a slot, so that there is something to be asked.
    fn go_on(&self, round: usize) {
        self.lie(round);
        if round % MOVES == MOVES - 1 {
            let slot = u16::try_from(round).expect("a slot");
            self.cluster.move_slots(0, 1, [slot]);
        }
    }
}

#[test]
fn whatever_a_stranger_among_the_seeds_of_a_cluster_says_two_processes_answer_right() {
    let _alone = alone();
    let scene = Scene::start();
    let mut shops = Shops::open_with_newcomers(&scene.url());
    shops.trade(TIME, PAUSE, |round| scene.go_on(round));
    for report in shops.close() {
        assert_eq!(report.figure("failovers"), 0, "{report:?}");
    }
    let heard = scene.liar.liar().heard();
    let asks = |words: &Vec<String>| words[0] == "CLUSTER" && words[1] == "NODES";
    let count = heard.iter().filter(|words| asks(words)).count();
    assert!(count > LIES.len() + RAVINGS.len(), "asked {count} times: {heard:?}");
    eprintln!("asked {count} times, {} connections to nobody", scene.crowd.liar().accepted());
}
