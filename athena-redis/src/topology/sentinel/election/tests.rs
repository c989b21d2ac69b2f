use super::*;

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
        election.convene(&[91, 92, 93].map(at).into(), &[1, 2, 3].map(at).into());
        Self { election, now: Instant::now() }
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
fn the_first_primary_is_the_one_of_the_newest_epoch_that_says_so_itself() {
    let unheard = || Word::Unheard;
    let dead = || mute(Class::Unreachable, "");
    for (words, roles, expected) in [
        ([view(1, 5), view(1, 5), view(1, 5)], [PRIMARY, replica_of(1)], Some(1)),
        ([view(1, 5), view(2, 6), view(1, 5)], [PRIMARY, PRIMARY], Some(2)),
        ([view(1, 5), view(2, 6), view(1, 5)], [PRIMARY, replica_of(1)], None),
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
    room.hear(&[view(1, 5), view(1, 5)]);
    room.testify(&[PRIMARY]);
    assert_eq!(room.decide(), None);
    room.pass(FIRST);
    assert_eq!(room.decide(), Some(1));
}

#[test]
fn an_announcement_of_a_newer_epoch_is_followed_once_the_node_agrees() {
    for (word, role, expected) in [
        (view(2, 6), PRIMARY, Some(2)),
        (view(2, 6), replica_of(1), None),
        (view(2, 6), silent(), None),
        (view(2, 5), PRIMARY, None),
        (view(2, 4), PRIMARY, None),
    ] {
        let mut room = Room::seated();
        room.hear(std::slice::from_ref(&word));
        room.testify(&[PRIMARY, role.clone()]);
        assert_eq!(room.decide(), expected, "{word:?} {role:?}");
    }
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
    assert_eq!(room.election.candidates(), [at(1), at(7)].into());
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
fn sentinels_that_disagree_do_not_insist() {
    let mut room = Room::seated();
    room.testify(&[silent(), PRIMARY, PRIMARY]);
    for words in [
        [view(2, 0), view(3, 0), view(2, 0)],
        [view(2, 0), view(2, 0), view(1, 5)],
        [view(2, 0), view(2, 0), view(2, 0)],
        [view(3, 0), view(3, 0), view(3, 0)],
    ] {
        room.hear(&words);
        assert_eq!(room.decide(), None);
        room.pass(INSIST.checked_sub(Duration::from_millis(1)).unwrap());
        assert_eq!(room.decide(), None, "{words:?}");
    }
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
    room.hear(&[view(2, 6)]);
    room.testify(&[PRIMARY, PRIMARY]);
    assert_eq!(room.decide(), Some(2));
    assert_eq!(room.election.confirmed(), None);
    // For a while no sentinel lists it.
    room.election.convene(&[91, 92, 93].map(at).into(), &[2, 3].map(at).into());
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
        let addresses = [91, 92, 93, 81, 82, 83].map(at).into();
        room.election.convene(&addresses, &[1].map(at).into());
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
fn an_address_that_leads_to_another_sentinel_from_now_on_takes_no_vote_with_it() {
    let mut room = Room::seated();
    voices(&mut room, &[(91, Some(91), 4), (92, Some(92), 4), (93, Some(93), 4)]);
    assert!(room.election.confirmed().is_some());
    room.pass(Duration::from_secs(1));
    // Two names have turned to the same one.
    voices(&mut room, &[(91, Some(91), 4), (92, Some(91), 4), (93, Some(91), 4)]);
    room.election.convene(&[91, 92, 93].map(at).into(), &[1].map(at).into());
    assert_eq!(room.election.confirmed(), None);
}

#[test]
fn a_smaller_number_of_sentinels_is_believed_after_a_minute() {
    let mut room = Room::seated();
    voices(&mut room, &[(91, Some(91), 2), (92, Some(92), 2)]);
    // The others are gone, and this one was reset.
    for seconds in [1, 30, 30] {
        assert_eq!(room.election.electorate.size(0), 3, "{seconds}");
        room.pass(Duration::from_secs(seconds));
        voices(&mut room, &[(91, Some(91), 0)]);
    }
    room.election.convene(&[91].map(at).into(), &[1].map(at).into());
    assert_eq!(room.election.electorate.size(0), 1);
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
