//! What is known of values that do not get through, and when each may be tried.
//!
//! Invariant: it reads no clock and draws no random number, so that a table of inputs tests it.

use std::collections::HashMap;
use std::time::Duration;

use crate::backend::{Class, Failure};
use crate::clock::Tick;
use crate::coherence::revision::Subject;

/// From so many bytes on a value travels apart from others.
pub(in crate::remote) const LARGE: u64 = 256 * 1024;

/// How long a name is left alone after it was given up once, and at most; a fifth more or less.
///
/// The first is as many times as long as the value was too slow, as far as that is known.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long one has for trying.
const TRIAL: Duration = Duration::from_secs(1);
/// So many names are remembered.
const MOST_NAMES: usize = 4_096;

/// How a value is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::remote) enum Travels {
    /// With others.
    Together,
    /// Apart from other values.
    Alone,
}

/// Whether a value may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Now(Travels),
    NotNow(Hold),
}

/// Why and for how long a value is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::remote) struct Hold {
    /// Bytes that it has at least.
    size: u64,
    trouble: Trouble,
    /// For so long still.
    left: Duration,
}

/// Why a value did not get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::remote) enum Trouble {
    /// It was given up after so long.
    Slow(Duration),
    /// It is not sent.
    TooLarge,
}

/// What is known of names.
#[derive(Debug, Default)]
pub(super) struct Burdens(HashMap<Subject, Burden, foldhash::fast::RandomState>);

#[derive(Debug, Clone, Copy)]
struct Burden {
    /// Bytes that it has at least.
    size: u64,
    /// How often it was given up since it has arrived.
    given_up: u32,
    trouble: Trouble,
    state: BurdenState,
}

#[derive(Debug, Clone, Copy)]
enum BurdenState {
    /// It may be asked for from then on.
    Resting(Tick),
    /// Somebody asks for it, and has until then.
    Tried(Tick),
}

impl Hold {
    /// Whether it was on its way here and is more than is ever let in.
    pub(in crate::remote) fn is_beyond(&self, most: u64) -> bool {
        matches!(self.trouble, Trouble::Slow(_)) && self.size > most
    }

    /// Bytes that it has at least.
    pub(in crate::remote) fn size(&self) -> u64 {
        self.size
    }

    /// The failure of what is not asked about the value, without its name: callers may be told.
    pub(in crate::remote) fn failure(&self) -> Failure {
        let Self { size, trouble, left } = self;
        let what = match trouble {
            Trouble::Slow(took) => {
                format!("was given up after {} ms (at least {size} bytes)", took.as_millis())
            }
            Trouble::TooLarge => format!("is too large (at least {size} bytes)"),
        };
        Failure::new(Class::HeldOff, format!("the value {what}, and is left alone for {left:?}"))
    }
}

impl Burdens {
    pub(super) fn look(&self, name: Subject, now: Tick) -> Turn {
        let Some(burden) = self.0.get(&name) else { return Turn::Now(Travels::Together) };
        match burden.state {
            BurdenState::Resting(until) if now < until => burden.hold(until.since(now)),
            _ => Turn::Now(Travels::Alone),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn large_of(&self, names: &[Subject]) -> Vec<Subject> {
        let is_large = |name: &&Subject| self.0.get(name).is_some_and(|it| it.size >= LARGE);
        names.iter().filter(is_large).copied().collect()
    }

    pub(super) fn turn(
        &mut self,
        name: Subject,
        now: Tick,
        is_occupied: impl Fn() -> bool,
    ) -> Turn {
        let seen = self.look(name, now);
        let Some(burden) = self.0.get_mut(&name).filter(|_| seen == Turn::Now(Travels::Alone))
        else {
            return seen;
        };
        match burden.state {
            BurdenState::Tried(until) if now < until => burden.hold(until.since(now)),
            _ if burden.given_up == 0 => seen,
            _ if is_occupied() => burden.hold(Duration::ZERO),
            _ => {
                burden.state = BurdenState::Tried(now.after(TRIAL));
                seen
            }
        }
    }

    pub(super) fn give_up(
        &mut self,
        name: Subject,
        (size, trouble): (u64, Trouble),
        now: Tick,
        random: f64,
    ) {
        let burden = self.of(name);
        burden.size = burden.size.max(size);
        // It is told by everybody who waited for it.
        if matches!(burden.state, BurdenState::Resting(until) if now < until) {
            if trouble == Trouble::TooLarge {
                burden.trouble = trouble;
            }
            return;
        }
        burden.trouble = trouble;
        burden.given_up = burden.given_up.saturating_add(1);
        burden.state = BurdenState::Resting(now.after(burden.pause(1.0, random)));
    }

    pub(super) fn came_late(
        &mut self,
        name: Subject,
        (size, took): (u64, Duration),
        now: Tick,
        random: f64,
    ) {
        let Some(burden) = self.0.get_mut(&name) else { return };
        burden.size = burden.size.max(size);
        if let (BurdenState::Resting(until), Trouble::Slow(limit)) = (burden.state, burden.trouble)
        {
            let times = took.div_duration_f64(limit.max(Duration::from_millis(1)));
            burden.state = BurdenState::Resting(until.max(now.after(burden.pause(times, random))));
        }
    }

    pub(super) fn arrived(&mut self, name: Subject, size: Option<u64>, now: Tick) {
        match size {
            Some(size) if size >= LARGE => {
                let state = BurdenState::Resting(now);
                *self.of(name) = Burden { size, state, ..Burden::default() };
            }
            Some(_) => drop(self.0.remove(&name)),
            // What is written next may be as large.
            None => {
                if let Some(burden) = self.0.get_mut(&name) {
                    burden.state = BurdenState::Resting(now);
                }
            }
        }
    }

    pub(super) fn stored(&mut self, name: Subject, size: u64) {
        if size < LARGE {
            self.0.remove(&name);
        } else {
            // That it got there does not say that it gets back.
            self.of(name).size = size;
        }
    }

    /// Another value takes the place of what was known.
    pub(super) fn forget(&mut self, name: Subject) {
        self.0.remove(&name);
    }

    fn of(&mut self, name: Subject) -> &mut Burden {
        if self.0.len() >= MOST_NAMES && !self.0.contains_key(&name) {
            let soonest = self.0.iter().min_by_key(|(_, burden)| burden.until());
            if let Some(soonest) = soonest.map(|(name, _)| *name) {
                self.0.remove(&soonest);
            }
        }
        self.0.entry(name).or_default()
    }
}

impl Default for Burden {
    fn default() -> Self {
        let (trouble, state) =
            (Trouble::Slow(Duration::ZERO), BurdenState::Resting(Tick::default()));
        Self { size: 0, given_up: 0, trouble, state }
    }
}

impl Burden {
    /// How long it is left alone from now on, if it took so many times as long as it may.
    fn pause(&self, times: f64, random: f64) -> Duration {
        let doublings = 1_u32.checked_shl(self.given_up.saturating_sub(1)).unwrap_or(u32::MAX);
        let longest = LONGEST_PAUSE.as_secs_f64();
        let pause = (FIRST_PAUSE.as_secs_f64() * f64::from(doublings) * times).min(longest);
        Duration::from_secs_f64(pause * (0.8 + 0.4 * random))
    }

    fn hold(&self, left: Duration) -> Turn {
        Turn::NotNow(Hold { size: self.size, trouble: self.trouble, left })
    }

    fn until(&self) -> Tick {
        match self.state {
            BurdenState::Resting(until) | BurdenState::Tried(until) => until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::revision::Revisions;

    const SLOW: Trouble = Trouble::Slow(Duration::from_millis(500));

    const ALONE: Turn = Turn::Now(Travels::Alone);
    const TOGETHER: Turn = Turn::Now(Travels::Together);

    fn held(size: u64, left: Duration) -> Turn {
        Turn::NotNow(Hold { size, trouble: SLOW, left })
    }

    /// Of a name whose way is free.
    fn turn(burdens: &mut Burdens, name: Subject, now: Tick) -> Turn {
        burdens.turn(name, now, || false)
    }

    fn at(millis: u64) -> Tick {
        Tick::from_millis(millis)
    }

    fn name(revisions: &Revisions, number: usize) -> Subject {
        revisions.name(&format!("shop:{{k:{number}}}:0"))
    }

    fn is_held(turn: Turn) -> bool {
        matches!(turn, Turn::NotNow(_))
    }

    #[test]
    fn a_value_that_was_given_up_is_left_alone_for_a_while_that_doubles() {
        let (revisions, mut burdens) = (Revisions::new(), Burdens::default());
        let (name, mut now) = (name(&revisions, 1), at(1_000));
        let mut pauses = Vec::new();
        for _ in 0..9 {
            burdens.give_up(name, (5, SLOW), now, 0.5);
            let Turn::NotNow(Hold { left, .. }) = turn(&mut burdens, name, now) else {
                panic!("it is left alone")
            };
            let before = now.after(left).before(Duration::from_millis(1));
            assert!(is_held(turn(&mut burdens, name, before)));
            now = now.after(left);
            pauses.push(left.as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn pauses_differ_between_processes() {
        let (revisions, mut burdens) = (Revisions::new(), Burdens::default());
        for (number, random, millis) in [(1, 0.0, 800), (2, 1.0, 1_200)] {
            let name = name(&revisions, number);
            burdens.give_up(name, (5, SLOW), at(0), random);
            let left = Duration::from_millis(millis);
            assert_eq!(turn(&mut burdens, name, at(0)), held(5, left));
        }
    }

    #[test]
    fn when_its_time_is_over_one_tries_it_alone() {
        let (revisions, mut burdens) = (Revisions::new(), Burdens::default());
        let name = name(&revisions, 1);
        burdens.give_up(name, (5, SLOW), at(0), 0.5);
        assert_eq!(turn(&mut burdens, name, at(1_000)), ALONE);
        assert!(is_held(turn(&mut burdens, name, at(1_001))), "somebody tries it");
        // The one who does may do with it whatever a load needs.
        assert_eq!(burdens.look(name, at(1_001)), ALONE);
        assert_eq!(turn(&mut burdens, name, at(2_000)), ALONE, "whoever did has not come back");
        burdens.give_up(name, (5, SLOW), at(2_500), 0.5);
        assert!(is_held(turn(&mut burdens, name, at(4_499))));
        assert_eq!(turn(&mut burdens, name, at(4_500)), ALONE);
    }

    #[test]
    fn many_who_waited_for_one_value_give_it_up_once() {
        let (revisions, mut burdens) = (Revisions::new(), Burdens::default());
        let name = name(&revisions, 1);
        for size in [5, 9, 7] {
            burdens.give_up(name, (size, SLOW), at(0), 0.5);
        }
        let left = Duration::from_secs(1);
        assert_eq!(turn(&mut burdens, name, at(0)), held(9, left));
    }

    #[test]
    fn what_has_arrived_is_asked_for_as_ever_and_alone_if_it_is_large() {
        let (revisions, mut burdens) = (Revisions::new(), Burdens::default());
        let names = [1, 2, 3].map(|number| name(&revisions, number));
        for name in names {
            burdens.give_up(name, (LARGE, SLOW), at(0), 0.5);
            turn(&mut burdens, name, at(1_000));
        }
        for (name, size) in names.into_iter().zip([Some(LARGE), Some(LARGE - 1), None]) {
            burdens.arrived(name, size, at(1_100));
        }
        let turns = names.map(|name| turn(&mut burdens, name, at(1_100)));
        assert_eq!(turns, [ALONE, TOGETHER, ALONE]);
        let again = names.map(|name| turn(&mut burdens, name, at(1_100)));
        assert!(
            again[..2] == turns[..2] && is_held(again[2]),
            "nobody knows how large the next is"
        );
        for name in names {
            burdens.give_up(name, (LARGE, SLOW), at(1_200), 0.5);
        }
        let left =
            |turn| if let Turn::NotNow(Hold { left, .. }) = turn { left.as_secs() } else { 0 };
        assert_eq!(names.map(|name| left(turn(&mut burdens, name, at(1_200)))), [1, 1, 2]);
    }

    #[test]
    fn that_a_large_value_was_stored_does_not_say_that_it_gets_back() {
        let (revisions, mut burdens) = (Revisions::new(), Burdens::default());
        let names = [1, 2].map(|number| name(&revisions, number));
        for name in names {
            burdens.give_up(name, (LARGE, SLOW), at(0), 0.5);
        }
        burdens.stored(names[0], LARGE);
        burdens.stored(names[1], 5);
        assert!(is_held(turn(&mut burdens, names[0], at(999))));
        assert_eq!(turn(&mut burdens, names[1], at(999)), TOGETHER);
    }

    #[test]
    fn so_many_names_are_remembered_and_those_that_are_due_forgotten_first() {
        let (revisions, mut burdens) = (Revisions::new(), Burdens::default());
        for number in 0..2 * MOST_NAMES {
            burdens.give_up(name(&revisions, number), (5, SLOW), at(number as u64), 0.5);
        }
        assert_eq!(burdens.0.len(), MOST_NAMES);
        let now = at(2 * MOST_NAMES as u64);
        let mut is_known = |number| turn(&mut burdens, name(&revisions, number), now) != TOGETHER;
        assert!(!is_known(0) && is_known(2 * MOST_NAMES - 1));
    }

    #[test]
    fn what_came_late_is_left_alone_for_as_many_times_as_it_was_too_slow() {
        let (revisions, mut burdens) = (Revisions::new(), Burdens::default());
        let name = name(&revisions, 1);
        let late = (4 * LARGE, Duration::from_secs(2));
        let mut pauses = Vec::new();
        let mut now = at(1_000);
        for _ in 0..6 {
            burdens.give_up(name, (5, SLOW), now, 0.5);
            burdens.came_late(name, late, now.after(late.1), 0.5);
            let Turn::NotNow(hold) = turn(&mut burdens, name, now.after(late.1)) else {
                panic!("it is left alone")
            };
            assert_eq!(hold.size, late.0);
            pauses.push(hold.left.as_secs());
            now = now.after(late.1 + hold.left);
        }
        assert_eq!(pauses, [4, 8, 16, 32, 60, 60], "2 s are four times 500 ms");
    }

    #[test]
    fn while_the_way_is_occupied_nothing_is_tried() {
        let (revisions, mut burdens) = (Revisions::new(), Burdens::default());
        let names = [1, 2].map(|number| name(&revisions, number));
        burdens.give_up(names[0], (5, SLOW), at(0), 0.5);
        burdens.stored(names[1], LARGE);
        let turns = names.map(|name| burdens.turn(name, at(2_000), || true));
        assert!(is_held(turns[0]) && turns[1] == ALONE, "{turns:?}");
        assert_eq!(turn(&mut burdens, names[0], at(2_000)), ALONE);
    }
}
