//! How often the nodes are asked about the cluster.

use std::time::Duration;

/// Shortest pause between two rounds of questions about a small cluster.
const SHORTEST: Duration = Duration::from_millis(20);
/// What each node adds to it: answers grow with the cluster.
const PER_NODE: Duration = Duration::from_micros(100);
/// What each node adds for each answer that is waited for while something is looked for.
const PER_LINE: Duration = Duration::from_micros(25);
/// While something is looked for.
const LOOKING: Duration = Duration::from_millis(25);
const LOOKING_LONG: Duration = Duration::from_millis(250);
const LOOKING_FOREVER: Duration = Duration::from_secs(1);
/// From when on nothing is expected to happen soon.
const LONG: Duration = Duration::from_secs(30);
const FOREVER: Duration = Duration::from_secs(60);
/// While all is well: between this and twice as long.
const IDLE: Duration = Duration::from_secs(5);

/// After so long without running the refresher's runtime stands still.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(3 * IDLE.as_secs());

/// The shortest pause between two rounds, whatever asks for them.
pub(super) fn shortest(nodes: usize) -> Duration {
    PER_NODE.saturating_mul(u32::try_from(nodes).unwrap_or(u32::MAX)).max(SHORTEST)
}

/// The pause between two rounds while something has been looked for this long, by answers of so many lines
/// in all.
pub(super) fn looking(elapsed: Duration, lines: usize) -> Duration {
    let pause = match elapsed {
        _ if elapsed < LONG => LOOKING,
        _ if elapsed < FOREVER => LOOKING_LONG,
        _ => LOOKING_FOREVER,
    };
    let lines = u32::try_from(lines).unwrap_or(u32::MAX);
    PER_LINE.saturating_mul(lines).clamp(pause, pause.max(LOOKING_LONG))
}

/// The pause between two rounds while all is well, by a random number from 0 to 1.
pub(super) fn idle(random: f64) -> Duration {
    IDLE + IDLE.mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_come_seldom_in_health_and_fast_in_doubt() {
        let millis = Duration::from_millis;
        for (nodes, pause) in [(0, 20), (200, 20), (300, 30), (1_000, 100)] {
            assert_eq!(shortest(nodes), millis(pause), "{nodes}");
        }
        for (elapsed, pause) in [(0, 25), (29_999, 25), (30_000, 250), (60_000, 1_000)] {
            assert_eq!(looking(millis(elapsed), 6), millis(pause), "{elapsed}");
        }
        for (lines, pause) in [(1_000, 25), (2_000, 50), (8_000, 200), (1_000_000, 250)] {
            assert_eq!(looking(Duration::ZERO, lines), millis(pause), "{lines}");
        }
        for (random, pause) in [(0.0, 5_000), (0.5, 7_500), (1.0, 10_000)] {
            assert_eq!(idle(random), millis(pause), "{random}");
        }
    }
}
