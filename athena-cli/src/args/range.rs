//! What times and numbers on the command line may be.
//!
//! Invariant: what is let through can be added to any time of day, and held in memory.

use std::ops::RangeInclusive;
use std::time::Duration;

use humantime::format_duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The most entries that are listed: they are remembered, to list each once.
const LISTED: RangeInclusive<usize> = 1..=1_000_000;

/// For a node, as for an operation.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    time(text, Duration::from_millis(1)..=Duration::from_secs(600))
}

/// Between two lines.
pub(super) fn every(text: &str) -> Result<Duration, String> {
    time(text, Duration::from_millis(100)..=DAY)
}

/// Of a drill.
pub(super) fn drill(text: &str) -> Result<Duration, String> {
    time(text, Duration::from_millis(1)..=DAY)
}

/// In a second.
pub(super) fn rate(text: &str) -> Result<u32, String> {
    let rate = text.parse().ok().filter(|rate| (1..=1_000_000).contains(rate));
    rate.ok_or_else(|| "expected 1 to 1000000".to_owned())
}

/// Of entries that are listed.
pub(super) fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| LISTED.contains(limit));
    limit.ok_or_else(|| format!("expected {} to {}", LISTED.start(), LISTED.end()))
}

fn time(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if range.contains(&time) {
        return Ok(time);
    }
    let (shortest, longest) = range.into_inner();
    Err(format!("expected {} to {}", format_duration(shortest), format_duration(longest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_or_too_little_is_refused_with_what_is_allowed() {
        for text in ["1day", "100ms"] {
            assert!(every(text).is_ok(), "{text}");
        }
        for text in ["99ms", "2days", "500000000000years", "18446744073709551615s", "0s"] {
            let said = every(text).unwrap_err();
            assert!(said.contains("100ms to 1day") || said.contains("too large"), "{said}");
        }
        assert_eq!(timeout("1h").unwrap_err(), "expected 1ms to 10m");
        assert!(drill("25h").is_err() && drill("1").is_err());
        for text in ["0", "1000001", "-1", "99999999999999999999", "many"] {
            assert_eq!(limit(text).unwrap_err(), "expected 1 to 1000000");
        }
        assert_eq!(limit("1000000"), Ok(1_000_000));
    }
}
