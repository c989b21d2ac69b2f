use athena_cache_core::backend::Class;

use super::*;
use crate::link::Role;
use crate::topology::sentinel::notices::Notice;
use crate::topology::sentinel::replies::{Lists, Peer, SentinelView, Silence, Testimony, Word};

const MILLIS: Duration = Duration::from_millis(1);
const PRIMARY: Testimony = Ok(Role::Primary(()));

fn at(port: u16) -> Endpoint {
    Endpoint { host: "h".into(), port }
}

fn view(port: u16, epoch: u64) -> Word {
    let (id, others) = (None, Some(2));
    Word::Names(SentinelView { id, others, address: at(port), epoch, replacing: None })
}

fn mute() -> Word {
    Word::Mute(Silence { class: Class::Unreachable, why: "it is gone".into() })
}

#[expect(clippy::unnecessary_wraps, reason = "one answer of several that a node may give")]
fn replica_of(port: u16) -> Testimony {
    Ok(Role::Replica(Some(at(port))))
}

/// What is to be done but for confirmations and the order of dials, in few words.
fn told(actions: Vec<SentinelAction>) -> Vec<String> {
    use SentinelAction as Do;
    let tell = |action| match action {
        Do::ForgetHistory(node) => format!("forget the history of {}", node.port),
        Do::Serve(node) => format!("{} serves", node.port),
        Do::Tell(it) => format!("{} for {}: {} in {:?}", it.to, it.from, it.cause.name(), it.took),
        Do::TrustAgain => "trust again".to_owned(),
        Do::Order(Order { pause, edition }) => format!("ask every {pause:?} for {edition}"),
        Do::PollSentinel(it) | Do::PollNode(it) => format!("poll {}", it.port),
        Do::LeaveSentinel(it) | Do::LeaveNode(it) => format!("leave {}", it.port),
        Do::Confirm(_) | Do::Urge(_) => String::new(),
        Do::Exceed { sentinel, all } => {
            format!("{} lists {} and {}", sentinel.port, all.replicas, all.peers)
        }
        Do::CutOff(absence) => format!("cut off: {absence}"),
        Do::InTouch => "in touch".to_owned(),
        Do::Vain(absence) => format!("in vain: {absence}"),
        Do::FallShort(it) => format!("{} of {} sentinels", it.holding, it.size),
        Do::Suffice => "sentinels suffice".to_owned(),
        Do::Miss { rounds, .. } => format!("missed {rounds}"),
    };
    actions.into_iter().map(tell).filter(|it| !it.is_empty()).collect()
}

/// Sentinels 91 to 93, nodes 1 to 3, and a clock.
struct SentinelRoom {
    machine: SentinelMachine,
    now: Instant,
}

impl SentinelRoom {
    /// Nobody has said anything.
    fn new() -> Self {
        let now = Instant::now();
        let seeds = [91, 92, 93].map(at);
        let machine = SentinelMachine::new("mymaster".into(), seeds, Rng::with_seed(1), now);
        Self { machine, now }
    }

    /// Node 1 serves, 2 and 3 follow it, and nothing has happened for long.
    fn calm() -> Self {
        let mut room = Self::new();
        room.tick();
        for sentinel in [91, 92, 93] {
            room.word(sentinel, view(1, 5));
            let lists = Lists { replicas: Some(vec![at(2), at(3)]), ..Lists::default() };
            room.report(Report::Lists { sentinel: at(sentinel), lists });
        }
        room.tick();
        room.roles(&[(1, PRIMARY), (2, replica_of(1)), (3, replica_of(1))]);
        assert_eq!(room.tick(), ["1 serves", "ask every None for 1"]);
        room.roles(&[(2, replica_of(1)), (3, replica_of(1))]);
        room.tick();
        room
    }

    fn event(&mut self, event: SentinelEvent) -> Vec<SentinelAction> {
        self.machine.handle(event, self.now)
    }

    fn report(&mut self, report: Report) -> Vec<String> {
        told(self.event(SentinelEvent::Report(report)))
    }

    fn word(&mut self, sentinel: u16, mut word: Word) {
        if let Word::Names(view) = &mut word {
            view.id = Some(sentinel.to_string());
        }
        let (sentinel, asked) = (at(sentinel), self.now);
        assert_eq!(self.report(Report::Word { sentinel, word, asked }), [""; 0]);
    }

    fn words(&mut self, word: &Word) {
        for sentinel in [91, 92, 93] {
            self.word(sentinel, word.clone());
        }
    }

    fn roles(&mut self, roles: &[(u16, Testimony)]) {
        for (node, role) in roles {
            self.report(Report::Role { node: at(*node), role: role.clone() });
        }
    }

    fn notice(&mut self, notice: Notice) {
        assert_eq!(self.report(Report::Notice(notice)), [""; 0]);
    }

    fn doubt(&mut self, doubt: Option<Doubt>) {
        assert_eq!(told(self.event(SentinelEvent::Link(doubt))), [""; 0]);
    }

    fn tick(&mut self) -> Vec<String> {
        told(self.event(SentinelEvent::Tick))
    }

    /// Whether the serving node is confirmed by what was said until now.
    fn is_confirmed(&mut self) -> bool {
        let now = self.now;
        self.event(SentinelEvent::Tick).contains(&SentinelAction::Confirm(now))
    }

    fn wait(&mut self, millis: u32) {
        self.now += MILLIS * millis;
    }
}

#[test]
fn a_primary_is_found_by_its_own_word_and_that_of_a_sentinel() {
    let mut room = SentinelRoom::new();
    assert_eq!(room.tick(), ["ask every Some(20ms) for 0", "poll 91", "poll 92", "poll 93"]);
    assert_eq!(room.machine.pause(), 20 * MILLIS);
    room.words(&view(1, 5));
    assert_eq!(room.tick(), ["poll 1"]);
    room.roles(&[(1, PRIMARY)]);
    assert_eq!(room.tick(), ["1 serves", "ask every None for 1"]);
    assert_eq!(room.machine.pause(), CALM);
}

#[test]
fn a_promotion_is_followed_on_the_nodes_own_word_and_that_of_a_sentinel() {
    let newer = || Some(view(2, 6));
    for (name, word, role, follows) in [
        ("both", newer(), Some(PRIMARY), true),
        ("only the sentinel", newer(), None, false),
        ("only the node", None, Some(PRIMARY), false),
        ("an outdated word", Some(view(2, 5)), Some(PRIMARY), false),
    ] {
        let mut room = SentinelRoom::calm();
        room.doubt(Some(Doubt::Lost));
        assert_eq!(room.tick(), ["ask every Some(20ms) for 1"], "{name}");
        room.wait(700);
        if let Some(word) = word {
            room.word(92, word);
        }
        room.roles(&role.map(|role| (2, role)).into_iter().collect::<Vec<_>>());
        let done = room.tick();
        let serves = done.iter().any(|it| it == "2 serves");
        assert_eq!(serves, follows, "{name}: {done:?}");
        if follows {
            let told = ["2 serves", "leave 1", "h:2 for h:1: unplanned in 700ms"];
            assert_eq!(done[..3], told, "{name}");
        }
    }
}

#[test]
fn what_was_announced_while_the_primary_answered_is_a_planned_failover() {
    let chosen = Notice::Chosen { replica: at(2), primary: at(1) };
    for (doubt, cause) in [(None, "planned"), (Some(Doubt::Silent), "unplanned")] {
        let mut room = SentinelRoom::calm();
        room.doubt(doubt);
        room.notice(chosen.clone());
        assert_eq!(room.tick(), ["ask every Some(20ms) for 1"], "{cause}");
        room.wait(30);
        room.roles(&[(2, PRIMARY)]);
        // The former one is asked anew, by another link: a sentinel still names it.
        assert_eq!(
            room.tick(),
            [
                "2 serves".to_owned(),
                "leave 1".to_owned(),
                format!("h:2 for h:1: {cause} in 30ms"),
                "ask every None for 2".to_owned(),
                "poll 1".to_owned(),
            ]
        );
    }
}

#[test]
fn a_primary_that_was_demoted_is_left_for_the_one_that_it_follows() {
    let mut room = SentinelRoom::calm();
    let demoted = Report::Role { node: at(1), role: replica_of(2) };
    assert_eq!(room.report(demoted), ["forget the history of 1"]);
    assert_eq!(room.tick(), ["ask every Some(20ms) for 1"]);
    assert!(!room.is_confirmed());
    room.wait(20);
    room.roles(&[(2, PRIMARY)]);
    let done = room.tick();
    assert_eq!(done[..3], ["2 serves", "leave 1", "h:2 for h:1: unknown in 20ms"]);
}

#[test]
fn losing_all_sentinels_changes_nothing_and_is_told_once() {
    let mut room = SentinelRoom::calm();
    room.words(&mute());
    let cut_off = "cut off: no sentinel can be reached: it is gone; it is gone; it is gone";
    assert_eq!(room.tick(), [cut_off]);
    for _ in 0..3 {
        room.wait(60_000);
        room.words(&mute());
        assert_eq!(room.tick(), [""; 0]);
        assert!(!room.is_confirmed());
    }
    room.word(92, view(1, 5));
    assert_eq!(room.tick(), ["in touch"]);
}

#[test]
fn a_majority_confirms_the_serving_node_unless_anything_speaks_against_it() {
    let mut room = SentinelRoom::calm();
    room.wait(1_000);
    room.word(91, view(1, 5));
    assert!(!room.is_confirmed());
    room.word(92, view(1, 5));
    assert!(room.is_confirmed());
    room.notice(Notice::Underway { primary: at(1) });
    assert!(!room.is_confirmed());
}

#[test]
fn a_suspicion_begins_with_each_sign_and_ends_when_nothing_has_come_of_it() {
    type Show = fn(&mut SentinelRoom);
    let signs: [(&str, Show); 5] = [
        ("silence", |room| room.doubt(Some(Doubt::Silent))),
        ("loss", |room| room.doubt(Some(Doubt::Lost))),
        ("a refusal", |room| room.doubt(Some(Doubt::NotServing))),
        ("down", |room| room.notice(Notice::Down { primary: at(1) })),
        ("a newer word", |room| room.word(91, view(2, 6))),
    ];
    for (name, sign) in signs {
        let mut room = SentinelRoom::calm();
        sign(&mut room);
        assert_eq!(room.tick(), ["ask every Some(20ms) for 1"], "{name}");
        if name != "a refusal" {
            room.doubt(None);
        }
        room.word(91, view(1, 5));
        room.wait(1_999);
        assert_eq!(room.tick(), [""; 0], "{name}");
        room.wait(1);
        let done = room.tick();
        if name == "a refusal" {
            assert_eq!(done, ["trust again"]);
            assert_eq!(room.tick(), ["ask every None for 1"], "{name}");
        } else {
            assert_eq!(done, ["ask every None for 1"], "{name}");
        }
    }
}

#[test]
fn others_than_the_serving_node_may_be_down() {
    let mut room = SentinelRoom::calm();
    room.notice(Notice::Down { primary: at(7) });
    room.notice(Notice::Underway { primary: at(7) });
    assert_eq!(room.tick(), [""; 0]);
}

#[test]
fn while_nothing_comes_of_it_the_questions_grow_rare() {
    let mut room = SentinelRoom::calm();
    room.doubt(Some(Doubt::Lost));
    room.tick();
    for (seconds, pause) in [(10, 20), (2, 40), (4, 80), (60, 500)] {
        room.wait(seconds * 1_000);
        room.tick();
        assert_eq!(room.machine.pause(), pause * MILLIS);
    }
}

#[test]
fn members_that_come_are_polled_and_those_that_go_are_left() {
    let peer = |port: u16| Peer { endpoint: at(port), id: port.to_string() };
    let mut room = SentinelRoom::calm();
    let list = |room: &mut SentinelRoom, replicas: &[u16], peers: &[u16]| {
        for sentinel in [91, 92, 93] {
            let lists = Lists {
                replicas: Some(replicas.iter().copied().map(at).collect()),
                peers: Some(peers.iter().copied().filter(|it| *it != sentinel).map(peer).collect()),
                ..Lists::default()
            };
            room.report(Report::Lists { sentinel: at(sentinel), lists });
        }
    };
    list(&mut room, &[2, 3, 4], &[91, 92, 93, 94]);
    assert_eq!(room.tick(), ["poll 94", "poll 4"]);
    list(&mut room, &[3, 4], &[91, 92, 93]);
    assert_eq!(room.tick(), ["leave 94", "leave 2"]);
    // The lists may have changed: they are read again.
    room.wait(20);
    room.notice(Notice::Changed);
    assert_eq!(room.tick(), ["ask every None for 2"]);
}

#[test]
fn the_first_lists_wait_for_those_of_other_seeds() {
    let peer = Peer { endpoint: at(94), id: "94".into() };
    let lists = Lists { replicas: Some(vec![at(9)]), peers: Some(vec![peer]), ..Lists::default() };
    let nobody =
        || Lists { replicas: Some(Vec::new()), peers: Some(Vec::new()), ..Lists::default() };
    for are_others_told in [true, false] {
        let mut room = SentinelRoom::new();
        room.tick();
        room.report(Report::Lists { sentinel: at(91), lists: lists.clone() });
        assert_eq!(room.tick(), [""; 0]);
        assert_eq!(room.machine.pause(), RELISTED);
        if are_others_told {
            for sentinel in [92, 93] {
                room.report(Report::Lists { sentinel: at(sentinel), lists: nobody() });
            }
        }
        room.wait(50);
        let polled = if are_others_told { vec![] } else { vec!["poll 94", "poll 9"] };
        assert_eq!(room.tick(), polled);
    }
}

#[test]
fn who_is_not_polled_is_not_heard() {
    let mut room = SentinelRoom::calm();
    room.word(99, view(9, 9));
    room.roles(&[(9, PRIMARY)]);
    assert_eq!(room.tick(), [""; 0]);
}

#[test]
fn each_round_of_a_search_in_vain_counts_once() {
    let mut room = SentinelRoom::new();
    room.tick();
    room.words(&mute());
    let first = room.tick();
    assert!(first[0].starts_with("cut off") && first[1] == "missed 1", "{first:?}");
    assert_eq!(room.tick(), ["missed 1"]);
    for rounds in 2..6 {
        room.wait(1_000);
        let done = room.tick();
        assert_eq!(done, [format!("missed {rounds}")]);
    }
    room.words(&view(1, 5));
    room.tick();
    room.roles(&[(1, PRIMARY)]);
    assert!(room.tick().contains(&"1 serves".to_owned()));
}

#[test]
fn a_missing_majority_is_told_once_and_so_is_its_end() {
    let mut room = SentinelRoom::calm();
    for sentinel in [91, 92] {
        room.word(sentinel, mute());
    }
    for millis in [0, 4_999] {
        room.wait(millis);
        assert_eq!(room.tick(), [""; 0]);
    }
    room.wait(1);
    assert_eq!(room.tick(), ["1 of 3 sentinels"]);
    for _ in 0..3 {
        room.wait(60_000);
        assert_eq!(room.tick(), [""; 0]);
    }
    room.word(92, view(1, 5));
    assert_eq!(room.tick(), ["sentinels suffice"]);
    // A moment without one is no news.
    room.word(92, mute());
    room.tick();
    room.wait(4_000);
    room.word(92, view(1, 5));
    room.tick();
    room.wait(4_000);
    assert_eq!(room.tick(), [""; 0]);
}

#[test]
fn why_a_search_finds_nobody_though_sentinels_answer_is_told_once() {
    let silent: Testimony = Err(Silence { class: Class::Unreachable, why: "it is gone".into() });
    let mut room = SentinelRoom::new();
    room.tick();
    room.words(&Word::Unknown);
    let told = room.tick();
    assert_eq!(told[0], "in vain: no sentinel of h:91, h:92, h:93 knows `mymaster`");
    room.words(&view(1, 5));
    room.tick();
    room.roles(&[(1, silent)]);
    room.wait(2_000);
    assert_eq!(room.tick(), ["missed 2"]);
    room.roles(&[(1, PRIMARY)]);
    assert!(room.tick().contains(&"1 serves".to_owned()));
}

#[test]
fn however_often_lists_are_said_to_have_changed_they_are_asked_for_fifty_times_a_second() {
    let mut room = SentinelRoom::calm();
    room.wait(1_000);
    let mut orders = 0;
    for _ in 0..500 {
        room.notice(Notice::Changed);
        orders += room.tick().len();
        room.wait(1);
    }
    assert_eq!(orders, 25);
    assert_eq!(room.machine.pause(), 20 * MILLIS);
    room.wait(20);
    assert_eq!(room.tick().len(), 1, "the last of them counts as well");
    assert_eq!(room.machine.pause(), CALM);
}

#[test]
fn who_lists_more_than_are_taken_is_told_of_once() {
    let mut room = SentinelRoom::calm();
    let all = Listed { replicas: 2_000, peers: 3 };
    let lists = || Lists { all, ..Lists::default() };
    let mut told = Vec::new();
    for sentinel in [91, 92, 91, 99] {
        told.extend(room.report(Report::Lists { sentinel: at(sentinel), lists: lists() }));
    }
    assert_eq!(told, ["91 lists 2000 and 3"]);
}

#[test]
fn an_outlier_is_looked_into_for_a_while_and_then_left_alone() {
    let mut room = SentinelRoom::calm();
    room.word(93, view(8, u64::MAX));
    // Nobody else knows the node: it is not even connected to.
    assert_eq!(room.tick(), ["ask every Some(20ms) for 1"]);
    room.wait(2_000);
    assert_eq!(room.tick(), ["ask every None for 1"]);
    for _ in 0..100 {
        room.wait(1_000);
        room.words(&view(1, 5));
        room.word(93, view(8, u64::MAX));
        room.tick();
    }
    assert!(room.is_confirmed());
}

#[test]
fn whose_answer_is_waited_for_is_dialed_first() {
    let urged = |room: &mut SentinelRoom| -> Vec<u16> {
        let actions = room.event(SentinelEvent::Tick);
        let urged = actions.into_iter().filter_map(|action| match action {
            SentinelAction::Urge(node) => Some(node.port),
            _ => None,
        });
        urged.collect()
    };
    let mut room = SentinelRoom::new();
    room.tick();
    let lists = Lists { replicas: Some(vec![at(2), at(3)]), ..Lists::default() };
    for sentinel in [91, 92, 93] {
        room.word(sentinel, view(1, 5));
        let lists = lists.clone();
        room.report(Report::Lists { sentinel: at(sentinel), lists });
    }
    assert_eq!(urged(&mut room), [1]);
    room.roles(&[(1, PRIMARY)]);
    assert_eq!(urged(&mut room), [0; 0]);
    room.doubt(Some(Doubt::Lost));
    room.notice(Notice::Chosen { replica: at(3), primary: at(1) });
    assert_eq!(urged(&mut room), [3]);
    room.word(92, view(2, 6));
    assert_eq!(urged(&mut room), [2]);
}
