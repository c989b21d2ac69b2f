//! Times of day, for people and programs outside of this process.
//!
//! Invariant: a moment is written as RFC 3339 in UTC with milliseconds, whatever the machine's zone; nothing in the
//! cache is decided by one.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::unix_millis;

/// A time of day by the machine's clock, to the millisecond.
///
/// It shows, and is serialized, as RFC 3339 in UTC.
///
/// ```
/// use athena_cache_core::Moment;
///
/// let moment = Moment::from_unix_millis(1_795_908_329_123);
/// assert_eq!(moment.to_string(), "2026-11-28T23:25:29.123Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

const DAY: u64 = 86_400_000;

/// The last moment of the year 9999: a year of five digits is no RFC 3339.
const LAST: u64 = 253_402_300_799_999;

impl Moment {
    /// Now.
    pub(crate) fn now() -> Self {
        Self::from_unix_millis(unix_millis())
    }

    /// The moment that lies so many milliseconds behind the beginning of 1970; the end of the year 9999 at the latest.
    pub fn from_unix_millis(millis: u64) -> Self {
        Self(millis.min(LAST))
    }

    /// Milliseconds since the beginning of 1970.
    pub fn unix_millis(self) -> u64 {
        self.0
    }

    /// Reads what [`Display`](fmt::Display) writes.
    fn parse(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let days = days_before(year, month, day)?;
        let millis = ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1_000 + number(20, 23)?;
        let moment = Self::from_unix_millis(millis);
        // What it shows as is the one way to write it, so nothing else is taken for one.
        (moment.to_string() == text).then_some(moment)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0 / DAY);
        let millis = self.0 % DAY;
        let (seconds, millis) = (millis / 1_000, millis % 1_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = "a time as in `2026-11-28T23:25:29.123Z`";
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("expected {expected}")))
    }
}

/// Year, month and day of a day since 1970, in the calendar of today.
fn date(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the day that some of them lack is their last.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// Days from the beginning of 1970 to a day; `None` before.
fn days_before(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = (if month > 2 { year } else { year.checked_sub(1)? }, month);
    let (era, of_era) = (year / 400, year % 400);
    let from_march = if month > 2 { month - 3 } else { month.checked_add(9)? };
    let of_year = (153 * from_march + 2) / 5 + day.checked_sub(1)?;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    (era * 146_097 + of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (u64::MAX / 1_000, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Moment::from_unix_millis(seconds * 1_000).to_string(), shown);
        }
    }

    #[test]
    fn each_is_read_as_what_was_written_and_nothing_else_is() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..10_000 {
            let moment = Moment::from_unix_millis(random.u64(..=LAST));
            assert_eq!(Moment::parse(&moment.to_string()), Some(moment));
        }
        for text in [
            "",
            "2026-11-28",
            "2026-11-31T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-00-00T00:00:00.000Z",
            "0000-01-01T00:00:00.000Z",
            "2026-11-28T25:00:00.000Z",
            "2026-11-28T23:25:29.123",
            "2026-11-28 23:25:29.123Z",
            "2026-11-28T23:25:29.123+01:00",
            "äöüäöüäöüäöüäöüäöüäöü",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
