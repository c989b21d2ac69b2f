//! When a value ends, written behind its bytes by the script that stores it.
//!
//! ```text
//! value  number:16  clock:8  "AtE" or "AtS"      number in decimal digits, milliseconds; clock little endian
//! ```
//!
//! `AtE` says at which time of its node a value ends, so that one question for the time tells the ages of all that
//! are read together. `AtS` says that somebody has shortened its life to so many milliseconds at most: what was asked
//! for then holds whatever becomes of the node's clock (coherence 21 and 25).
//!
//! Invariant: a time counts on the clock alone that it was taken from, named by the history of its node.

use std::time::Duration;

const DIGITS: usize = 16;
const CLOCK: usize = 8;
const MARK: usize = 3;
const ENDS_AT: &[u8] = b"AtE";
const SHORTENED: &[u8] = b"AtS";

/// What a value says of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    /// At a time of this clock, in milliseconds.
    EndsAt { clock: u64, end: u64 },
    /// Not later than so long after now, whenever now is.
    Within(Duration),
}

/// What time it is, by the clock of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeTime {
    pub(crate) clock: u64,
    /// In milliseconds.
    pub(crate) now: u64,
}

impl Term {
    /// How many bytes it has.
    pub(crate) const LENGTH: usize = DIGITS + CLOCK + MARK;

    /// How a clock is named to the scripts that stamp values.
    pub(crate) fn name_of(clock: u64) -> [u8; CLOCK] {
        clock.to_le_bytes()
    }

    /// Takes it from behind the bytes of a value, if it is there.
    pub(crate) fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let value = bytes.len().checked_sub(Self::LENGTH)?;
        let (digits, rest) = bytes[value..].split_at(DIGITS);
        let (clock, mark) = rest.split_at(CLOCK);
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let term = match mark {
            ENDS_AT => {
                let clock = u64::from_le_bytes(clock.try_into().ok()?);
                Self::EndsAt { clock, end: number }
            }
            SHORTENED => Self::Within(Duration::from_millis(number)),
            _ => return None,
        };
        bytes.truncate(value);
        Some(term)
    }

    /// How long the value is left, if that can be told by the time; it has to be asked for by itself else.
    pub(crate) fn left_at(self, time: Option<NodeTime>) -> Option<Duration> {
        match self {
            Self::EndsAt { clock, end } => {
                let NodeTime { now, .. } = time.filter(|time| time.clock == clock)?;
                end.checked_sub(now).map(Duration::from_millis)
            }
            Self::Within(_) => None,
        }
    }

    /// How long the value is left, by what the node says that it lets it live on.
    pub(crate) fn bound(self, left: Duration) -> Duration {
        match self {
            Self::EndsAt { .. } => left,
            Self::Within(most) => left.min(most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK_A: u64 = 0x0102_0304_0506_0708;

    fn written(value: &[u8], number: u64, mark: &[u8]) -> Vec<u8> {
        let digits = format!("{number:016}");
        [value, digits.as_bytes(), &Term::name_of(CLOCK_A), mark].concat()
    }

    #[test]
    fn it_is_taken_from_behind_any_bytes() {
        for value in [&b""[..], b"bar", b"0000000000000007", b"AtE"] {
            let mut bytes = written(value, 1_700_000_000_000, ENDS_AT);
            let term = Term::take(&mut bytes);
            let expected = Term::EndsAt { clock: CLOCK_A, end: 1_700_000_000_000 };
            assert_eq!((term, &*bytes), (Some(expected), value));
            let mut bytes = written(value, 500, SHORTENED);
            let term = Term::take(&mut bytes);
            let expected = Term::Within(Duration::from_millis(500));
            assert_eq!((term, &*bytes), (Some(expected), value));
        }
    }

    #[test]
    fn bytes_without_one_stay_as_they_are() {
        let cut = written(b"", 7, ENDS_AT)[1..].to_vec();
        let signed = [b"+000000000000007", &Term::name_of(CLOCK_A)[..], b"At?"].concat();
        let words = [b"a life of a week", &Term::name_of(CLOCK_A)[..], ENDS_AT].concat();
        for bytes in [Vec::new(), b"AtE".to_vec(), cut, signed, words, vec![255; 64]] {
            let mut left = bytes.clone();
            assert_eq!((Term::take(&mut left), &left), (None, &bytes));
        }
    }

    #[test]
    fn a_time_counts_on_its_own_clock_alone() {
        let term = Term::EndsAt { clock: CLOCK_A, end: 1_000 };
        let at = |clock, now| term.left_at(Some(NodeTime { clock, now }));
        assert_eq!(at(CLOCK_A, 400), Some(Duration::from_millis(600)));
        assert_eq!(at(CLOCK_A, 1_000), Some(Duration::ZERO));
        assert_eq!(at(CLOCK_A, 1_001), None, "it is there, and has ended: the clock was set");
        assert_eq!(at(CLOCK_A ^ 1, 400), None, "another machine's");
        assert_eq!(term.left_at(None), None);
    }

    #[test]
    fn what_was_shortened_is_asked_about_and_never_lives_longer() {
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(9));
        let term = Term::Within(short);
        assert_eq!(term.left_at(Some(NodeTime { clock: CLOCK_A, now: 0 })), None);
        assert_eq!(term.bound(long), short, "the clock was set back");
        assert_eq!(term.bound(Duration::ZERO), Duration::ZERO);
        assert_eq!(Term::EndsAt { clock: CLOCK_A, end: 0 }.bound(long), long);
    }
}
