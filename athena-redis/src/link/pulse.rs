//! How a connection is, by what is answered on it and when.
//!
//! Invariant: exchanges that were under way together when nothing came count as one timeout, however many they
//! were.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::meter::OversizedReply;
use super::overheard::{Greeting, Passed};

/// After so many timeouts one after the other a connection is taken for dead.
const WEDGED_AFTER: u32 = 3;

/// What a connection is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    /// Answers, as far as is known.
    Sound,
    /// Open, but the last operation or heartbeat had no answer in time.
    Silent,
    /// Open, but several operations one after the other had no answer in time.
    Wedged,
    /// Closed by the other side or the network.
    Lost,
}

/// What is known of one connection.
#[derive(Debug)]
pub(super) struct Pulse {
    lost: AtomicBool,
    /// How many exchanges one after the other had no answer in time.
    timeouts: AtomicU32,
    greeting: Greeting,
    /// How many exchanges have begun.
    begun: AtomicU64,
    /// The exchange that is on its way still although it was given up; 0 if there is none.
    ///
    /// Answers come in order, so those that began after it wait for it.
    in_the_way: AtomicU64,
}

/// One exchange under way.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    pulse: &'a Pulse,
    began: Instant,
    long: Duration,
    /// Its place in the order of exchanges, from 1 on.
    place: u64,
    /// How many timeouts there were when it began.
    timeouts: u32,
    /// What had passed when it began.
    passed: Passed,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Answered {
    /// The connection had been taken for dead.
    pub(super) revives: bool,
    /// What was given up and on its way is through by now.
    pub(super) is_behind_late: bool,
}

/// What follows from an exchange that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// Nothing: it was too soon to tell.
    Early,
    /// It is on its way: what is large or slow would get there no sooner over another connection.
    OnItsWay {
        /// Bytes that have passed since it began, either way.
        bytes: u64,
        took: Duration,
    },
    /// Another one is, which it had to wait for.
    Behind,
    /// Nothing has come, and this is known by another one that was under way at that time.
    Known,
    /// Nothing has come; what the connection is from now on.
    Timeout(Health),
}

impl Pulse {
    pub(super) fn new(greeting: Greeting) -> Self {
        let [begun, in_the_way] = [AtomicU64::new(0), AtomicU64::new(0)];
        let (lost, timeouts) = (AtomicBool::new(false), AtomicU32::new(0));
        Self { lost, timeouts, greeting, begun, in_the_way }
    }

    pub(super) fn health(&self) -> Health {
        if self.lost.load(Ordering::Acquire) {
            return Health::Lost;
        }
        Health::after(self.timeouts.load(Ordering::Relaxed))
    }

    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// The reply that was too large, if one was.
    pub(super) fn oversized(&self) -> Option<OversizedReply> {
        self.greeting.oversized()
    }

    /// How much has passed since a moment.
    pub(super) fn passed_since(&self, before: Passed) -> u64 {
        self.greeting.passed_since(before)
    }

    /// Whether something is on its way that was given up, so that everything else has to wait for it.
    pub(super) fn is_occupied(&self) -> bool {
        self.in_the_way.load(Ordering::Acquire) != 0
    }

    /// Watches one exchange, which is not looked at if it is given up before it was under way for `long`.
    pub(super) fn watch(&self, long: Duration) -> Watch<'_> {
        Watch {
            pulse: self,
            began: Instant::now(),
            long,
            place: self.begun.fetch_add(1, Ordering::AcqRel) + 1,
            timeouts: self.timeouts.load(Ordering::Acquire),
            passed: self.greeting.passed(),
        }
    }

    /// Counts a timeout, unless one was counted since there were so many.
    fn count(&self, known: u32) -> GivenUp {
        let count = |now: u32| (now <= known).then(|| now.saturating_add(1));
        match self.timeouts.fetch_update(Ordering::AcqRel, Ordering::Acquire, count) {
            Ok(before) => GivenUp::Timeout(Health::after(before.saturating_add(1))),
            Err(_) => GivenUp::Known,
        }
    }
}

impl Watch<'_> {
    /// The other side is alive.
    pub(super) fn answered(&self) -> Answered {
        let Pulse { timeouts, in_the_way, greeting, .. } = self.pulse;
        greeting.note_answer();
        // A store only where there is something to forget keeps the line shared between cores.
        let first = in_the_way.load(Ordering::Acquire);
        let is_behind_late = first != 0
            && first < self.place
            && in_the_way.compare_exchange(first, 0, Ordering::AcqRel, Ordering::Acquire).is_ok();
        let revives = timeouts.load(Ordering::Relaxed) != 0
            && Health::after(timeouts.swap(0, Ordering::AcqRel)) == Health::Wedged;
        Answered { revives, is_behind_late }
    }

    /// When it began.
    pub(super) fn began(&self) -> (Instant, Passed) {
        (self.began, self.passed)
    }

    /// What follows from giving it up now.
    pub(super) fn give_up(&self, now: Instant) -> GivenUp {
        let Pulse { greeting, in_the_way, .. } = self.pulse;
        let took = now.saturating_duration_since(self.began);
        if took < self.long {
            return GivenUp::Early;
        }
        let Some(bytes) = greeting.goes_on_since(self.passed) else {
            in_the_way.store(0, Ordering::Release);
            return self.pulse.count(self.timeouts);
        };
        let is_first = |first: u64| (first == 0 || self.place < first).then_some(self.place);
        match in_the_way.fetch_update(Ordering::AcqRel, Ordering::Acquire, is_first) {
            Ok(_) => GivenUp::OnItsWay { bytes, took },
            Err(_) => GivenUp::Behind,
        }
    }
}

impl Health {
    fn after(timeouts: u32) -> Self {
        match timeouts {
            0 => Self::Sound,
            1..WEDGED_AFTER => Self::Silent,
            _ => Self::Wedged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(100);

    fn pulse() -> Pulse {
        Pulse::new(Greeting::default())
    }

    fn give_up(watch: &Watch<'_>) -> GivenUp {
        watch.give_up(watch.began + LONG)
    }

    #[test]
    fn exchanges_that_meet_one_stall_together_are_one_timeout() {
        let pulse = pulse();
        let together: Vec<_> = (0..20).map(|_| pulse.watch(LONG)).collect();
        let silent = GivenUp::Timeout(Health::Silent);
        assert_eq!(give_up(&together[0]), silent);
        assert!(together[1..].iter().all(|watch| give_up(watch) == GivenUp::Known));
        assert_eq!(pulse.health(), Health::Silent);
    }

    #[test]
    fn a_connection_is_wedged_after_three_timeouts_one_after_the_other() {
        use Health::{Silent, Wedged};
        let pulse = pulse();
        let mut outcomes = Vec::new();
        for _ in 0..4 {
            let parallel = [pulse.watch(LONG), pulse.watch(LONG)];
            outcomes.extend(parallel.each_ref().map(give_up));
        }
        let expected =
            [Silent, Silent, Wedged, Wedged].map(|it| [GivenUp::Timeout(it), GivenUp::Known]);
        assert_eq!(outcomes, expected.concat());
        assert!(pulse.watch(LONG).answered().revives, "it had been taken for dead");
        assert_eq!(pulse.health(), Health::Sound);
    }

    #[test]
    fn an_answer_ends_what_was_counted_and_an_older_exchange_counts_anew() {
        let pulse = pulse();
        give_up(&pulse.watch(LONG));
        let before = pulse.watch(LONG);
        assert_eq!(pulse.watch(LONG).answered(), Answered::default(), "it was silent only");
        assert_eq!(give_up(&before), GivenUp::Timeout(Health::Silent));
    }

    #[test]
    fn what_is_given_up_soon_says_nothing() {
        let pulse = pulse();
        let watch = pulse.watch(LONG);
        assert_eq!(watch.give_up(watch.began + LONG / 2), GivenUp::Early);
        assert_eq!(pulse.health(), Health::Sound);
    }

    #[test]
    fn what_is_on_its_way_is_known_from_what_has_to_wait_for_it() {
        let pulse = pulse();
        let [large, small] = [pulse.watch(LONG), pulse.watch(LONG)];
        pulse.greeting.note_read(1_000);
        let on_its_way = GivenUp::OnItsWay { bytes: 1_000, took: LONG };
        // Whichever is given up first.
        assert_eq!(give_up(&small), on_its_way);
        assert_eq!(give_up(&large), on_its_way);
        assert!(pulse.is_occupied());
        let later = pulse.watch(LONG);
        pulse.greeting.note_read(1_000);
        assert_eq!([&small, &later].map(give_up), [GivenUp::Behind; 2]);
        assert_eq!(pulse.health(), Health::Sound);
        let behind = Answered { is_behind_late: true, revives: false };
        assert_eq!(pulse.watch(LONG).answered(), behind, "answers come in order");
        assert!(!pulse.is_occupied());
        assert_eq!(pulse.watch(LONG).answered(), Answered::default());
    }

    #[test]
    fn a_way_that_goes_dead_under_a_large_value_is_noticed() {
        let pulse = pulse();
        let large = pulse.watch(LONG);
        pulse.greeting.note_read(1_000);
        give_up(&large);
        assert!(pulse.is_occupied());
        for health in [Health::Silent, Health::Silent, Health::Wedged] {
            assert_eq!(give_up(&pulse.watch(LONG)), GivenUp::Timeout(health));
            assert!(!pulse.is_occupied());
        }
    }

    #[test]
    fn announcements_are_no_part_of_an_answer() {
        let pulse = pulse();
        let watch = pulse.watch(LONG);
        pulse.greeting.note_read(50);
        pulse.greeting.note_push();
        assert_eq!(give_up(&watch), GivenUp::Timeout(Health::Silent));
    }

    #[test]
    fn what_is_written_is_under_way_only_where_there_was_no_room_for_it() {
        let pulse = pulse();
        let [small, large] = [pulse.watch(LONG), pulse.watch(LONG)];
        pulse.greeting.note_written(100, false);
        assert_eq!(give_up(&small), GivenUp::Timeout(Health::Silent));
        pulse.greeting.note_written(100_000, true);
        assert_eq!(give_up(&large), GivenUp::OnItsWay { bytes: 100_000, took: LONG });
    }
}
