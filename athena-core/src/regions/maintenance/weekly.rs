//! Hours of the week in which maintenance is expected (B41).
//!
//! Invariant: the clock alone never has anything left out. Within such hours answers may take longer, and what is told
//! says so; nothing else follows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::excerpt::Excerpt;

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;
/// The first of January 1970 was a Thursday.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Hours of each week, in UTC: `Sun 02:00-06:00`, or `Sat 22:00-04:00` into the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WeeklyHours {
    /// In minutes since the beginning of Thursday.
    begin: u32,
    /// In minutes, up to a day.
    length: u32,
}

impl WeeklyHours {
    /// Whether a moment lies in them, in milliseconds since 1970.
    pub(crate) fn contain(self, unix_millis: u64) -> bool {
        let minute = u32::try_from(unix_millis / 60_000 % u64::from(WEEK)).unwrap_or_default();
        (minute + WEEK - self.begin) % WEEK < self.length
    }
}

impl FromStr for WeeklyHours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (day, hours) = text.trim().split_once(' ')?;
            let (from, to) = hours.trim().split_once('-')?;
            let day = DAYS.iter().position(|it| it.eq_ignore_ascii_case(day))?;
            let (from, to) = (minutes(from)?, minutes(to)?);
            let begin = u32::try_from(day).ok()? * DAY + from;
            // The end of a day is its last moment, and the same time twice is a whole day.
            let length = if to > from { to - from } else { DAY - from + to };
            Some(Self { begin: begin % WEEK, length })
        };
        read().ok_or_else(|| {
            format!("invalid hours `{}`: expected a day and two times in UTC, such as `Sun 02:00-06:00`", Excerpt::of(text))
        })
    }
}

/// `06:30`, up to `24:00`.
fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let is_time = |part: &str| part.len() == 2 && part.bytes().all(|it| it.is_ascii_digit());
    if !is_time(hours) || !is_time(minutes) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= DAY).then_some(minute)
}

impl fmt::Display for WeeklyHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = DAYS.get(self.begin as usize / DAY as usize).unwrap_or(&"Thu");
        let (from, to) = (self.begin % DAY, (self.begin + self.length) % DAY);
        write!(f, "{day} {:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl Serialize for WeeklyHours {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WeeklyHours {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, the first of March 2021, 00:00 UTC.
    const MONDAY: u64 = 1_614_556_800_000;

    fn hours(text: &str) -> WeeklyHours {
        text.parse().expect("they are hours")
    }

    #[test]
    fn b41_hours_are_the_same_of_every_week_and_may_reach_into_the_next_day() {
        let at =
            |day: u64, hour: u64, minute: u64| MONDAY + ((day * 24 + hour) * 60 + minute) * 60_000;
        for (text, inside, outside) in [
            ("Mon 02:00-06:00", [at(0, 2, 0), at(0, 5, 59)], [at(0, 1, 59), at(0, 6, 0)]),
            ("Sun 22:00-04:30", [at(6, 22, 0), at(7, 4, 29)], [at(6, 21, 59), at(7, 4, 30)]),
            ("wed 23:00-24:00", [at(2, 23, 0), at(2, 23, 59)], [at(2, 22, 59), at(3, 0, 0)]),
            ("Wed 12:00-12:00", [at(2, 12, 0), at(3, 11, 59)], [at(2, 11, 59), at(3, 12, 0)]),
            ("Thu 00:00-00:00", [at(3, 0, 0), at(3, 23, 59)], [at(2, 23, 59), at(4, 0, 0)]),
        ] {
            let hours = hours(text);
            for week in [0, 1, 500] {
                let later = week * 7 * 24 * 60 * 60_000;
                assert!(inside.iter().all(|it| hours.contain(it + later)), "{text}");
                assert!(!outside.iter().any(|it| hours.contain(it + later)), "{text}");
            }
            assert_eq!(hours.to_string().parse(), Ok(hours), "{text}");
        }
    }

    #[test]
    fn b41_what_is_no_hours_is_refused_with_how_they_are_written() {
        for text in [
            "",
            "Sun",
            "Sun 02:00",
            "Day 02:00-03:00",
            "Sun 2:00-3:00",
            "Sun 02:60-03:00",
            "Sun 02:00-24:01",
            "Sun +2:00-03:00",
        ] {
            let refused = text.parse::<WeeklyHours>();
            let expected = format!(
                "invalid hours `{text}`: expected a day and two times in UTC, such as `Sun 02:00-06:00`"
            );
            assert_eq!(refused, Err(expected));
        }
    }
}
