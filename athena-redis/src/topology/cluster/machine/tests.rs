use athena_cache_core::backend::Class;

use super::company::{FEW, MANY, MOST as MOST_REPLICAS};
use super::rounds::FULL_EVERY;
use super::*;
use crate::config::Addresses;
use crate::topology::cluster::nodes::{Preferred, Reading};

const MILLIS: Duration = Duration::from_millis(1);

const A: &str = "a h:1@1 master - 0 0 1 connected 0-9";
const A_FAILED: &str = "a h:1@1 master,fail - 0 0 1 disconnected 0-9";
const B: &str = "b h:2@1 master - 0 0 2 connected 10-19";
const HEIR: &str = "c h:3@1 slave a 0 0 1 connected";
const HEIR_PROMOTED: &str = "c h:3@1 master - 0 0 3 connected 0-9";
/// Slots 5 to 9 went from A to B.
const A_HALF: &str = "a h:1@1 master - 0 0 1 connected 0-4";
const B_MORE: &str = "b h:2@1 master - 0 0 4 connected 5-19";

fn at(port: u16) -> Endpoint {
    Endpoint { host: "h".into(), port }
}

/// What the node at `port` says; `myself` is put in where its port stands.
#[expect(clippy::unnecessary_wraps, reason = "one outcome of several that a question may have")]
fn view(port: u16, lines: &[&str]) -> Result<ClusterView, Failure> {
    let own = format!("h:{port}@1 ");
    let text: Vec<_> =
        lines.iter().map(|line| line.replace(&own, &format!("{own}myself,"))).collect();
    let (asked, addresses) = (at(port), Addresses::default());
    let reading = Reading { asked: &asked, preferred: Preferred::Ip, addresses: &addresses };
    Ok(ClusterView::parse(&text.join("\n"), reading).unwrap())
}

fn silent() -> Result<ClusterView, Failure> {
    Err(Failure::new(Class::Unreachable, "it is gone"))
}

fn ports(nodes: impl IntoIterator<Item = Endpoint>) -> Vec<u16> {
    let mut ports: Vec<_> = nodes.into_iter().map(|node| node.port).collect();
    ports.sort_unstable();
    ports
}

/// A cluster of A, B and a replica of A at ports 1 to 3, whose seeds are all three.
struct ClusterRoom {
    machine: ClusterMachine,
    now: Instant,
    /// What its link says against each node that serves slots.
    owners: Vec<(Endpoint, Option<Doubt>)>,
    was_connected: bool,
    dialed: Vec<u32>,
    patched_since: Option<Instant>,
}

impl ClusterRoom {
    /// Nobody was asked yet.
    fn new() -> Self {
        let now = Instant::now();
        Self {
            machine: ClusterMachine::new([1, 2, 3].map(at).into(), Rng::with_seed(1), now),
            now,
            owners: Vec::new(),
            was_connected: true,
            dialed: vec![0; 3],
            patched_since: None,
        }
    }

    /// All have told the same, and nothing is looked for.
    fn calm() -> Self {
        let mut room = Self::new();
        assert_eq!(room.due(), ["ask 1", "ask 2", "ask 3"]);
        for port in [1, 2, 3] {
            room.answer(port, view(port, &[A, B, HEIR]));
        }
        room.owners = vec![(at(1), None), (at(2), None)];
        room.look();
        room
    }

    /// What is to be done, in few words.
    fn handle(&mut self, event: ClusterEvent) -> Vec<String> {
        use ClusterAction as Do;
        let was_connected = self.was_connected;
        let owners = self.owners.iter();
        let shown = Shown {
            owners: owners
                .map(|(endpoint, doubt)| Owner { endpoint, doubt: *doubt, was_connected })
                .collect(),
            dialed: self.dialed.clone(),
            patched_since: self.patched_since,
        };
        let mut asked = Vec::new();
        let mut done = Vec::new();
        for action in self.machine.handle(event, &shown, self.now) {
            done.push(match action {
                Do::Ask(node) => {
                    asked.push(format!("ask {}", node.port));
                    continue;
                }
                Do::Urge(_) => continue,
                Do::Exceed { node, listed } => format!("{} lists {listed}", node.port),
                Do::Keep(nodes) => format!("keep {:?}", ports(nodes)),
                Do::TrustAgain(node) => format!("trust {}", node.port),
                Do::Install(layout) => {
                    let owner = |slot| layout.owners().nth(slot).flatten().map(|it| it.port);
                    format!("install {:?} {:?}", owner(5), owner(15))
                }
                Do::Found => "found".to_owned(),
                Do::Retire(node) => format!("retire {}", node.port),
                Do::Tell { succession: it, cause, since } => {
                    let since = self.now - since;
                    format!("{} for {}: {} in {since:?}", it.to, it.from, cause.name())
                }
                Do::Vain { rounds, reason } => format!("vain {rounds}: {:?}", reason.class),
                Do::Unreached(node) => format!("unreached {}", node.port),
                Do::CutOff(_) => "cut off".to_owned(),
                Do::InTouch => "in touch".to_owned(),
            });
        }
        asked.sort();
        done.extend(asked);
        done
    }

    fn look(&mut self) {
        assert_eq!(self.handle(ClusterEvent::Look), [""; 0]);
    }

    fn doubt(&mut self, port: u16, doubt: Option<Doubt>) {
        for (_, known) in self.owners.iter_mut().filter(|(node, _)| node.port == port) {
            *known = doubt;
        }
        self.look();
    }

    /// The next round, when it is due.
    fn due(&mut self) -> Vec<String> {
        self.now = self.machine.due(self.now).max(self.now);
        self.handle(ClusterEvent::Due)
    }

    /// How long until the next round.
    fn pause(&self) -> Duration {
        self.machine.due(self.now).saturating_duration_since(self.now)
    }

    fn answer(&mut self, port: u16, view: Result<ClusterView, Failure>) -> Vec<String> {
        self.answer_after(port, view, &[])
    }

    fn answer_after(
        &mut self,
        port: u16,
        view: Result<ClusterView, Failure>,
        outdated: &[u16],
    ) -> Vec<String> {
        let outdated = outdated.iter().copied().map(at).collect();
        let was_connected = self.was_connected;
        if view.is_ok() && !self.machine.asked.contains_key(&at(port)) {
            // It was asked in a round of its own.
            self.machine.rounds += 1;
            self.machine.begin_full(self.now);
        }
        let answer = ClusterEvent::Answer { node: at(port), view, was_connected, outdated };
        let mut done = self.handle(answer);
        done.extend(self.handle(ClusterEvent::Look));
        done
    }
}

#[test]
fn the_first_answer_makes_a_first_map() {
    let mut room = ClusterRoom::new();
    assert_eq!(room.pause(), Duration::ZERO);
    assert_eq!(room.due(), ["ask 1", "ask 2", "ask 3"]);
    let first = room.answer(2, view(2, &[A, B, HEIR]));
    assert_eq!(first, ["trust 2", "install Some(1) Some(2)", "found"]);
    assert_eq!(room.answer(1, view(1, &[A, B, HEIR])), ["trust 1"]);
    assert_eq!(room.answer(3, view(3, &[A, B, HEIR])), [""; 0]);
}

#[test]
fn in_health_primaries_are_asked_every_five_to_ten_seconds() {
    let mut room = ClusterRoom::calm();
    assert!((4_900 * MILLIS..=10_000 * MILLIS).contains(&room.pause()), "{:?}", room.pause());
    assert_eq!(room.due(), ["keep [1, 2]", "ask 1", "ask 2"]);
    room.now += 20_000 * MILLIS;
    // Who has not answered yet is not asked twice.
    assert_eq!(room.due(), ["keep [1, 2]"]);
}

#[test]
fn whoever_meets_something_else_has_all_asked_soon() {
    let mut room = ClusterRoom::calm();
    assert_eq!(room.handle(ClusterEvent::Wanted(Vec::new())), [""; 0]);
    assert_eq!(room.pause(), 20 * MILLIS);
    assert_eq!(room.due(), ["keep [1, 2]", "ask 1", "ask 2"]);
    assert!(room.pause() > 4_900 * MILLIS);
}

#[test]
fn while_a_node_is_in_doubt_its_replicas_are_asked_every_25_ms() {
    for doubt in [Doubt::Silent, Doubt::Lost] {
        let mut room = ClusterRoom::calm();
        room.due();
        room.doubt(1, Some(doubt));
        assert_eq!(room.pause(), 25 * MILLIS);
        room.now += 25 * MILLIS;
        room.answer(1, silent());
        room.answer(2, view(2, &[A, B, HEIR]));
        assert_eq!(room.due(), ["keep [1, 2, 3]", "ask 3"]);
        let since = room.now;
        for (seconds, pause) in [(29, 25), (31, 250)] {
            while room.now < since + seconds * 1_000 * MILLIS {
                room.due();
            }
            assert_eq!(room.pause(), pause * MILLIS, "{doubt:?}");
        }
    }
}

#[test]
fn a_node_that_does_not_serve_is_asked_about_at_once_and_only_once() {
    let mut room = ClusterRoom::calm();
    room.doubt(1, Some(Doubt::NotServing));
    assert_eq!(room.pause(), 20 * MILLIS);
    assert_eq!(room.due(), ["keep [1, 2]", "ask 1", "ask 2"]);
    room.look();
    assert_eq!(room.due(), ["keep [1, 2]"]);
    assert_eq!(room.answer(1, view(1, &[A, B, HEIR])), ["trust 1"]);
}

#[test]
fn of_a_silent_node_the_others_are_asked_now_and_then() {
    let mut room = ClusterRoom::calm();
    room.doubt(1, Some(Doubt::Silent));
    let mut full = 0;
    for _ in 0..16 {
        let is_full = room.due().contains(&"ask 2".to_owned());
        room.answer(3, view(3, &[A, B, HEIR]));
        room.answer(1, silent());
        if is_full {
            room.answer(2, view(2, &[A, B, HEIR]));
            full += 1;
        }
    }
    assert_eq!(full, 2);
    // It is back, perhaps as somebody else.
    room.doubt(1, None);
    assert!(room.pause() <= 20 * MILLIS);
    assert_eq!(room.due(), ["keep [1, 2]", "ask 1", "ask 2"]);
}

#[test]
fn a_failover_is_told_once_with_its_cause() {
    for (doubt, was_connected, cause) in [
        (Some(Doubt::Lost), true, "unplanned in 40ms"),
        (Some(Doubt::Silent), true, "unplanned in 40ms"),
        (Some(Doubt::NotServing), true, "unknown in 40ms"),
        (None, true, "planned in 0ns"),
        (None, false, "unknown in 0ns"),
    ] {
        let mut room = ClusterRoom::calm();
        room.was_connected = was_connected;
        room.doubt(1, doubt);
        room.now += 40 * MILLIS;
        let promoted = [A_FAILED, B, HEIR_PROMOTED];
        let told = room.answer_after(3, view(3, &promoted), &[1]);
        let cause = format!("h:3 for h:1: {cause}");
        let expected = ["trust 3", "install Some(3) Some(2)", "found", "retire 1", &cause];
        assert_eq!(told, expected);
        assert_eq!(room.answer(2, view(2, &promoted)), ["trust 2"]);
        assert_eq!(room.answer(3, view(3, &promoted)), ["trust 3"]);
    }
}

/// The other primary has heard that the former one follows its heir, and not yet that the heir serves.
#[test]
fn a_failover_that_others_have_heard_half_of_leaves_no_slot_to_nobody_and_is_told_of() {
    let half = ["a h:1@1 slave c 0 0 1 connected", B, "c h:3@1 slave a 0 0 3 connected"];
    let mut room = ClusterRoom::new();
    room.due();
    // Nothing that the former primary said itself stands against it.
    for port in [2, 3] {
        room.answer(port, view(port, &[A, B, HEIR]));
    }
    room.answer(1, silent());
    room.owners = vec![(at(1), None), (at(2), None)];
    room.due();
    assert_eq!(room.answer(2, view(2, &half)), ["trust 2"]);
    let told = room.answer(3, view(3, &[A, B, HEIR_PROMOTED]));
    let expected = ["trust 3", "install Some(3) Some(2)", "found", "retire 1"];
    assert_eq!(told, [&expected[..], &["h:3 for h:1: planned in 0ns"]].concat());
}

#[test]
fn a_redirect_is_when_a_planned_failover_showed_first() {
    let mut room = ClusterRoom::calm();
    room.patched_since = Some(room.now);
    room.now += 7 * MILLIS;
    let told = room.answer(3, view(3, &[A, B, HEIR_PROMOTED]));
    assert_eq!(told.last().map(String::as_str), Some("h:3 for h:1: planned in 7ms"));
}

#[test]
fn slots_that_move_between_primaries_are_followed_and_no_failover() {
    let mut room = ClusterRoom::calm();
    assert_eq!(
        room.answer(2, view(2, &[A_HALF, B_MORE, HEIR])),
        ["trust 2", "install Some(2) Some(2)", "found"]
    );
}

#[test]
fn a_redirect_that_no_node_confirms_is_undone() {
    let mut room = ClusterRoom::calm();
    room.handle(ClusterEvent::Wanted(Vec::new()));
    room.due();
    room.patched_since = Some(room.now);
    assert_eq!(room.answer(1, view(1, &[A, B, HEIR])), ["trust 1"]);
    let done = room.answer(2, view(2, &[A, B, HEIR]));
    assert_eq!(done, ["trust 2", "install Some(1) Some(2)"]);
    // One that has just been confirmed is not installed twice.
    let moved = [A_HALF, B_MORE, HEIR];
    room.due();
    room.answer(1, view(1, &[A, B, HEIR]));
    let done = room.answer(2, view(2, &moved));
    assert_eq!(done, ["trust 2", "install Some(2) Some(2)", "found"]);
}

#[test]
fn redirects_that_go_on_do_not_put_off_that_one_is_undone() {
    let mut room = ClusterRoom::calm();
    room.patched_since = Some(room.now);
    let began = room.now;
    let mut undone = 0;
    // The one that redirects takes half a second for each answer.
    let mut due_of_2 = None;
    while room.now - began < 2_000 * MILLIS {
        room.handle(ClusterEvent::Wanted(vec![at(2), at(9)]));
        let mut done = Vec::new();
        for port in asked(&room.due()) {
            match port {
                2 => due_of_2 = Some(room.now + 500 * MILLIS),
                9 => done.extend(room.answer(9, silent())),
                port => done.extend(room.answer(port, view(port, &[A, B, HEIR]))),
            }
        }
        if due_of_2.is_some_and(|due| due <= room.now) {
            done.extend(room.answer(2, view(2, &[A, B, HEIR])));
        }
        let is_undone = done.contains(&"install Some(1) Some(2)".to_owned());
        undone += usize::from(is_undone);
        // It redirects at once again.
        room.patched_since = if is_undone { Some(room.now) } else { room.patched_since };
    }
    assert!((2..=4).contains(&undone), "{undone}");
}

#[test]
fn a_round_of_questions_to_replicas_alone_has_nobody_forgotten() {
    let mut room = ClusterRoom::calm();
    room.doubt(1, Some(Doubt::Lost));
    room.due();
    for port in [1, 2] {
        room.answer(port, silent());
    }
    let known = room.machine.census.len();
    // Rounds that go to the replica alone, which lists itself and nobody else.
    for round in 0..FULL_EVERY - 2 {
        if asked(&room.due()) == [3] {
            room.answer(3, view(3, &[HEIR]));
        }
        assert_eq!(room.machine.census.len(), known, "{round}");
    }
}

#[test]
fn silence_changes_no_map_and_is_told_once() {
    let mut room = ClusterRoom::calm();
    for told in [&["cut off"][..], &[], &[]] {
        room.due();
        room.answer(1, silent());
        let mut done = room.answer(2, silent());
        done.extend(room.answer(3, silent()));
        assert_eq!(done, told);
    }
    // Nobody who serves can be expected to answer: the seeds are asked as well.
    assert!(room.due().contains(&"ask 3".to_owned()));
    assert_eq!(room.answer(3, view(3, &[A, B, HEIR])), ["in touch"]);
}

#[test]
fn a_search_is_in_vain_when_every_seed_was_dialed_or_heard_in_vain() {
    let mut room = ClusterRoom::new();
    room.was_connected = false;
    room.due();
    for port in [1, 2] {
        assert_eq!(room.answer(port, silent()), [""; 0]);
    }
    // The third was not dialed yet.
    room.dialed = vec![1, 2, 0];
    assert_eq!(room.answer(3, silent()), ["cut off"]);
    assert_eq!(room.pause(), 25 * MILLIS);
    room.due();
    room.dialed = vec![2, 2, 1];
    for port in [1, 2] {
        room.answer(port, silent());
    }
    assert_eq!(room.answer(3, silent()), ["vain 1: Unreachable"]);
}

#[test]
fn nodes_that_serve_no_slots_are_of_no_use_and_say_so() {
    let mut room = ClusterRoom::new();
    room.due();
    for port in [1, 2] {
        let alone = format!("x h:{port}@1 master - 0 0 0 connected");
        assert_eq!(room.answer(port, view(port, &[&alone])), [format!("trust {port}")]);
    }
    let done = room.answer(3, view(3, &["x h:3@1 master - 0 0 0 connected"]));
    assert_eq!(done, ["trust 3", "vain 1: Unready"]);
}

/// A cluster of so many primaries with a replica each; primary n is at port n, its replica 10 000 above.
fn lines(primaries: u16) -> Vec<String> {
    let width = 16_384 / primaries;
    let primary = |n: u16| {
        let (first, last) = (width * (n - 1), width * n - 1);
        format!("p{n} h:{n}@1 master - 0 0 {n} connected {first}-{last}")
    };
    let replica = |n: u16| format!("r{n} h:{}@1 slave p{n} 0 0 {n} connected", 10_000 + n);
    (1..=primaries).flat_map(|n| [primary(n), replica(n)]).collect()
}

/// A calm room of so many primaries.
fn large(primaries: u16) -> (ClusterRoom, Vec<String>) {
    let lines = lines(primaries);
    let all: Vec<_> = lines.iter().map(String::as_str).collect();
    let mut room = ClusterRoom::new();
    room.due();
    for port in [1, 2, 3] {
        room.answer(port, view(port, &all));
    }
    room.owners = (1..=primaries).map(|port| (at(port), None)).collect();
    room.look();
    (room, lines)
}

/// The heir answers a full round just before it is promoted, and the other primary just after it heard of that.
#[test]
fn a_failover_is_told_of_though_the_heir_had_answered_just_before_it() {
    const A_EMPTY: &str = "a h:1@1 master,fail - 0 0 1 disconnected";
    for is_heir_first in [true, false] {
        let mut room = ClusterRoom::calm();
        room.doubt(1, Some(Doubt::Lost));
        room.handle(ClusterEvent::Wanted(Vec::new()));
        assert_eq!(asked(&room.due()), [2, 3]);
        let mut answers =
            vec![(2, view(2, &[A_EMPTY, B, HEIR_PROMOTED])), (3, view(3, &[A_FAILED, B, HEIR]))];
        if is_heir_first {
            answers.reverse();
        }
        for (port, view) in answers {
            let (node, was_connected, outdated) = (at(port), true, vec![at(1)]);
            room.handle(ClusterEvent::Answer { node, view, was_connected, outdated });
        }
        // Both were read before conclusions are drawn.
        let mut done = room.handle(ClusterEvent::Look);
        room.due();
        done.extend(room.answer(3, view(3, &[A_EMPTY, B, HEIR_PROMOTED])));
        let told = done.iter().filter(|it| it.starts_with("h:3 for h:1")).count();
        assert_eq!(told, 1, "{is_heir_first} {done:?}");
    }
}

/// Whom a round asks.
fn asked(done: &[String]) -> Vec<u16> {
    done.iter().filter_map(|it| it.strip_prefix("ask ")?.parse().ok()).collect()
}

#[test]
fn of_a_large_cluster_in_health_three_are_asked_and_not_always_the_same() {
    let (mut room, lines) = large(200);
    let all: Vec<_> = lines.iter().map(String::as_str).collect();
    let mut seen = HashSet::new();
    for _ in 0..20 {
        assert!(room.pause() > 4_900 * MILLIS);
        let ports = asked(&room.due());
        assert_eq!(ports.len(), FEW);
        for port in ports {
            seen.insert(port);
            room.answer(port, view(port, &all));
        }
    }
    assert!(seen.len() > 30, "{seen:?}");
}

#[test]
fn whoever_sent_a_command_on_and_who_it_was_sent_to_are_asked() {
    let (mut room, _) = large(200);
    room.handle(ClusterEvent::Wanted([70, 150].map(at).into()));
    let ports = asked(&room.due());
    assert!(ports.contains(&70) && ports.contains(&150), "{ports:?}");
    assert!(ports.len() <= FEW + 2, "{ports:?}");
}

#[test]
fn of_many_that_are_in_doubt_some_are_looked_for_at_a_time_and_all_in_turn() {
    let (mut room, lines) = large(200);
    let all: Vec<_> = lines.iter().map(String::as_str).collect();
    for (_, doubt) in room.owners.iter_mut().take(120) {
        *doubt = Some(Doubt::Silent);
    }
    room.look();
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let ports = asked(&room.due());
        assert!(ports.len() <= MANY + FEW, "{ports:?}");
        seen.extend(ports.iter().copied().filter(|port| *port > 10_000));
        for port in ports {
            let is_sound = (121..=200).contains(&port);
            room.answer(port, if is_sound { view(port, &all) } else { silent() });
        }
    }
    assert!(seen.len() > 100, "{}", seen.len());
}

#[test]
fn of_many_replicas_of_primaries_in_doubt_sixteen_are_asked_in_a_round_and_all_in_turn() {
    let (primaries, each) = (4, 20);
    let mut lines: Vec<_> = (1..=primaries)
        .map(|it| format!("p{it} h:{it}@1 master - 0 0 {it} connected {}-{}", 10 * it, 10 * it + 9))
        .collect();
    for replica in 0..primaries * each {
        let (port, of) = (100 + replica, replica % primaries + 1);
        lines.push(format!("r{replica:03} h:{port}@1 slave p{of} 0 0 {of} connected"));
    }
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let mut room = ClusterRoom::new();
    room.due();
    for port in [1, 2, 3] {
        room.answer(port, view(port, &lines));
    }
    room.owners = (1..=primaries).map(|it| (at(it), Some(Doubt::Lost))).collect();
    room.handle(ClusterEvent::Look);
    let mut seen = HashSet::new();
    for _ in 0..200 {
        let ports = asked(&room.due());
        let replicas: Vec<_> = ports.iter().copied().filter(|port| *port >= 100).collect();
        // A full round goes to some of everybody as well.
        assert!(replicas.len() <= 2 * MOST_REPLICAS, "{replicas:?}");
        for port in ports {
            room.answer(port, silent());
        }
        seen.extend(replicas);
    }
    assert_eq!(seen.len(), usize::from(primaries * each));
}

#[test]
fn of_many_seeds_few_are_asked_and_twice_as_many_each_time() {
    let seeds: Vec<_> = (1..=100).map(at).collect();
    let now = Instant::now();
    let mut machine = ClusterMachine::new(seeds, Rng::with_seed(1), now);
    let mut counts = Vec::new();
    for _ in 0..7 {
        let actions = machine.handle(ClusterEvent::Due, &Shown::default(), now);
        counts.push(actions.iter().filter(|it| matches!(it, ClusterAction::Ask(_))).count());
    }
    assert_eq!(
        counts
            .iter()
            .scan(0, |sum, it| {
                *sum += it;
                Some(*sum)
            })
            .collect::<Vec<_>>(),
        [3, 6, 12, 24, 48, 96, 100]
    );
}

#[test]
fn of_whom_others_say_something_else_it_is_asked_itself() {
    let (mut room, lines) = large(200);
    // One that lags behind tells of a primary what was so before a failover.
    let mut earlier: Vec<_> = lines.iter().map(String::as_str).collect();
    let former = "p2 h:2@1 slave p9 0 0 1 connected";
    earlier[2] = former;
    room.answer(4, view(4, &earlier));
    let ports = asked(&room.due());
    assert!(ports.contains(&2), "{ports:?}");
}

#[test]
fn a_node_that_cannot_be_reached_where_it_is_said_to_be_is_told_of_once() {
    let mut room = ClusterRoom::calm();
    room.was_connected = false;
    room.owners = vec![(at(1), Some(Doubt::Lost)), (at(2), Some(Doubt::Lost))];
    assert_eq!(room.handle(ClusterEvent::Look), ["unreached 1"]);
    assert_eq!(room.handle(ClusterEvent::Look), [""; 0]);
    room.owners = vec![(at(1), None), (at(2), None)];
    room.look();
    room.owners[1].1 = Some(Doubt::Lost);
    assert_eq!(room.handle(ClusterEvent::Look), ["unreached 2"]);
}

#[test]
fn a_node_that_takes_all_slots_for_itself_loses_them_to_those_that_answer() {
    const D: &str = "d h:4@1 master - 0 0 4 connected 20-29";
    const HOARDER: &str = "d h:4@1 master - 0 0 18446744073709551615 connected 0-29";
    let mut room = ClusterRoom::new();
    room.due();
    for port in [1, 2, 3] {
        room.answer(port, view(port, &[A, B, HEIR, D]));
    }
    room.owners = vec![(at(1), None), (at(2), None), (at(4), None)];
    room.look();
    let taken = room.answer(4, view(4, &[HOARDER]));
    assert!(taken.contains(&"install Some(4) Some(4)".to_owned()), "{taken:?}");
    room.owners = vec![(at(4), None)];
    let began = room.now;
    let mut done = Vec::new();
    while !done.contains(&"install Some(1) Some(2)".to_owned()) {
        // Those who lost everything are asked at once.
        let asked = room.due();
        assert!(room.now - began < 200 * MILLIS, "{:?}", room.now - began);
        let honest: &[_] = &[A, B, HEIR, D];
        for (port, lines) in [(1, honest), (2, honest), (3, honest), (4, &[HOARDER])] {
            if asked.contains(&format!("ask {port}")) {
                done.extend(room.answer(port, view(port, lines)));
            }
        }
    }
    room.owners = vec![(at(1), None), (at(2), None), (at(4), None)];
    for _ in 0..20 {
        let asked = room.due();
        let honest: &[_] = &[A, B, HEIR, D];
        for (port, lines) in [(4, &[HOARDER][..]), (1, honest), (2, honest), (3, honest)] {
            if asked.contains(&format!("ask {port}")) {
                let done = room.answer(port, view(port, lines));
                assert!(!done.iter().any(|it| it.starts_with("install")), "{done:?}");
            }
        }
    }
}

#[test]
fn who_lists_more_nodes_than_are_taken_is_told_of_once() {
    let mut room = ClusterRoom::calm();
    let mut told = Vec::new();
    for _ in 0..3 {
        let mut view = view(1, &[A, B, HEIR]).unwrap();
        view.listed = 10_000;
        told.extend(room.answer(1, Ok(view)));
    }
    let told: Vec<_> = told.iter().filter(|it| it.contains("lists")).collect();
    assert_eq!(told, ["1 lists 10000"]);
}

/// A node at port 9 that has all slots, and whom nobody else knows.
const LIAR: &str = "l h:9@1 master - 0 0 18446744073709551615 connected 0-19";

/// Nobody was asked yet; the seeds are the first two nodes of the cluster, and one that lies.
fn room_with_a_liar() -> ClusterRoom {
    let mut room = ClusterRoom::new();
    let seeds = [1, 2, 9].map(at).into();
    room.machine = ClusterMachine::new(seeds, Rng::with_seed(1), room.now);
    assert_eq!(room.due(), ["ask 1", "ask 2", "ask 9"]);
    room
}

fn said_by(port: u16) -> Result<ClusterView, Failure> {
    view(port, if port == 9 { &[LIAR] } else { &[A, B, HEIR] })
}

#[test]
fn a_seed_that_has_all_slots_gets_none_once_two_others_have_answered() {
    for order in [[1, 2, 9], [1, 9, 2], [9, 1, 2], [9, 2, 1], [2, 9, 1], [2, 1, 9]] {
        for at_once in [false, true] {
            let mut room = room_with_a_liar();
            let mut done = Vec::new();
            for port in order {
                let (node, was_connected, outdated) = (at(port), true, Vec::new());
                let view = said_by(port);
                done.extend(room.handle(ClusterEvent::Answer {
                    node,
                    view,
                    was_connected,
                    outdated,
                }));
                if !at_once {
                    done.extend(room.handle(ClusterEvent::Look));
                }
            }
            done.extend(room.handle(ClusterEvent::Look));
            let installed: Vec<_> = done.iter().filter(|it| it.starts_with("install")).collect();
            assert_eq!(installed.last().unwrap(), &"install Some(1) Some(2)", "{order:?}");
            let liar = "install Some(9) Some(9)".to_owned();
            let is_first = order[0] == 9 && !at_once;
            assert_eq!(installed.contains(&&liar), is_first, "{order:?} {done:?}");
        }
    }
}

#[test]
fn a_seed_that_alone_has_answered_does_not_stay_the_cluster() {
    let mut room = room_with_a_liar();
    let taken = room.answer(9, said_by(9));
    assert_eq!(taken, ["trust 9", "install Some(9) Some(9)", "found"]);
    room.owners = vec![(at(9), None)];
    for port in [1, 2] {
        room.answer(port, silent());
    }
    // The others are asked again soon in some rounds, and later in every one.
    for round in 0..10 {
        let is_soon = room.pause() <= 25 * MILLIS;
        assert_eq!(is_soon, round < PATIENCE + 2, "{round}");
        assert_eq!(asked(&room.due()), [1, 2, 9]);
        for port in [1, 2] {
            room.answer(port, silent());
        }
        assert_eq!(room.answer(9, said_by(9)), ["trust 9"]);
    }
    room.due();
    room.answer(9, said_by(9));
    room.answer(1, said_by(1));
    let done = room.answer(2, said_by(2));
    assert!(done.contains(&"install Some(1) Some(2)".to_owned()), "{done:?}");
}

#[test]
fn a_seed_that_was_found_to_lie_and_forgotten_gets_no_slot_when_it_answers_late() {
    let mut room = room_with_a_liar();
    for port in [9, 1, 2] {
        room.answer(port, said_by(port));
    }
    room.owners = vec![(at(1), None), (at(2), None)];
    for round in 0..20 {
        for port in asked(&room.due()) {
            room.answer(port, said_by(port));
        }
        if round % 5 == 4 {
            let late = room.answer(9, said_by(9));
            assert!(!late.iter().any(|it| it.starts_with("install")), "{late:?}");
        }
    }
}

#[test]
fn a_member_that_takes_all_slots_in_the_first_map_is_asked_about_and_loses_them() {
    const D: &str = "d h:9@1 master - 0 0 4 connected";
    let hoarder = LIAR.replacen('l', "d", 1);
    let (honest, alone) = ([A, B, HEIR, D], [&*hoarder]);
    let mut room = room_with_a_liar();
    let say = |port| view(port, if port == 9 { &alone[..] } else { &honest });
    let began = room.now;
    let mut installed = String::new();
    let mut asked_now = vec![1, 2, 9];
    while installed != "install Some(1) Some(2)" {
        assert!(room.now - began < 200 * MILLIS, "{installed}");
        for port in asked_now {
            let done = room.answer(port, say(port));
            installed = done.into_iter().rfind(|it| it.starts_with("install")).unwrap_or(installed);
            let owners = if installed.contains('9') { vec![9] } else { vec![1, 2] };
            room.owners = owners.into_iter().map(|port| (at(port), None)).collect();
        }
        asked_now = asked(&room.due());
    }
}
