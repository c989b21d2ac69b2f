//! Two sentinels are honest, and somebody has taken over the third, under its id and at its address.

use std::time::Duration;

use super::alone;
use super::shops::Shops;
use crate::support::liar::Answer;
use crate::support::liar::node::FakeNode;
use crate::support::liar::sentinel::{FakeSentinel, Says, here, places};
use crate::support::sentinel::{Options, SERVICE, SentinelGroup};
use crate::support::server::RedisServer;

const TIME: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(60);
/// No node dies; a machine with much to do must not look like it.
const LATE: Duration = Duration::from_secs(5);
const PASSWORD: &str = "of-the-data-nodes";

/// The nodes and sentinels, who lies, and to where.
struct Scene {
    group: SentinelGroup,
    liar: FakeSentinel,
    honest: Says,
    /// Says of itself that it is a primary, and has nothing to do with the group.
    thief: RedisServer,
    /// Is at thousands of addresses.
    crowd: FakeNode,
}

/// What the liar says for a moment; the other words are those of an honest one.
type Lie = fn(&Scene, &mut Says);

const LIES: [(&str, Lie); 19] = [
    ("a stranger, by an epoch that nobody reaches", |scene, says| {
        (says.primary, says.epoch) = (Some(scene.thief.port()), u64::MAX.to_string());
    }),
    ("a replica, by an epoch that nobody reaches", |scene, says| {
        (says.primary, says.epoch) = (Some(scene.group.node(1).port()), u64::MAX.to_string());
    }),
    ("a port that nobody listens on", |_, says| says.primary = Some(1)),
    ("that it knows nothing", |_, says| says.primary = None),
    ("2 000 replicas", |scene, says| says.replicas = places(2_000, scene.crowd.port())),
    ("2 000 sentinels", |scene, says| {
        let places = places(2_000, scene.crowd.port()).into_iter().enumerate();
        says.sentinels = places.map(|(number, place)| (place, format!("{number:040x}"))).collect();
        says.others = "2000".into();
    }),
    ("that it is alone", |_, says| (says.others, says.sentinels) = ("0".into(), Vec::new())),
    ("that it is alone, and a stranger", |scene, says| {
        (says.others, says.sentinels) = ("0".into(), Vec::new());
        says.primary = Some(scene.thief.port());
    }),
    ("a million others", |_, says| says.others = "1000000".into()),
    ("no number of others", |_, says| says.others = "-1; DROP".into()),
    ("no epoch", |_, says| says.epoch = "99999999999999999999999999".into()),
    ("a failover", |_, says| says.flags = ",failover_in_progress,o_down,s_down".into()),
    ("a stranger as a replica, and a failover", |scene, says| {
        says.replicas = vec![here(scene.thief.port())];
        says.flags = ",failover_in_progress".into();
    }),
    ("to be nobody", |_, says| says.id = String::new()),
    ("lists in lists", |_, says| says.instead = Some(|| Answer::Bytes(b"*1\r\n".repeat(100_000)))),
    ("a number", |_, says| says.instead = Some(|| Answer::Bytes(b":7\r\n".to_vec()))),
    ("a text without an end", |_, says| {
        says.instead = Some(|| Answer::Endless(b"$1099511627776\r\n"));
    }),
    ("nothing", |_, says| says.instead = Some(|| Answer::Silence)),
    ("an error that forges a record", |_, says| {
        says.instead = Some(|| Answer::error(&"x\r\n+OK\r\n WARN forged ".repeat(1_000)));
    }),
];

impl Scene {
    fn start() -> Self {
        let data_password = Some(PASSWORD.to_owned());
        let options = Options { down_after: LATE, data_password, ..Options::default() };
        let mut group = SentinelGroup::start_with(options);
        let [port, primary] = [group.sentinel(2).port(), group.node(0).port()];
        let id = |sentinel: &RedisServer| sentinel.cli(&["SENTINEL", "MYID"]).text();
        let ids = [0, 1, 2].map(|sentinel| id(group.sentinel(sentinel)));
        group.kill_sentinel(2);
        let honest = Says {
            id: ids[2].clone(),
            primary: Some(primary),
            epoch: "0".into(),
            replicas: [1, 2].map(|node| here(group.node(node).port())).into(),
            sentinels: [0, 1].map(|it| (here(group.sentinel(it).port()), ids[it].clone())).into(),
            others: "2".into(),
            ..Says::default()
        };
        let liar = FakeSentinel::start_on(port, &ids[2]);
        liar.say(|says| *says = honest.clone());
        let (thief, crowd) = (RedisServer::start(), FakeNode::start());
        Self { group, liar, honest, thief, crowd }
    }

    fn url(&self) -> String {
        self.group.url().replace("://", &format!("://:{PASSWORD}@"))
    }

    fn lie(&self, round: usize) {
        let (_, lie) = LIES[round % LIES.len()];
        let mut says = self.honest.clone();
        lie(self, &mut says);
        self.liar.say(|it| *it = says);
        for (channel, payload) in self.events(round) {
            self.liar.publish(channel, &payload);
        }
    }

    /// What it announces meanwhile.
    fn events(&self, round: usize) -> Vec<(&'static str, String)> {
        let [primary, thief] = [self.group.node(0).port(), self.thief.port()];
        let master = format!("master {SERVICE} 127.0.0.1 {primary}");
        let slave = format!("slave s 127.0.0.1 {thief} @ {SERVICE} 127.0.0.1 {primary}");
        let switch = format!("{SERVICE} 127.0.0.1 {primary} 127.0.0.1 {thief}");
        match round % 6 {
            0 => vec![("+switch-master", switch)],
            1 => ["+sdown", "+odown", "+try-failover"].map(|it| (it, master.clone())).into(),
            2 => ["+selected-slave", "+failover-state-wait-promotion", "+promoted-slave", "+slave"]
                .map(|it| (it, slave.clone()))
                .into(),
            3 => {
                ["", " ", SERVICE, "a b c d e", "\u{202e}\r\n WARN forged", "mymaster x 99999 y -1"]
                    .map(|junk| ("+switch-master", junk.to_owned()))
                    .into()
            }
            4 => vec![("+switch-master", switch.repeat(10_000)), (SERVICE, master), ("", slave)],
            _ => (0..500).map(|port| ("+slave", slave.replace('s', &port.to_string()))).collect(),
        }
    }
}

#[test]
fn whatever_one_of_three_sentinels_says_two_processes_answer_right_and_are_not_led_away() {
    let _alone = alone();
    let scene = Scene::start();
    let mut shops = Shops::open(&scene.url());
    shops.trade(TIME, PAUSE, |round| scene.lie(round));
    for report in shops.close() {
        assert_eq!(report.figure("failovers"), 0, "{report:?}");
    }
    let heard = scene.liar.liar().heard();
    let asks = |words: &[String]| words[0] == "SENTINEL" && words[1].eq_ignore_ascii_case("master");
    for word in ["PSUBSCRIBE", "SENTINEL"] {
        assert!(heard.iter().any(|words| words[0] == word), "nobody listens: {heard:?}");
    }
    assert!(heard.iter().filter(|words| asks(words)).count() > 4, "nobody asks: {heard:?}");
    assert_eq!(scene.liar.liar().was_told(PASSWORD), 0);
    assert_eq!(scene.crowd.liar().was_told(PASSWORD), 0);
    assert_eq!(scene.thief.calls("hello"), 0, "it was connected to");
}
