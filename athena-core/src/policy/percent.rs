//! Shares, as settings have them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::excerpt::Excerpt;

/// A share of something, 0 to 100 percent; written `"10%"` in settings.
///
/// ```
/// use athena_cache_core::Percent;
///
/// assert_eq!(Percent::new(10).to_string(), "10%");
/// assert_eq!(Percent::new(250).get(), 100);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(u8);

impl Percent {
    /// A share of at most 100; more counts as 100.
    pub const fn new(percent: u8) -> Self {
        Self(if percent > 100 { 100 } else { percent })
    }

    /// The number before the percent sign.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// That share of a duration.
    pub(crate) fn of(self, duration: Duration) -> Duration {
        duration.mul_f64(f64::from(self.0) / 100.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl TryFrom<String> for Percent {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
        match number {
            Some(percent @ 0..=100) => Ok(Self(percent)),
            _ => Err(format!("invalid share `{}`: expected `0%` to `100%`", Excerpt::of(&text))),
        }
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> Self {
        percent.to_string()
    }
}
