//! Durations as .NET writes its `TimeSpan`, which is how health pages read them: `00:00:00.0042000`.
//!
//! Invariant: what is written has the digits of 100 ns or none, and days only from one on.

use std::fmt;
use std::time::Duration;

use serde::Serializer;

/// The longest that a `TimeSpan` holds, in 100 ns.
const LONGEST: u128 = i64::MAX as u128;

/// Shows a duration so.
struct TimeSpan(Duration);

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = (self.0.as_nanos() / 100).min(LONGEST);
        let (seconds, steps) = (steps / 10_000_000, steps % 10_000_000);
        let (days, seconds) = (seconds / 86_400, seconds % 86_400);
        if days > 0 {
            write!(f, "{days}.")?;
        }
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}")?;
        if steps > 0 { write!(f, ".{steps:07}") } else { Ok(()) }
    }
}

/// For `#[serde(serialize_with)]`.
pub(crate) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&TimeSpan(*duration))
}

/// The same where it may be unknown.
#[expect(clippy::ref_option, reason = "serde hands it over so")]
pub(crate) fn serialize_known<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serialize(duration, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a59_durations_are_written_as_time_spans() {
        for (duration, shown) in [
            (Duration::ZERO, "00:00:00"),
            (Duration::from_nanos(99), "00:00:00"),
            (Duration::from_nanos(100), "00:00:00.0000001"),
            (Duration::from_micros(4_200), "00:00:00.0042000"),
            (Duration::from_secs(59), "00:00:59"),
            (Duration::from_millis(2_140), "00:00:02.1400000"),
            (Duration::from_secs(86_399), "23:59:59"),
            (Duration::from_secs(86_400), "1.00:00:00"),
            (Duration::from_millis(3 * 86_400_000 + 3_723_500), "3.01:02:03.5000000"),
            (Duration::MAX, "10675199.02:48:05.4775807"),
        ] {
            assert_eq!(TimeSpan(duration).to_string(), shown);
        }
    }
}
