//! What is shown of regions.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::excerpt::Excerpt;
use crate::regions::RegionStanding;

/// How one region of a namespace fares, as this process sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each holds or not, whatever the others do")]
pub struct RegionStatus {
    /// What it is called.
    pub name: String,
    /// Whether it decides the order of invalidations.
    pub primary: bool,
    /// Whether this process uses it.
    pub active: bool,
    /// Whether this process uses it while it can.
    pub preferred: bool,
    /// How it stands.
    pub standing: RegionStanding,
    /// Whether it is known to follow the primary; what the primary itself does counts as heard.
    pub heard: bool,
    /// How old the last word is by which it knows of all that the primary has invalidated; `None` if there was none, and
    /// of the primary.
    #[serde(serialize_with = "crate::time_span::serialize_known")]
    pub lag: Option<Duration>,
    /// Invalidations of this process that it has not been told of so far.
    pub untold: usize,
    /// Records of the primary's log that it has rejected, as far as this process has carried them.
    pub parked: u64,
    /// Invalidations of this process that wait for it.
    pub journal: usize,
}

/// Why a region is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UnusedRegion {
    /// It is none of those.
    Unknown { known: Vec<String> },
    /// It does not answer.
    Away,
    /// The one that is to be left holds invalidations that the primary has not been told of.
    ///
    /// How many is not always known.
    Owing { region: String, owed: Option<u64> },
}

impl fmt::Display for UnusedRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { known } => {
                let known: Vec<_> =
                    known.iter().map(|name| format!("`{}`", Excerpt::of(name))).collect();
                write!(f, "unknown region, expected one of {}", known.join(", "))
            }
            Self::Away => f.write_str("the region does not answer, or not all of its nodes do"),
            Self::Owing { region, owed } => {
                let owed = owed.map_or_else(String::new, |owed| format!("{owed} "));
                write!(
                    f,
                    "`{region}` holds {owed}invalidations that the primary has not been told of: try again once they \
                     have arrived there"
                )
            }
        }
    }
}
