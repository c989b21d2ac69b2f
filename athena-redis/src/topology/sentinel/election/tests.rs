use super::ballot::FIRST;
use super::takeover::{INSIST, INSIST_AGAINST, INSIST_DURING};
use super::*;
use crate::topology::sentinel::replies::SentinelView;

fn at(port: u16) -> Endpoint {
    Endpoint { host: "127.0.0.1".into(), port }
}

fn view(port: u16, epoch: u64) -> Word {
    let (id, others) = (None, Some(2));
    Word::Names(SentinelView { id, others, address: at(port), epoch, replacing: None })
}

fn replacing(port: u16, epoch: u64) -> Word {
    let (id, others, replacing) = (None, Some(2), Some(at(port)));
    Word::Names(SentinelView { id, others, address: at(port), epoch, replacing })
}

/// The word of a sentinel with an id that knows so many others.
fn by(id: u16, others: usize, word: Word) -> Word {
    match word {
        Word::Names(view) => {
            Word::Names(SentinelView { id: Some(id.to_string()), others: Some(others), ..view })
        }
        other => other,
    }
}

fn mute(class: Class, why: &str) -> Word {
    Word::Mute(Silence { class, why: why.into() })
}

fn silent() -> Testimony {
    Err(Silence { class: Class::Unreachable, why: "redis at 127.0.0.1:1 is gone".into() })
}

#[expect(clippy::unnecessary_wraps, reason = "one answer of several that a node may give")]
fn replica_of(port: u16) -> Testimony {
    Ok(Role::Replica(Some(at(port))))
}

const PRIMARY: Testimony = Ok(Role::Primary(()));

/// The word of sentinels 91 to 93, and its clock.
struct Room {
    election: Election,
    now: Instant,
}

impl Room {
    /// Nobody has said anything.
    fn new() -> Self {
        let mut election = Election::default();
        let now = Instant::now();
        election.convene(&[91, 92, 93].map(at).into(), [1, 2, 3].map(|it| (at(it), 3)).into(), now);
        Self { election, now }
    }

    /// Node 1 is the primary by epoch 5, and 2 and 3 follow it.
    fn seated() -> Self {
        let mut room = Self::new();
        room.hear(&[view(1, 5), view(1, 5), view(1, 5)]);
        room.testify(&[PRIMARY, replica_of(1), replica_of(1)]);
        assert_eq!(room.decide(), Some(1));
        room
    }

    fn hear(&mut self, words: &[Word]) {
        for (sentinel, word) in (91..).zip(words) {
            self.election.hear(&at(sentinel), by(sentinel, 2, word.clone()), self.now);
        }
    }

    fn testify(&mut self, roles: &[Testimony]) {
        for (node, role) in (1..).zip(roles) {
            self.election.testify(&at(node), role.clone());
        }
    }

    /// Has sentinels be known, and nodes be listed as replicas by three of them.
    fn convene<const S: usize, const N: usize>(&mut self, sentinels: [u16; S], nodes: [u16; N]) {
        self.list(sentinels, nodes.map(|it| (it, 3)));
    }

    /// Has sentinels be known, and nodes be listed as replicas by so many each.
    fn list<const S: usize, const N: usize>(
        &mut self,
        sentinels: [u16; S],
        nodes: [(u16, usize); N],
    ) {
        let listed = nodes.map(|(node, count)| (at(node), count)).into();
        self.election.convene(&sentinels.map(at).into(), listed, self.now);
    }

    /// Whom somebody may turn to.
    fn candidates(&self) -> Vec<u16> {
        self.election.candidates(self.now).into_iter().map(|node| node.port).collect()
    }

    /// Something speaks against the seat on its link.
    fn doubt(&mut self) {
        self.election.note_doubt(true);
    }

    fn learn(&mut self, notices: &Notice) {
        self.election.learn(notices, self.now);
    }

    fn decide(&mut self) -> Option<u16> {
        self.election.decide(self.now).map(|endpoint| endpoint.port)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }
}

fn underway(primary: u16) -> Notice {
    Notice::Underway { primary: at(primary) }
}

fn chosen(replica: u16, primary: u16) -> Notice {
    Notice::Chosen { replica: at(replica), primary: at(primary) }
}

#[test]
fn the_first_primary_is_the_one_that_most_name_or_else_of_the_newest_epoch_if_it_says_so_itself() {
    let unheard = || Word::Unheard;
    let dead = || mute(Class::Unreachable, "");
    for (words, roles, expected) in [
        ([view(1, 5), view(1, 5), view(1, 5)], [PRIMARY, replica_of(1)], Some(1)),
        ([view(1, 5), view(2, 6), view(1, 5)], [PRIMARY, PRIMARY], Some(1)),
        ([view(1, 5), view(2, u64::MAX), view(1, 5)], [PRIMARY, PRIMARY], Some(1)),
        ([view(1, 5), view(2, 6), view(1, 5)], [PRIMARY, replica_of(1)], Some(1)),
        ([view(1, 5), view(2, 6), view(1, 5)], [silent(), PRIMARY], Some(2)),
        ([view(1, 5), view(2, 6), view(1, 5)], [replica_of(2), PRIMARY], Some(2)),
        ([view(1, 5), view(2, 6), dead()], [PRIMARY, PRIMARY], Some(2)),
        ([view(1, 5), view(9, 7), dead()], [PRIMARY, PRIMARY], Some(1)),
        ([view(1, 5), view(1, 5), view(1, 5)], [replica_of(2), PRIMARY], None),
        ([view(1, 5), view(1, 5), view(1, 5)], [silent(), silent()], None),
        ([view(2, 5), view(1, 5), view(1, 5)], [PRIMARY, PRIMARY], Some(1)),
        ([view(1, 5), dead(), dead()], [PRIMARY, replica_of(1)], Some(1)),
        ([view(1, 5), dead(), Word::Unknown], [PRIMARY, replica_of(1)], Some(1)),
        ([view(1, 5), unheard(), dead()], [PRIMARY, replica_of(1)], None),
        ([dead(), dead(), dead()], [PRIMARY, replica_of(1)], None),
    ] {
        let mut room = Room::new();
        room.hear(&words);
        room.testify(&roles);
        assert_eq!(room.decide(), expected, "{words:?} {roles:?}");
    }
}

#[test]
fn a_sentinel_that_does_not_answer_holds_up_the_first_search_for_50_ms_at_most() {
    let mut room = Room::new();
    room.hear(&[view(1, 5)]);
    room.testify(&[PRIMARY]);
    assert_eq!(room.decide(), None);
    room.pass(FIRST);
    assert_eq!(room.decide(), Some(1));
}

#[test]
fn a_first_search_does_not_believe_that_there_are_no_others_while_some_are_awaited() {
    for others in [0, 1, 2] {
        let mut room = Room::new();
        room.convene([91, 92, 93], [2]);
        room.election.hear(&at(91), by(1, others, view(2, 9)), room.now);
        room.testify(&[PRIMARY, PRIMARY]);
        assert_eq!(room.decide(), None, "{others}");
        // Nor is whom it names told a password.
        assert_eq!(room.candidates(), [0; 0], "{others}");
        for (sentinel, id) in [(92, 2), (93, 3)] {
            room.election.hear(&at(sentinel), by(id, 2, view(1, 5)), room.now);
        }
        room.convene([91, 92, 93], [1, 2]);
        room.testify(&[PRIMARY, PRIMARY]);
        assert_eq!(room.decide(), Some(1), "{others}");
    }
    // Nobody else answers in time: it may be the only one indeed.
    let mut room = Room::new();
    room.convene([91, 92, 93], [2]);
    room.election.hear(&at(91), by(1, 0, view(2, 9)), room.now);
    assert_eq!(room.decide(), None);
    room.pass(FIRST);
    room.testify(&[PRIMARY, PRIMARY]);
    assert_eq!(room.decide(), Some(2));
}

#[test]
fn a_first_search_asks_whom_most_name_before_it_believes_another() {
    let mut room = Room::new();
    room.convene([91, 92, 93], []);
    room.hear(&[view(2, 9)]);
    // Who knows no better than the first sentinel may be told no password yet.
    assert_eq!(room.candidates(), [0; 0]);
    room.hear(&[view(2, 9), view(1, 5), view(1, 5)]);
    assert_eq!(room.candidates(), [1]);
    room.convene([91, 92, 93], []);
    room.testify(&[silent()]);
    assert_eq!(room.candidates(), [1, 2]);
    room.testify(&[PRIMARY]);
    assert_eq!(room.decide(), Some(1));
    assert_eq!(room.candidates(), [1]);
}

/// What is said of the seat.
#[derive(Debug, Clone, Copy)]
enum Ours {
    Sound,
    /// Nothing has come over its link for a while, or that is lost.
    Doubted,
    Silent,
    Demoted,
    Announced,
}

impl Ours {
    fn show(self, room: &mut Room) {
        match self {
            Self::Sound => {}
            Self::Doubted => room.doubt(),
            Self::Silent => room.testify(&[silent()]),
            Self::Demoted => room.testify(&[replica_of(3)]),
            Self::Announced => room.learn(&chosen(2, 1)),
        }
    }
}

const OUTLIER: u64 = u64::MAX;

/// Node 2 says that it is the primary, and has been a replica of ours; node 7 always said so.
#[test]
fn who_serves_is_decided_by_most_sentinels_while_the_primary_answers_as_one() {
    use Ours::{Announced, Demoted, Doubted, Silent, Sound};
    let dead = || mute(Class::Unreachable, "");
    let unknown = || Word::Unknown;
    for (name, ours, words, expected) in [
        ("one of three", Sound, vec![view(1, 5), view(1, 5), view(2, 6)], None),
        ("its epoch is huge", Sound, vec![view(1, 5), view(1, 5), view(2, OUTLIER)], None),
        ("two of three", Sound, vec![view(1, 5), view(2, 6), view(2, 6)], Some(2)),
        ("two, one far ahead", Sound, vec![view(1, 5), view(2, OUTLIER), view(2, 6)], Some(2)),
        ("two, one behind", Sound, vec![view(1, 5), view(2, OUTLIER), view(2, 5)], None),
        ("all", Sound, vec![view(2, 6), view(2, 6), view(2, 6)], Some(2)),
        ("two name a stranger", Sound, vec![view(1, 5), view(7, 6), view(7, 6)], Some(7)),
        ("each another", Sound, vec![view(1, 5), view(2, 6), view(7, 7)], None),
        ("one, and one is gone", Sound, vec![view(1, 5), dead(), view(2, 6)], None),
        ("one, and both are gone", Sound, vec![dead(), dead(), view(2, 6)], None),
        ("one, others know nobody", Sound, vec![unknown(), unknown(), view(2, 6)], None),
        ("a replica", Sound, vec![view(1, 5), view(3, 6), view(3, 6)], None),
        ("nobody", Sound, vec![view(1, 5), unknown(), view(1, 5)], None),
        ("doubted", Doubted, vec![view(1, 5), view(1, 5), view(2, 6)], Some(2)),
        ("silent", Silent, vec![view(1, 5), view(1, 5), view(2, 6)], Some(2)),
        ("demoted", Demoted, vec![view(1, 5), view(1, 5), view(2, 6)], Some(2)),
        ("announced", Announced, vec![view(1, 5), view(1, 5), view(1, 5)], Some(2)),
        ("silent, an older word", Silent, vec![view(1, 5), view(1, 5), view(2, 5)], None),
        ("silent, and it names a replica", Silent, vec![view(1, 5), view(3, 9)], None),
        (
            "silent, an outlier names a replica, and another one who it is",
            Silent,
            vec![view(1, 5), view(3, OUTLIER), view(2, 6)],
            Some(2),
        ),
        (
            "silent, an outlier names nobody we know, and most who it is",
            Silent,
            vec![view(8, OUTLIER), view(2, 6), view(2, 6)],
            Some(2),
        ),
    ] {
        let mut room = Room::seated();
        room.convene([91, 92, 93], [1, 2, 3, 7]);
        room.hear(&words);
        ours.show(&mut room);
        room.election.testify(&at(2), PRIMARY);
        room.election.testify(&at(7), PRIMARY);
        assert_eq!(room.decide(), expected, "{name}");
    }
}

#[test]
fn a_stranger_that_an_outlier_announces_takes_no_sound_seat() {
    for (name, notices) in [
        ("chosen", vec![chosen(7, 1)]),
        ("under way", vec![underway(1)]),
        ("switched", vec![Notice::Changed, chosen(7, 1)]),
    ] {
        let mut room = Room::seated();
        room.convene([91, 92, 93], [1, 2, 3, 7]);
        room.hear(&[view(1, 5), view(1, 5), view(7, OUTLIER)]);
        room.election.testify(&at(7), PRIMARY);
        for notice in &notices {
            room.learn(notice);
        }
        assert_eq!(room.decide(), None, "{name}");
        assert!(!room.election.is_outdated(), "{name}");
    }
}

#[test]
fn a_replica_that_one_sentinel_lists_and_announces_takes_no_sound_seat() {
    for (name, ours, listed_by, expected) in [
        ("listed by one", Ours::Sound, 1, None),
        ("listed by one, and ours is silent", Ours::Silent, 1, Some(7)),
        ("listed by two of three", Ours::Sound, 2, Some(7)),
    ] {
        for notice in [chosen(7, 1), underway(1)] {
            let mut room = Room::seated();
            room.list([91, 92, 93], [(1, 3), (2, 3), (7, listed_by)]);
            room.election.testify(&at(7), replica_of(1));
            room.learn(&notice);
            ours.show(&mut room);
            room.election.testify(&at(7), PRIMARY);
            assert_eq!(room.decide(), expected, "{name}");
        }
    }
}

#[test]
fn in_a_first_search_one_that_announces_a_failover_waits_for_the_others() {
    let mut room = Room::new();
    room.list([91, 92, 93], [(7, 1)]);
    room.election.testify(&at(7), replica_of(1));
    room.hear(&[replacing(1, 9)]);
    room.learn(&chosen(7, 1));
    room.testify(&[silent()]);
    room.election.testify(&at(7), PRIMARY);
    assert_eq!(room.decide(), None);
    room.pass(FIRST);
    assert_eq!(room.decide(), Some(7));
}

#[test]
fn few_sentinels_decide_as_many_as_there_are() {
    for (name, sentinels, words, expected) in [
        ("the only one", 0, vec![view(2, 6)], Some(2)),
        ("one of two", 1, vec![view(1, 5), view(2, 6)], None),
        ("both", 1, vec![view(2, 6), view(2, 6)], Some(2)),
        ("one of two, and the other is gone", 1, vec![mute(Class::Timeout, ""), view(2, 6)], None),
    ] {
        let mut room = Room::new();
        room.convene([91, 92], [1, 2]);
        let say = |room: &mut Room, words: &[Word]| {
            for (sentinel, word) in (91..).zip(words) {
                room.election.hear(&at(sentinel), by(sentinel, sentinels, word.clone()), room.now);
            }
        };
        say(&mut room, &vec![view(1, 5); words.len()]);
        room.testify(&[PRIMARY, PRIMARY]);
        room.pass(FIRST);
        assert_eq!(room.decide(), Some(1), "{name}");
        say(&mut room, &words);
        assert_eq!(room.decide(), expected, "{name}");
    }
}

#[test]
fn a_majority_wins_back_whatever_an_outlier_says() {
    for (name, outlier) in [
        ("a huge epoch", view(2, OUTLIER)),
        ("that it replaces the one whom most name", replacing(1, OUTLIER)),
        ("that it replaces the one that serves", replacing(2, OUTLIER)),
    ] {
        let mut room = Room::seated();
        room.hear(&[view(1, 5), view(1, 5), view(2, OUTLIER)]);
        room.testify(&[silent(), PRIMARY]);
        assert_eq!(room.decide(), Some(2), "{name}");
        // It is back, and was never replaced.
        room.testify(&[PRIMARY, PRIMARY]);
        room.hear(&[view(1, 5), view(1, 5), outlier.clone()]);
        let patience = match outlier {
            Word::Names(SentinelView { replacing: Some(_), .. }) => INSIST_DURING,
            _ => INSIST_AGAINST,
        };
        assert_eq!(room.decide(), None, "{name}");
        room.pass(patience.checked_sub(Duration::from_millis(1)).unwrap());
        assert_eq!(room.decide(), None, "{name}");
        room.pass(Duration::from_millis(1));
        assert_eq!(room.decide(), Some(1), "{name}");
        assert_eq!(room.decide(), None, "{name}");
        // Nor does what it said make the next failover look outdated.
        room.hear(&[view(3, 6), view(3, 6), view(2, OUTLIER)]);
        room.testify(&[PRIMARY, PRIMARY, PRIMARY]);
        assert_eq!(room.decide(), Some(3), "{name}");
    }
}

#[test]
fn a_failover_that_most_have_made_wins_back_at_once_what_an_outlier_took() {
    let mut room = Room::seated();
    room.hear(&[view(1, 5), view(1, 5), view(2, OUTLIER)]);
    room.testify(&[silent(), PRIMARY]);
    assert_eq!(room.decide(), Some(2));
    room.hear(&[view(3, 6), view(3, 6)]);
    room.testify(&[silent(), PRIMARY, PRIMARY]);
    assert_eq!(room.decide(), Some(3));
}

#[test]
fn whom_a_minority_names_is_told_no_password_while_the_primary_is_sound() {
    for (name, ours, words, expected) in [
        ("one", Ours::Sound, [view(1, 5), view(1, 5), view(8, 6)], vec![1]),
        ("two", Ours::Sound, [view(1, 5), view(8, 6), view(8, 6)], vec![1, 8]),
        ("each another", Ours::Sound, [view(7, 5), view(8, 6), view(1, 5)], vec![1]),
        ("one, and ours is silent", Ours::Silent, [view(1, 5), view(1, 5), view(8, 6)], vec![1, 8]),
        ("one, and it is chosen", Ours::Announced, [view(1, 5), view(1, 5), view(8, 6)], vec![1]),
    ] {
        let mut room = Room::seated();
        room.hear(&words);
        ours.show(&mut room);
        assert_eq!(room.candidates(), expected, "{name}");
    }
}

#[test]
fn a_stranger_that_an_outlier_names_does_not_end_the_confirmation() {
    let mut room = Room::seated();
    let start = room.now;
    confirm(&mut room, start, &[(view(1, 5), 1), (view(1, 5), 1), (view(7, 9), 1)]);
    room.doubt();
    room.convene([91, 92, 93], [1, 2, 3]);
    room.election.testify(&at(7), PRIMARY);
    assert!(room.election.confirmed().is_some());
    room.convene([91, 92, 93], [1, 2, 3, 7]);
    assert_eq!(room.election.confirmed(), None, "most list it");
}

#[test]
fn one_that_claims_that_there_are_many_is_outvoted() {
    let mut room = Room::seated();
    let say = |room: &mut Room, node: u16, epoch: u64| {
        for (sentinel, others) in [(91, 2), (92, 2), (93, 1_000_000)] {
            room.election.hear(&at(sentinel), by(sentinel, others, view(node, epoch)), room.now);
            room.election.confirm(&at(sentinel), room.now);
        }
    };
    say(&mut room, 1, 5);
    assert_eq!(room.election.ballot.size(), 3);
    assert!(room.election.confirmed().is_some());
    room.testify(&[PRIMARY, PRIMARY]);
    say(&mut room, 2, 6);
    assert_eq!(room.decide(), Some(2));
}

#[test]
fn a_replica_that_says_it_is_the_primary_is_believed_only_in_a_failover() {
    let mut room = Room::seated();
    room.testify(&[silent(), PRIMARY]);
    assert_eq!(room.decide(), None);
    room.learn(&Notice::Down { primary: at(1) });
    assert_eq!(room.decide(), None);
    room.learn(&underway(1));
    assert_eq!(room.decide(), Some(2));

    let mut room = Room::seated();
    room.testify(&[silent(), PRIMARY]);
    room.hear(&[replacing(1, 5)]);
    assert_eq!(room.decide(), Some(2));
}

#[test]
fn a_failover_of_another_node_or_one_that_was_given_up_proves_nothing() {
    for notices in [vec![underway(3)], vec![underway(1), Notice::Abandoned { primary: at(1) }]] {
        let mut room = Room::seated();
        for notices in &notices {
            room.learn(notices);
        }
        room.testify(&[PRIMARY, PRIMARY]);
        assert_eq!(room.decide(), None, "{notices:?}");
    }
    let mut room = Room::seated();
    room.learn(&underway(1));
    room.pass(UNDERWAY);
    room.testify(&[PRIMARY, PRIMARY]);
    assert_eq!(room.decide(), None);
}

#[test]
fn only_the_chosen_replica_is_promoted() {
    let mut room = Room::seated();
    room.learn(&chosen(3, 1));
    room.learn(&underway(1));
    room.testify(&[PRIMARY, PRIMARY]);
    assert_eq!(room.decide(), None);
    room.testify(&[PRIMARY, PRIMARY, PRIMARY]);
    assert_eq!(room.decide(), Some(3));
}

#[test]
fn a_primary_of_long_ago_that_returns_is_not_taken_for_a_promoted_replica() {
    let mut room = Room::seated();
    room.election.forget(&at(3));
    room.learn(&underway(1));
    room.testify(&[silent(), replica_of(1), PRIMARY]);
    assert_eq!(room.decide(), None);
    room.testify(&[silent(), PRIMARY]);
    assert_eq!(room.decide(), Some(2));
}

#[test]
fn after_an_early_adoption_nobody_leads_back_before_the_epoch_has_moved() {
    let mut room = Room::seated();
    room.learn(&chosen(2, 1));
    room.testify(&[PRIMARY, PRIMARY]);
    assert_eq!(room.decide(), Some(2));
    room.hear(&[replacing(1, 5), view(1, 5), view(1, 5)]);
    for _ in 0..50 {
        room.pass(Duration::from_millis(100));
        assert_eq!(room.decide(), None);
    }
    // The announcement confirms the seat, and outdates what the others still say.
    room.hear(&[view(2, 6)]);
    assert_eq!(room.decide(), None);
    assert!(!room.election.is_outdated());
    room.hear(&[view(2, 6), view(3, 6), view(3, 7)]);
    room.testify(&[replica_of(2), PRIMARY, PRIMARY]);
    assert_eq!(room.decide(), Some(3));
}

#[test]
fn a_primary_that_follows_another_one_gives_its_seat_to_that() {
    let mut room = Room::seated();
    room.testify(&[replica_of(2), replica_of(1)]);
    assert_eq!(room.decide(), None);
    room.testify(&[replica_of(2), PRIMARY]);
    assert_eq!(room.decide(), Some(2));
}

#[test]
fn whomever_the_primary_follows_is_asked_although_nobody_listed_it() {
    let mut room = Room::seated();
    room.testify(&[replica_of(7)]);
    assert_eq!(room.candidates(), [1, 7]);
}

#[test]
fn the_same_word_twice_is_nothing_new_nor_is_another_reason_to_be_silent() {
    let mut room = Room::seated();
    let mut hear = |word| room.election.hear(&at(91), by(91, 2, word), room.now);
    assert!(!hear(view(1, 5)));
    assert!(hear(mute(Class::Unreachable, "refused")));
    assert!(!hear(mute(Class::Timeout, "silent")));
    assert!(hear(view(1, 5)));
    assert!(hear(view(1, 6)));
}

#[test]
fn sentinels_that_insist_are_followed_whatever_the_epoch() {
    for (ours, words, patience) in [
        (silent(), [view(2, 0), view(2, 0), mute(Class::Unreachable, "")], INSIST),
        (replica_of(3), [view(2, 0), view(2, 0), view(2, 0)], INSIST),
        (PRIMARY, [view(2, 0), view(2, 0), view(2, 0)], INSIST_AGAINST),
    ] {
        let mut room = Room::seated();
        room.hear(&words);
        room.testify(&[ours.clone(), PRIMARY]);
        assert_eq!(room.decide(), None);
        room.pass(patience.checked_sub(Duration::from_millis(1)).unwrap());
        assert_eq!(room.decide(), None, "{ours:?}");
        room.pass(Duration::from_millis(1));
        assert_eq!(room.decide(), Some(2), "{ours:?}");
        assert_eq!(room.decide(), None);
    }
}

#[test]
fn sentinels_that_disagree_or_change_their_minds_do_not_insist() {
    let dead = || mute(Class::Unreachable, "");
    let mut room = Room::seated();
    room.testify(&[silent(), PRIMARY, PRIMARY]);
    for words in [
        [view(2, 0), view(3, 0), dead()],
        [view(2, 0), view(2, 0), view(1, 5)],
        [view(2, 0), dead(), view(1, 5)],
        [view(2, 0), view(2, 0), view(2, 0)],
        [view(3, 0), view(3, 0), view(2, 0)],
    ] {
        room.hear(&words);
        assert_eq!(room.decide(), None);
        room.pass(INSIST.checked_sub(Duration::from_millis(1)).unwrap());
        assert_eq!(room.decide(), None, "{words:?}");
    }
    room.pass(Duration::from_millis(1));
    assert_eq!(room.decide(), Some(3));
}

#[test]
fn losing_every_sentinel_changes_nothing() {
    let mut room = Room::seated();
    let dead = mute(Class::Unreachable, "");
    room.hear(&[dead.clone(), dead.clone(), dead]);
    assert_eq!(room.decide(), None);
    assert!(room.election.is_cut_off() && room.election.is_seated_well());
    assert!(!room.election.is_outdated() && !room.election.is_demoted());
}

#[test]
fn an_absence_says_what_is_wrong_and_not_before_all_were_heard() {
    let dead = || mute(Class::Unreachable, "s is dead");
    let denied = || mute(Class::Denied, "wrong password");
    let absence = |words: &[Word], roles: &[Testimony]| {
        let mut room = Room::new();
        room.hear(words);
        room.testify(roles);
        room.election.absence("m").map(|absence| absence.to_string())
    };
    for (words, roles, expected) in [
        (vec![dead(), dead()], vec![], None),
        (
            vec![dead(), dead(), dead()],
            vec![],
            Some("no sentinel can be reached: s is dead; s is dead; s is dead"),
        ),
        (
            vec![dead(), denied(), dead()],
            vec![],
            Some("the sentinels let us not in: wrong password"),
        ),
        (
            vec![dead(), denied(), Word::Unknown],
            vec![],
            Some("no sentinel of 127.0.0.1:91, 127.0.0.1:92, 127.0.0.1:93 knows `m`"),
        ),
        (vec![view(1, 1), dead(), dead()], vec![], None),
        (vec![view(1, 1), dead(), dead()], vec![PRIMARY], None),
        (
            vec![view(1, 1), dead(), Word::Unknown],
            vec![replica_of(2)],
            Some(
                "the sentinels name 127.0.0.1:1 for `m`, which is not usable: it says that it is a replica",
            ),
        ),
        (
            vec![view(1, 1), dead(), dead()],
            vec![silent()],
            Some(
                "the sentinels name 127.0.0.1:1 for `m`, which is not usable: redis at 127.0.0.1:1 is gone",
            ),
        ),
    ] {
        assert_eq!(absence(&words, &roles).as_deref(), expected, "{words:?} {roles:?}");
    }
}

/// Has sentinels name a node, each asked so many seconds after a start.
fn confirm(room: &mut Room, start: Instant, words: &[(Word, u64)]) {
    for (sentinel, (word, seconds)) in (91..).zip(words) {
        room.election.hear(&at(sentinel), by(sentinel, 2, word.clone()), room.now);
        room.election.confirm(&at(sentinel), start + Duration::from_secs(*seconds));
    }
}

#[test]
fn a_seat_is_confirmed_up_to_when_a_majority_was_asked() {
    let dead = || mute(Class::Timeout, "");
    for (words, expected) in [
        ([(view(1, 5), 3), (view(1, 5), 1), (view(1, 5), 2)], Some(2)),
        ([(view(1, 5), 3), (view(1, 5), 3), (dead(), 4)], Some(3)),
        ([(view(1, 5), 3), (view(1, 5), 1), (dead(), 4)], Some(1)),
        ([(view(1, 5), 3), (view(2, 5), 3), (view(1, 5), 2)], Some(2)),
        ([(view(1, 5), 3), (view(2, 5), 3), (dead(), 4)], None),
        ([(view(1, 5), 3), (Word::Unknown, 3), (dead(), 4)], None),
    ] {
        let mut room = Room::seated();
        let start = room.now;
        assert_eq!(room.election.confirmed(), None);
        confirm(&mut room, start, &words);
        let confirmed = room.election.confirmed().map(|at| (at - start).as_secs());
        assert_eq!(confirmed, expected, "{words:?}");
    }
}

#[test]
fn what_was_said_once_still_counts_when_nobody_says_more() {
    let mut room = Room::seated();
    let (start, dead) = (room.now, || mute(Class::Timeout, ""));
    confirm(&mut room, start, &[(view(1, 5), 1), (view(1, 5), 1), (view(1, 5), 1)]);
    confirm(&mut room, start, &[(view(1, 5), 5), (dead(), 5), (dead(), 5)]);
    assert_eq!(room.election.confirmed(), Some(start + Duration::from_secs(1)));
}

#[test]
fn a_seat_that_anything_speaks_against_is_not_confirmed() {
    let said = || [(view(1, 5), 1), (view(1, 5), 1), (view(1, 5), 1)];
    let signs: [fn(&mut Room); 5] = [
        |room| room.testify(&[PRIMARY, PRIMARY]),
        |room| room.testify(&[replica_of(2)]),
        |room| room.learn(&underway(1)),
        |room| room.learn(&chosen(2, 1)),
        |room| room.hear(&[replacing(1, 5)]),
    ];
    for (number, sign) in signs.into_iter().enumerate() {
        let mut room = Room::seated();
        let start = room.now;
        confirm(&mut room, start, &said());
        assert!(room.election.confirmed().is_some());
        sign(&mut room);
        assert_eq!(room.election.confirmed(), None, "sign {number}");
    }
}

#[test]
fn a_new_seat_is_confirmed_anew_though_the_former_one_does_not_know() {
    let mut room = Room::seated();
    let start = room.now;
    confirm(&mut room, start, &[(view(1, 5), 1), (view(1, 5), 1), (view(1, 5), 1)]);
    room.hear(&[view(2, 6), view(2, 6)]);
    room.testify(&[PRIMARY, PRIMARY]);
    assert_eq!(room.decide(), Some(2));
    assert_eq!(room.election.confirmed(), None);
    // For a while no sentinel lists it.
    room.convene([91, 92, 93], [2, 3]);
    room.testify(&[PRIMARY]);
    confirm(&mut room, start, &[(view(2, 6), 2), (view(2, 6), 2), (view(1, 5), 2)]);
    assert_eq!(room.election.confirmed(), Some(start + Duration::from_secs(2)));
    // Once it has followed, it is as good as any other that is promoted.
    room.testify(&[replica_of(2)]);
    assert!(room.election.confirmed().is_some());
    room.testify(&[PRIMARY]);
    assert_eq!(room.election.confirmed(), None);
}

/// Who answers at an address, and how many others it says that it knows.
type Voice = (u16, Option<u16>, usize);

/// Has sentinels at addresses name node 1, asked now.
fn voices(room: &mut Room, voices: &[Voice]) {
    for &(address, id, others) in voices {
        let word = match id {
            Some(id) => by(id, others, view(1, 5)),
            None => view(1, 5),
        };
        room.election.hear(&at(address), word, room.now);
        room.election.confirm(&at(address), room.now);
    }
}

#[test]
fn a_sentinel_counts_once_whatever_addresses_it_is_known_by() {
    let (a, b) = (Some(91), Some(92));
    // Addresses 91 to 93 are seeds, 81 to 83 are what the sentinels list for them.
    for (name, said, is_confirmed) in [
        ("one of three seeds by name is down, and listed", &[(91, a, 2), (92, b, 2)][..], true),
        ("one of three twice", &[(91, a, 2), (81, a, 2)], false),
        ("one of three at three names", &[(91, a, 2), (92, a, 2), (93, a, 2)], false),
        ("two of three, one of them twice", &[(91, a, 2), (81, a, 2), (82, b, 2)], true),
        (
            "two of five, though nobody lists the others' addresses",
            &[(91, a, 4), (92, b, 4)],
            false,
        ),
        ("the only one, and two seeds that never existed", &[(91, a, 0)], true),
        ("one that was reset, beside one that was not", &[(91, a, 0), (92, b, 4)], false),
        ("all that were reset at once", &[(91, a, 0), (92, b, 0)], true),
        ("two that do not say who they are", &[(91, None, 2), (92, None, 2)], false),
        ("one of two that does not say", &[(91, None, 2), (92, b, 2)], true),
    ] {
        let mut room = Room::new();
        room.convene([91, 92, 93, 81, 82, 83], [1]);
        voices(&mut room, said);
        room.testify(&[PRIMARY]);
        room.pass(FIRST);
        assert_eq!(room.decide(), Some(1), "{name}");
        voices(&mut room, said);
        let confirmed = room.election.confirmed();
        assert_eq!(confirmed.is_some(), is_confirmed, "{name}");
        assert_eq!(room.election.shortfall().is_none(), is_confirmed, "{name}");
    }
}

#[test]
fn one_that_takes_the_id_of_another_keeps_no_majority_from_being_found() {
    let many = 1_000_000;
    for (name, id, others) in [
        ("its own, and it claims many", 93, many),
        ("another's, and it claims many", 91, many),
        ("another's, and it claims none", 92, 0),
        ("another's, and it claims as many as there are", 92, 2),
    ] {
        let mut room = Room::seated();
        for _ in 0..2 {
            voices(&mut room, &[(93, Some(id), others), (91, Some(91), 2), (92, Some(92), 2)]);
            assert_eq!(room.election.ballot.size(), 3, "{name}");
            assert!(room.election.confirmed().is_some(), "{name}");
        }
    }
}

#[test]
fn an_address_that_leads_to_another_sentinel_from_now_on_takes_no_vote_with_it() {
    let mut room = Room::seated();
    voices(&mut room, &[(91, Some(91), 4), (92, Some(92), 4), (93, Some(93), 4)]);
    assert!(room.election.confirmed().is_some());
    room.pass(Duration::from_secs(1));
    // Two names have turned to the same one.
    voices(&mut room, &[(91, Some(91), 4), (92, Some(91), 4), (93, Some(91), 4)]);
    room.convene([91, 92, 93], [1]);
    assert_eq!(room.election.confirmed(), None);
}

#[test]
fn a_smaller_number_of_sentinels_is_believed_after_a_minute() {
    let mut room = Room::seated();
    voices(&mut room, &[(91, Some(91), 2), (92, Some(92), 2)]);
    // The others are gone, and this one was reset.
    for seconds in [1, 30, 30] {
        assert_eq!(room.election.ballot.size(), 3, "{seconds}");
        room.pass(Duration::from_secs(seconds));
        voices(&mut room, &[(91, Some(91), 0)]);
    }
    room.convene([91], [1]);
    assert_eq!(room.election.ballot.size(), 1);
    assert_eq!(room.election.confirmed(), Some(room.now));
}

#[test]
fn what_a_missing_majority_costs_is_said_with_the_reasons() {
    let mut room = Room::seated();
    assert_eq!(room.election.shortfall(), None);
    room.hear(&[
        view(1, 5),
        mute(Class::Timeout, "b is silent"),
        mute(Class::Timeout, "c is gone"),
    ]);
    let told = room.election.shortfall().unwrap().to_string();
    for part in [
        "1 of 3 sentinels hold 127.0.0.1:1",
        "2 have to",
        "invalidations stay `Pending`",
        "set `addresses`: b is silent; c is gone",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn of_former_seats_the_last_ones_are_remembered() {
    let mut room = Room::seated();
    for (node, epoch) in (2..500).zip(6..) {
        room.hear(&[view(node, epoch), view(node, epoch), view(node, epoch)]);
        room.election.testify(&at(node), PRIMARY);
        assert_eq!(room.decide(), Some(node));
    }
    assert_eq!(room.election.deposed.len(), MOST);
    assert!(room.election.deposed.contains(&at(498)));
}
