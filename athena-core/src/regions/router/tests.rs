//! Regions that are silent, for how long, and who is used meanwhile.

mod by_word;

use std::time::Duration;

use super::limits::RouterSettings;
use super::machine::{Router, SwitchReason};
use super::standing::{RegionStanding, Signs};
use crate::clock::Tick;

const STEP: u64 = 200;

/// Begins well behind the beginning of the clock.
const START: u64 = 1 << 40;

/// A region that answers every step but when it is silent; times in milliseconds.
#[derive(Clone, Default)]
struct Script {
    silences: Vec<(u64, u64)>,
    /// When one of its nodes alone is silent.
    node: Vec<(u64, u64)>,
    owed: Vec<(u64, u64)>,
    never: bool,
}

fn silent(silences: &[(u64, u64)]) -> Script {
    Script { silences: silences.to_vec(), ..Script::default() }
}

fn well() -> Script {
    Script::default()
}

fn within(spans: &[(u64, u64)], at: u64) -> Option<(u64, u64)> {
    spans.iter().copied().find(|(from, to)| (*from..*to).contains(&at))
}

impl Script {
    fn signs(&self, at: u64) -> Signs {
        let heard = |spans: &[(u64, u64)]| {
            let last = within(spans, at).map_or(at, |(from, _)| from);
            (!self.never).then(|| Tick::from_millis(START + last))
        };
        let latest = heard(&self.silences);
        let slowest = heard(&self.node).min(latest);
        let owed = u64::from(within(&self.owed, at).is_some());
        Signs { latest, slowest, is_ready: within(&self.silences, at).is_none(), owed: Some(owed) }
    }
}

fn settings() -> RouterSettings {
    RouterSettings {
        detect: Duration::from_secs(3),
        failover_timeout: Duration::from_secs(30),
        grace: Duration::from_secs(60),
        failover: true,
    }
}

struct Run {
    router: Router,
    scripts: Vec<Script>,
    /// When the process itself stands still.
    stalls: Vec<(u64, u64)>,
    at: u64,
    switches: Vec<(u64, usize, SwitchReason)>,
}

fn run(preferred: usize, scripts: &[Script]) -> Run {
    let router = Router::new(settings(), scripts.len(), preferred, Tick::from_millis(START));
    Run { router, scripts: scripts.to_vec(), stalls: Vec::new(), at: 0, switches: Vec::new() }
}

impl Run {
    fn until(mut self, end: u64) -> Self {
        while self.at < end {
            self.at += STEP;
            if within(&self.stalls, self.at).is_some() {
                continue;
            }
            let signs: Vec<_> = self.scripts.iter().map(|script| script.signs(self.at)).collect();
            let now = Tick::from_millis(START + self.at);
            if let Some(switch) = self.router.tick(now, &signs) {
                self.switches.push((self.at, switch.to, switch.reason));
            }
        }
        self
    }

    /// Whom it switched to, and when.
    fn switches(&self) -> Vec<(u64, usize)> {
        self.switches.iter().map(|(at, to, _)| (*at, *to)).collect()
    }
}

const MINUTE: u64 = 60_000;

#[test]
fn b10_b13_a_silence_that_is_long_enough_switches_once_and_what_others_share_never() {
    for (name, primary, secondary, stalls, expected) in [
        ("nothing happens", well(), well(), vec![], vec![]),
        ("1 s", silent(&[(10_000, 11_000)]), well(), vec![], vec![]),
        ("1.5 s", silent(&[(10_000, 11_500)]), well(), vec![], vec![]),
        ("10 s", silent(&[(10_000, 20_000)]), well(), vec![], vec![(13_000, 1), (83_200, 0)]),
        ("both, 5 s", silent(&[(10_000, 15_000)]), silent(&[(10_000, 15_000)]), vec![], vec![]),
        (
            "both, one after the other",
            silent(&[(10_000, 15_000)]),
            silent(&[(8_000, 13_000)]),
            vec![],
            vec![],
        ),
        ("the process itself", well(), well(), vec![(10_000, 20_000)], vec![]),
        (
            "the process, and the primary a while before it goes on",
            silent(&[(19_000, 21_500)]),
            well(),
            vec![(10_000, 20_000)],
            vec![],
        ),
        ("the secondary", well(), silent(&[(10_000, 20_000)]), vec![], vec![]),
        (
            "both, the primary for good",
            silent(&[(10_000, u64::MAX)]),
            silent(&[(10_000, 15_000)]),
            vec![],
            vec![(18_000, 1)],
        ),
    ] {
        let mut run = run(0, &[primary, secondary]);
        run.stalls = stalls;
        let run = run.until(3 * MINUTE);
        assert_eq!(run.switches(), expected, "{name}");
    }
}

#[test]
fn a26_the_primary_is_left_within_five_seconds_after_it_has_answered_last() {
    for began in (5_000..9_000).step_by(137) {
        let run = run(0, &[silent(&[(began, u64::MAX)]), well()]).until(MINUTE);
        let (at, to, reason) = run.switches[0];
        assert_eq!((to, reason), (1, SwitchReason::Silence));
        assert!((began + 3_000..began + 5_000).contains(&at), "{began} {at}");
        assert_eq!(
            run.router.standings().collect::<Vec<_>>(),
            [RegionStanding::Away, RegionStanding::Well]
        );
    }
}

#[test]
fn a_single_node_is_left_to_its_region_for_as_long_as_a_failover_may_take() {
    let node = |from, to| Script { node: vec![(from, to)], ..well() };
    let left = |script: Script| run(0, &[script, well()]).until(2 * MINUTE).switches();
    assert_eq!(left(node(10_000, 39_000)), []);
    assert_eq!(left(node(10_000, u64::MAX)), [(40_000, 1)]);
}

#[test]
fn a_region_that_never_answers_is_unknown_and_then_left() {
    let never = Script { never: true, ..well() };
    let begun = run(0, &[never.clone(), well()]).until(2_000);
    assert_eq!(begun.router.standings().next(), Some(RegionStanding::Unknown));
    let run = begun.until(MINUTE);
    assert_eq!(run.switches(), [(3_200, 1)]);
    // With nobody else there is nowhere to go.
    let alone = run_of(&[never.clone(), never]).until(MINUTE);
    assert_eq!((alone.switches(), alone.router.active()), (vec![], 0));
}

fn run_of(scripts: &[Script]) -> Run {
    run(0, scripts)
}

#[test]
fn nobody_returns_before_the_outbox_of_what_is_left_is_empty() {
    let away = silent(&[(10_000, 20_000)]);
    let owing = |until| Script { owed: vec![(10_000, until)], ..well() };
    for (until, back) in [(60_000, 83_200), (100_000, 103_200), (u64::MAX, 0)] {
        let run = run(0, &[away.clone(), owing(until)]).until(10 * MINUTE);
        let backs: Vec<_> = run.switches().into_iter().skip(1).collect();
        let expected = if back == 0 { vec![] } else { vec![(back, 0)] };
        assert_eq!(backs, expected, "{until}");
    }
    // The primary has no outbox: who prefers a secondary returns to it.
    let owing_primary = Script { owed: vec![(0, u64::MAX)], ..well() };
    let run = run(1, &[owing_primary, away]).until(3 * MINUTE);
    assert_eq!(run.switches(), [(13_000, 0), (83_200, 1)]);
}

#[test]
fn what_is_left_is_left_whatever_its_outbox_holds_when_it_is_away() {
    let secondary = Script { owed: vec![(0, u64::MAX)], ..silent(&[(40_000, u64::MAX)]) };
    let run = run(0, &[silent(&[(10_000, 20_000)]), secondary]).until(3 * MINUTE);
    assert_eq!(run.switches(), [(13_000, 1), (43_000, 0)]);
}

#[test]
fn a_region_that_flaps_is_given_twice_the_time_before_each_return_ten_minutes_at_most() {
    // It is away for ten seconds whenever it has been used for a while.
    let mut silences = vec![(10_000, 20_000)];
    let mut run = run(0, &[silent(&silences), well()]);
    let mut graces = Vec::new();
    for _ in 0..7 {
        let seen = run.switches.len();
        while run.switches.len() < seen + 2 {
            let end = run.at + 1_000;
            run = run.until(end);
        }
        let (back, _) = run.switches()[seen + 1];
        graces.push((back - silences.last().map_or(0, |(_, to)| *to)) / MINUTE);
        let next = back + 30_000;
        silences.push((next, next + 10_000));
        run.scripts[0] = silent(&silences);
    }
    assert_eq!(graces, [1, 2, 4, 8, 10, 10, 10]);
    // Once it has been used for long, all is forgiven.
    silences.pop();
    let next = run.at + 6 * MINUTE;
    silences.push((next, next + 10_000));
    run.scripts[0] = silent(&silences);
    let seen = run.switches.len();
    let run = run.until(next + 3 * MINUTE);
    assert_eq!(run.switches.len(), seen + 2);
    assert!(run.switches().last().is_some_and(|(at, _)| at - (next + 10_000) < 70_000));
}

#[test]
fn the_next_region_is_the_preferred_one_or_as_they_are_listed() {
    let gone = silent(&[(10_000, u64::MAX)]);
    let first =
        |preferred, scripts: &[Script]| run(preferred, scripts).until(MINUTE).switches()[0].1;
    assert_eq!(first(0, &[gone.clone(), well(), well()]), 1);
    assert_eq!(first(0, &[gone.clone(), gone.clone(), well()]), 2);
    assert_eq!(first(1, &[well(), gone.clone(), well()]), 0);
    assert_eq!(first(2, &[gone.clone(), well(), gone]), 1);
}

#[test]
fn without_failover_nothing_is_left_or_returned_to_by_itself() {
    let mut router = Router::new(
        RouterSettings { failover: false, ..settings() },
        2,
        0,
        Tick::from_millis(START),
    );
    let (gone, there) = (silent(&[(1_000, u64::MAX)]), well());
    for at in (0..10 * MINUTE).step_by(200) {
        let now = Tick::from_millis(START + at);
        assert_eq!(router.tick(now, &[gone.signs(at), there.signs(at)]), None);
    }
    assert_eq!(router.standings().next(), Some(RegionStanding::Away), "it is told all the same");
    assert!(router.prefer(1).is_some());
}

#[test]
fn who_has_stood_still_does_not_leave_the_region_that_answers_second() {
    let at = |millis| Tick::from_millis(START + millis);
    let signs = |last| {
        let last = Some(at(last));
        Signs { latest: last, slowest: last, is_ready: true, owed: Some(0) }
    };
    let mut router = Router::new(settings(), 2, 0, at(0));
    for now in (0..=10_000).step_by(200) {
        assert_eq!(router.tick(at(now), &[signs(now), signs(now)]), None);
    }
    assert_eq!(router.tick(at(20_000), &[signs(10_000), signs(20_000)]), None);
    assert_eq!(router.active(), 0);
}
