//! A pump between two stores in memory, each of which may fail at any operation.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::backend::{Absent, Backend, Bump, Generation, LogPulse};
use crate::lock::Mutex;
use crate::testing::{Chaos, ChaosBackend, Fault, ManualClock, MemoryBackend};

const LOG: &str = "ns:{all}>";
const OUTBOX: &str = "ns:{all}>o";

struct TestRegion {
    store: MemoryBackend,
    backend: ChaosBackend<MemoryBackend>,
    chaos: Chaos,
    rejects: Mutex<Vec<String>>,
    is_confirmed: Mutex<bool>,
    numbers: AtomicU64,
}

impl TestRegion {
    fn new() -> Arc<Self> {
        Self::over(MemoryBackend::new())
    }

    fn on(clock: &ManualClock) -> Arc<Self> {
        Self::over(MemoryBackend::with_clock(clock))
    }

    fn over(store: MemoryBackend) -> Arc<Self> {
        let backend = ChaosBackend::new(store.clone(), 1);
        let chaos = backend.chaos();
        let (rejects, is_confirmed) = (Mutex::default(), Mutex::new(true));
        let numbers = AtomicU64::new(fastrand::u64(1 << 60..));
        Arc::new(Self { store, backend, chaos, rejects, is_confirmed, numbers })
    }

    /// Puts a value there; what invalidates it removes it.
    fn put(&self, name: &str) {
        self.store.put(name, b"value", Duration::from_secs(60));
    }

    fn has(&self, name: &str) -> bool {
        self.store.bytes(name).is_some()
    }

    async fn append(&self, log: &str, records: &[LogRecord]) -> LogPosition {
        let nonce = self.nonce();
        let change = LoggedInvalidation { bumps: &[], names: &[], log, records, nonce, cap: 1_000 };
        self.store.execute(change).await.expect("nothing fails")
    }

    async fn pulse(&self) -> LogPulse {
        self.store.pulse(LOG).await.expect("nothing fails")
    }

    fn names(&self, reaches: &[Reach<'_>]) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        for reach in reaches {
            match reach {
                Reach::Entry(name) | Reach::Tag(name) => {
                    if self.rejects.lock().iter().any(|it| it == name) {
                        return Err(Failure::new(Class::Denied, format!("no right to {name}")));
                    }
                    names.push((*name).to_owned());
                }
                Reach::Partitions(_) | Reach::All => names.extend(self.store.names()),
            }
        }
        names.retain(|name| !name.contains('>'));
        Ok(names)
    }
}

#[async_trait]
impl PumpedRegion for TestRegion {
    fn log(&self) -> &dyn ChangeLog {
        &self.backend
    }

    fn partitions(&self) -> usize {
        0
    }

    fn is_confirmed(&self, _name: &str) -> bool {
        *self.is_confirmed.lock()
    }

    async fn invalidate(&self, reaches: &[Reach<'_>]) -> Result<(), Failure> {
        self.backend.remove(&self.names(reaches)?).await
    }

    async fn execute(&self, reaches: &[Reach<'_>], records: &[LogRecord]) -> Result<(), Failure> {
        let names = self.names(reaches)?;
        let number = Generation::new(self.nonce());
        let bumps = [Bump { name: "ns:#", generation: number, absent: Absent::IsCreated }];
        let nonce = self.nonce();
        let change = LoggedInvalidation {
            bumps: &bumps,
            names: &names,
            log: LOG,
            records,
            nonce,
            cap: 1_000,
        };
        self.backend.execute(change).await.map(drop)
    }

    fn nonce(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }
}

fn entry(name: &str) -> LogRecord {
    LogRecord::Entry(name.into())
}

fn pump(number: u64) -> Pump {
    Pump::new(Token::new(number), "ns", Duration::from_secs(3_600))
}

/// A pair that is in step, with values in the secondary.
async fn pair(names: &[&str]) -> (Arc<TestRegion>, Arc<TestRegion>) {
    let (primary, secondary) = (TestRegion::new(), TestRegion::new());
    let first = pump(1).round(0, &*primary, &*secondary).await;
    assert!(matches!(first, Ok(Pumped::Resynced(LogBreak::Unknown))), "{first:?}");
    for name in names {
        secondary.put(name);
    }
    (primary, secondary)
}

const NAMES: [&str; 3] = ["a", "b", "c"];

#[tokio::test]
async fn a_log_that_nobody_has_begun_is_begun_and_followed_from_its_first_record_on() {
    let (primary, secondary) = pair(&NAMES).await;
    let carried = |applied, is_last| Pumped::Carried { applied, parked: 0, is_last };
    assert_eq!(pump(1).round(0, &*primary, &*secondary).await.ok(), Some(carried(0, true)));
    primary.append(LOG, &[entry("a"), entry("c"), entry("a")]).await;
    assert_eq!(pump(1).round(0, &*primary, &*secondary).await.ok(), Some(carried(2, true)));
    assert_eq!(NAMES.map(|name| secondary.has(name)), [false, true, false]);
    let other = pump(2).round(0, &*primary, &*secondary).await;
    assert_eq!(other.ok(), Some(Pumped::Elsewhere));
    let pulse = secondary.pulse().await;
    assert_eq!((pulse.asked, pulse.answered), (3, 3));
}

#[tokio::test]
async fn a35_whatever_fails_at_any_step_the_next_round_does_the_rest() {
    for fault in [Fault::LostAck, Fault::Error(Class::Timeout)] {
        for (of_primary, step) in (0..2).flat_map(|side| (0..6).map(move |step| (side == 0, step)))
        {
            let (primary, secondary) = pair(&NAMES).await;
            let last = primary.append(LOG, &[entry("a"), entry("b")]).await;
            let broken = if of_primary { &primary } else { &secondary };
            // All operations up to that one are done.
            let mut outcomes = Vec::new();
            broken.chaos.after(step, fault);
            for _ in 0..2 {
                outcomes.push(pump(1).round(0, &*primary, &*secondary).await);
                let pulse = secondary.pulse().await;
                let is_applied = !secondary.has("a") && !secondary.has("b");
                assert!(is_applied || pulse.position != Some(last), "{fault:?} {step}");
                broken.chaos.heal();
            }
            assert!(outcomes[1].is_ok(), "{outcomes:?}");
            assert_eq!(NAMES.map(|name| secondary.has(name)), [false, false, true]);
            assert_eq!(secondary.pulse().await.position, Some(last));
        }
    }
}

#[tokio::test]
async fn a34_what_the_store_rejects_is_parked_and_everything_takes_its_place() {
    let (primary, secondary) = pair(&NAMES).await;
    secondary.rejects.lock().push("b".into());
    primary.append(LOG, &[entry("a"), entry("b")]).await;
    let round = pump(1).round(0, &*primary, &*secondary).await;
    assert_eq!(round.ok(), Some(Pumped::Carried { applied: 2, parked: 1, is_last: true }));
    assert_eq!(NAMES.map(|name| secondary.has(name)), [false; 3]);
    let parked = secondary.store.parked(LOG, 10).await.expect("nothing fails");
    assert!(parked.len() == 1 && parked[0].number == 2 && parked[0].record == entry("b"));
    assert!(parked[0].reason.contains("no right to b"), "{parked:?}");
    let pulse = secondary.pulse().await;
    assert_eq!(pulse.position.map(|position| position.number), Some(2));
}

#[tokio::test]
async fn where_nothing_can_take_the_place_the_position_stays() {
    let (primary, secondary) = pair(&NAMES).await;
    primary.append(LOG, &[entry("a")]).await;
    secondary.chaos.on("remove", Fault::Error(Class::Denied));
    for _ in 0..3 {
        assert!(pump(1).round(0, &*primary, &*secondary).await.is_err());
    }
    let pulse = secondary.pulse().await;
    assert_eq!((pulse.position.map(|it| it.number), pulse.answered), (Some(0), 1));
    secondary.chaos.heal();
    assert!(pump(1).round(0, &*primary, &*secondary).await.is_ok());
    assert!(!secondary.has("a"));
}

#[tokio::test]
async fn a_log_that_is_lost_trimmed_or_of_another_node_clears_the_secondary() {
    for (reason, breaks) in [
        (LogBreak::Nonce, (|it| it.store.lose_log(LOG)) as fn(&TestRegion)),
        (LogBreak::Gap, |it| it.store.trim_log(LOG, 1)),
        (LogBreak::History, |it| it.store.fail_over()),
    ] {
        let (primary, secondary) = pair(&NAMES).await;
        primary.append(LOG, &[entry("z"), entry("z"), entry("z")]).await;
        breaks(&primary);
        let round = pump(1).round(0, &*primary, &*secondary).await;
        assert_eq!(round.ok(), Some(Pumped::Resynced(reason)));
        assert_eq!(NAMES.map(|name| secondary.has(name)), [false; 3], "{reason}");
        let next = pump(1).round(0, &*primary, &*secondary).await;
        let expected = Pumped::Carried { applied: 0, parked: 0, is_last: true };
        assert_eq!(next.ok(), Some(expected), "{reason}");
    }
}

#[tokio::test]
async fn nothing_is_answered_by_the_word_of_one_that_may_have_been_demoted() {
    let (primary, secondary) = pair(&NAMES).await;
    *primary.is_confirmed.lock() = false;
    primary.append(LOG, &[entry("a")]).await;
    assert!(pump(1).round(0, &*primary, &*secondary).await.is_ok());
    let pulse = secondary.pulse().await;
    assert_eq!((secondary.has("a"), pulse.asked, pulse.answered), (false, 2, 1));
}

#[tokio::test]
async fn a_store_that_is_given_twice_is_noticed() {
    let region = TestRegion::new();
    assert_eq!(pump(1).round(0, &*region, &*region).await.ok(), Some(Pumped::Itself));
    assert!(pump(1).round(1, &*region, &*region).await.is_err(), "there is one part");
}

#[tokio::test]
async fn x4_what_a_secondary_owes_is_executed_and_logged_and_leaves_the_outbox_then() {
    for step in 0..4 {
        let (primary, secondary) = pair(&[]).await;
        for name in NAMES {
            primary.put(name);
        }
        secondary.append(OUTBOX, &[entry("a"), entry("b"), entry("a")]).await;
        primary.chaos.after(step, Fault::Error(Class::Unreachable));
        let first = pump(1).drain(0, &*primary, &*secondary).await;
        // All of it is one request.
        assert_eq!(first.is_ok(), step >= 1, "{step}");
        let left = secondary.store.log_length(OUTBOX).await.expect("nothing fails");
        let gone = [primary.has("a"), primary.has("b")].iter().filter(|has| !**has).count();
        assert!(left >= 3 - [0, 1, 3][gone], "{step}: {left} are left of 3, {gone} were executed");
        primary.chaos.heal();
        assert_eq!(pump(1).drain(0, &*primary, &*secondary).await.ok(), Some(true));
        assert_eq!(NAMES.map(|name| primary.has(name)), [false, false, true]);
        assert_eq!(secondary.store.log_length(OUTBOX).await.ok(), Some(0));
        let page = primary.store.read_log(LOG, 0, 10).await.expect("nothing fails");
        let logged = |name: &str| page.records.iter().any(|(_, record)| *record == entry(name));
        assert!(logged("a") && logged("b"), "the other secondaries hear of it");
        assert_eq!(pump(1).drain(0, &*primary, &*secondary).await.ok(), Some(true));
    }
}

#[tokio::test]
async fn a34_what_the_primary_rejects_of_what_it_is_owed_is_everything_there() {
    let (primary, secondary) = pair(&[]).await;
    for name in NAMES {
        primary.put(name);
    }
    secondary.append(OUTBOX, &[entry("a"), entry("b")]).await;
    primary.rejects.lock().push("b".into());
    assert_eq!(pump(1).drain(0, &*primary, &*secondary).await.ok(), Some(true));
    assert_eq!(NAMES.map(|name| primary.has(name)), [false; 3]);
    assert_eq!(secondary.store.log_length(OUTBOX).await.ok(), Some(0));
    let page = primary.store.read_log(LOG, 0, 10).await.expect("nothing fails");
    assert!(page.records.iter().any(|(_, record)| *record == LogRecord::ANY));
}

#[tokio::test]
async fn what_is_rejected_is_found_by_few_requests() {
    for rejected in [&[][..], &[0], &[499], &[7, 8, 400]] {
        let requests = AtomicU64::new(0);
        let found = in_halves(500, |range| {
            requests.fetch_add(1, Ordering::Relaxed);
            let is_in = rejected.iter().any(|place| range.contains(place));
            ready(if is_in { Err(Failure::new(Class::Denied, "no")) } else { Ok(()) })
        });
        let found: Vec<_> = found.await.unwrap().into_iter().map(|(place, _)| place).collect();
        assert_eq!(found, rejected);
        let most = 1 + 20 * rejected.len() as u64;
        assert!(requests.into_inner() <= most, "{rejected:?}");
    }
    let away = in_halves(500, |_| ready(Err(Failure::new(Class::Timeout, "away"))));
    assert!(away.await.is_err());
}

#[tokio::test]
async fn a35_who_dies_in_its_turn_is_succeeded_before_what_is_tolerated_has_passed() {
    for (tolerance, turn) in [(5_000, 3_000), (1_000, 600), (0, 100)] {
        let clock = ManualClock::new();
        let (primary, secondary) = (TestRegion::new(), TestRegion::on(&clock));
        let tolerance = Duration::from_millis(tolerance);
        let round = async |number| {
            let pump = Pump::new(Token::new(number), "ns", tolerance);
            pump.round(0, &*primary, &*secondary).await
        };
        assert!(round(1).await.is_ok());
        clock.advance(Duration::from_millis(turn - 1));
        assert_eq!(round(2).await.ok(), Some(Pumped::Elsewhere));
        clock.advance(Duration::from_millis(1));
        let next = Pumped::Carried { applied: 0, parked: 0, is_last: true };
        assert_eq!(round(2).await.ok(), Some(next));
    }
}
