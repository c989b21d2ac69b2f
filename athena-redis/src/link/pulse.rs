//! How a connection is, by what is answered on it and when.
//!
//! Invariant: exchanges that were under way together when nothing came count as one timeout, however many they
//! were.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::flow::{BlamedValue, Greeting, Passed};
use super::meter::OversizedReply;

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
}

/// One exchange under way.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    pulse: &'a Pulse,
    began: Instant,
    long: Duration,
    /// How many timeouts there were when it began.
    timeouts: u32,
    /// What had passed when it began.
    passed: Passed,
}

/// What follows from an exchange that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// Nothing: it was too soon to tell.
    Early,
    /// Something is on its way: what is large or slow would get there no sooner over another connection.
    OnItsWay {
        /// The values that are to blame.
        values: Vec<BlamedValue>,
        took: Duration,
    },
    /// Nothing has come, and this is known by another one that was under way at that time.
    Known,
    /// Nothing has come; what the connection is from now on.
    Timeout(Health),
}

impl Pulse {
    pub(super) fn new(greeting: Greeting) -> Self {
        Self { lost: AtomicBool::new(false), timeouts: AtomicU32::new(0), greeting }
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

    /// Whether something is on its way that was given up, so that everything else has to wait for it.
    pub(super) fn is_occupied(&self) -> bool {
        self.greeting.is_occupied()
    }

    /// Watches one exchange, which is not looked at if it is given up before it was under way for `long`.
    pub(super) fn watch(&self, long: Duration) -> Watch<'_> {
        Watch {
            pulse: self,
            began: Instant::now(),
            long,
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
    /// The other side is alive; tells whether it had been taken for dead.
    pub(super) fn answered(&self) -> bool {
        let timeouts = &self.pulse.timeouts;
        // A store only where there is something to forget keeps the line shared between cores.
        timeouts.load(Ordering::Relaxed) != 0
            && Health::after(timeouts.swap(0, Ordering::AcqRel)) == Health::Wedged
    }

    /// What follows from giving it up now.
    pub(super) fn give_up(&self, now: Instant) -> GivenUp {
        let greeting = &self.pulse.greeting;
        let took = now.saturating_duration_since(self.began);
        if took < self.long {
            return GivenUp::Early;
        }
        if let Some(passed) = greeting.goes_on_since(self.passed) {
            return GivenUp::OnItsWay { values: greeting.blame(passed, now), took };
        }
        greeting.clear_way();
        self.pulse.count(self.timeouts)
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
    use std::sync::Arc;

    use super::*;
    use crate::link::client::Client;
    use crate::link::flow::NamedValue;
    use crate::link::questions::packed;
    use crate::link::tap::Tap;

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
        assert!(pulse.watch(LONG).answered(), "it had been taken for dead");
        assert_eq!(pulse.health(), Health::Sound);
    }

    #[test]
    fn an_answer_ends_what_was_counted_and_an_older_exchange_counts_anew() {
        let pulse = pulse();
        give_up(&pulse.watch(LONG));
        let before = pulse.watch(LONG);
        assert!(!pulse.watch(LONG).answered(), "it was silent only");
        assert_eq!(give_up(&before), GivenUp::Timeout(Health::Silent));
    }

    #[test]
    fn what_is_given_up_soon_says_nothing() {
        let pulse = pulse();
        let watch = pulse.watch(LONG);
        assert_eq!(watch.give_up(watch.began + LONG / 2), GivenUp::Early);
        assert_eq!(pulse.health(), Health::Sound);
    }

    /// A connection over which bytes pass.
    fn used() -> (Pulse, Tap) {
        let (greeting, client) =
            (Greeting::default(), Arc::new(Client::new(Duration::from_secs(9))));
        (Pulse::new(greeting.clone()), Tap::new(64 << 20, greeting, client))
    }

    fn ask(tap: &mut Tap, line: &str) {
        tap.wrote(&packed(line), false);
    }

    fn arriving(name: &str, bytes: u64) -> BlamedValue {
        BlamedValue { value: NamedValue { name: name.to_owned(), bytes }, age: None }
    }

    fn slow(name: &str, bytes: u64) -> GivenUp {
        GivenUp::OnItsWay { values: vec![arriving(name, bytes)], took: LONG }
    }

    fn innocent() -> GivenUp {
        GivenUp::OnItsWay { values: Vec::new(), took: LONG }
    }

    #[test]
    fn the_value_that_is_on_its_way_is_blamed_though_nobody_waits_for_it() {
        let (pulse, mut tap) = used();
        let first = pulse.watch(LONG);
        ask(&mut tap, "MGET large");
        assert_eq!(first.give_up(first.began + LONG / 10), GivenUp::Early);
        let [behind, ping] = [pulse.watch(LONG), pulse.watch(LONG)];
        ask(&mut tap, "MGET small");
        ask(&mut tap, "PING");
        tap.arrived(b"*1\r\n$300000\r\nxxx").unwrap();
        assert!(!pulse.is_occupied());
        // Whoever gives up, whatever it waits for.
        assert_eq!(give_up(&ping), slow("large", 300_000));
        assert_eq!(give_up(&behind), slow("large", 300_000));
        assert!(pulse.is_occupied());
        assert_eq!(pulse.health(), Health::Sound);
        tap.arrived(&vec![b'x'; 299_997]).unwrap();
        tap.arrived(b"\r\n*1\r\n$1\r\n1\r\n").unwrap();
        assert!(pulse.is_occupied(), "one that was given up is to be answered still");
        tap.arrived(b"+PONG\r\n").unwrap();
        assert!(!pulse.is_occupied());
    }

    #[test]
    fn small_values_behind_a_large_one_are_innocent() {
        let (pulse, mut tap) = used();
        let watch = pulse.watch(LONG);
        for line in ["MGET large", "MGET a b", "MGET c"] {
            ask(&mut tap, line);
        }
        tap.arrived(b"*1\r\n$300000\r\n").unwrap();
        tap.arrived(&vec![b'x'; 300_000]).unwrap();
        tap.arrived(b"\r\n*2\r\n$100\r\nxx").unwrap();
        assert_eq!(give_up(&watch), innocent(), "the large one is through");
        // Of those that hold up others themselves one is blamed however small it is.
        let later = pulse.watch(LONG);
        tap.arrived(b"x").unwrap();
        assert_eq!(give_up(&later), slow("a", 100));
    }

    #[test]
    fn of_values_that_come_together_the_large_ones_are_blamed_and_the_small_ones_not() {
        let (pulse, mut tap) = used();
        let watch = pulse.watch(LONG);
        ask(&mut tap, "MGET a large b other c");
        tap.arrived(b"*5\r\n$1\r\n1\r\n$300000\r\n").unwrap();
        tap.arrived(&vec![b'x'; 300_000]).unwrap();
        tap.arrived(b"\r\n$1\r\n1\r\n$400000\r\nx").unwrap();
        let values = vec![arriving("large", 300_000), arriving("other", 400_000)];
        assert_eq!(give_up(&watch), GivenUp::OnItsWay { values, took: LONG });
    }

    #[test]
    fn a_way_that_goes_dead_under_a_large_value_is_noticed() {
        let (pulse, mut tap) = used();
        let large = pulse.watch(LONG);
        ask(&mut tap, "MGET large");
        tap.arrived(b"*1\r\n$300000\r\nxxx").unwrap();
        give_up(&large);
        assert!(pulse.is_occupied());
        for health in [Health::Silent, Health::Silent, Health::Wedged] {
            assert_eq!(give_up(&pulse.watch(LONG)), GivenUp::Timeout(health));
            assert!(!pulse.is_occupied());
        }
    }

    #[test]
    fn announcements_are_no_part_of_an_answer() {
        let (pulse, mut tap) = used();
        let watch = pulse.watch(LONG);
        ask(&mut tap, "MGET a");
        tap.arrived(b">2\r\n+invalidate\r\n*1\r\n$3\r\nfoo\r\n").unwrap();
        assert_eq!(give_up(&watch), GivenUp::Timeout(Health::Silent));
    }

    #[test]
    fn what_is_written_is_under_way_only_where_there_was_no_room_for_it() {
        let (pulse, mut tap) = used();
        let [small, large] = [pulse.watch(LONG), pulse.watch(LONG)];
        ask(&mut tap, "PING");
        assert_eq!(give_up(&small), GivenUp::Timeout(Health::Silent));
        tap.wrote(b"*1\r\n$4\r\nPING\r\n", true);
        assert_eq!(give_up(&large), innocent());
        assert!(pulse.is_occupied());
    }
}
