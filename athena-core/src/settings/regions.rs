//! Settings of a namespace that has a second region, and what they must satisfy.
//!
//! Invariant: settings that were accepted name each region once and leave no region without a store.

mod stores;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration::shown;
use crate::excerpt::Excerpt;
use crate::regions::RouterSettings;

pub(crate) use stores::RegionStores;

/// More would be asked for signs of life all the time.
const MOST_REGIONS: usize = 8;
/// Of a name, in bytes.
const LONGEST_NAME: usize = 64;
/// Signs of life are asked for several times in it.
const SHORTEST_DETECT: Duration = Duration::from_secs(1);

/// Two or more stores that know nothing of each other, as one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RegionSettings {
    /// The region that decides the order of invalidations, the same in every process. It has to be named.
    ///
    /// Names are 1 to 64 of `A-Z a-z 0-9 _ . -`. The namespace does not contain it, so that what is kept stays where it
    /// is when another region becomes the primary.
    pub primary: String,
    /// The other regions, one to seven, in the order in which they take over.
    pub secondary: Vec<String>,
    /// The region that this process uses while it can. Default: the primary.
    pub prefer: Option<String>,
    /// What is carried from the primary to the others. Default `Invalidations`.
    pub replication: RegionReplication,
    /// Whether another region is used while the preferred one is away. Default yes.
    pub failover: bool,
    /// How long one operation on a region that is not the primary may take. Default 500 ms.
    ///
    /// What a call may take in all, over all regions, is `resilience.deadline`.
    #[serde(with = "crate::duration")]
    pub secondary_timeout: Duration,
    /// How long a region has to be silent before it is left. Default 3 s, at least 1 s.
    #[serde(with = "crate::duration")]
    pub detect: Duration,
    /// How long a single node of a region has to be, which its region may replace itself. Default 30 s.
    #[serde(with = "crate::duration")]
    pub failover_timeout: Duration,
    /// How long the preferred region has to answer before it is returned to. Default 60 s.
    ///
    /// Twice as long each time that it is left again within 5 min, 10 min at most.
    #[serde(with = "crate::duration")]
    pub grace: Duration,
    /// How old the last word may be by which a secondary knows what the primary has invalidated. Default 5 s.
    #[serde(with = "crate::duration")]
    pub tolerance: Duration,
    /// How long what was loaded counts as fresh in a secondary that does not hear of the primary. Default 30 s.
    #[serde(with = "crate::duration")]
    pub alone_ttl: Duration,
    /// How long after a change the source of another region may still show what was before. Default 0.
    #[serde(with = "crate::duration")]
    pub source_lag: Duration,
}

/// What is carried from the primary region to the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RegionReplication {
    /// Nothing: each process tells all regions itself.
    Off,
    /// What was invalidated.
    #[default]
    Invalidations,
    /// That, and values, so that a secondary is warm.
    Values,
}

impl Default for RegionSettings {
    fn default() -> Self {
        Self {
            primary: String::new(),
            secondary: Vec::new(),
            prefer: None,
            replication: RegionReplication::default(),
            failover: true,
            secondary_timeout: Duration::from_millis(500),
            detect: Duration::from_secs(3),
            failover_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(60),
            tolerance: Duration::from_secs(5),
            alone_ttl: Duration::from_secs(30),
            source_lag: Duration::ZERO,
        }
    }
}

impl RegionSettings {
    /// The default settings for these regions.
    pub fn new(
        primary: impl Into<String>,
        secondary: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let secondary = secondary.into_iter().map(Into::into).collect();
        Self { primary: primary.into(), secondary, ..Self::default() }
    }

    /// All regions, the primary first.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.primary).chain(&self.secondary).map(String::as_str)
    }

    /// The place of the region that this process prefers, among all of them.
    pub(crate) fn preferred(&self) -> usize {
        let prefer = self.prefer.as_deref().unwrap_or(&self.primary);
        self.names().position(|name| name == prefer).unwrap_or_default()
    }

    /// What a router judges by.
    pub(crate) fn router(&self) -> RouterSettings {
        let Self { detect, failover_timeout, grace, failover, .. } = *self;
        RouterSettings { detect, failover_timeout, grace, failover }
    }

    /// Checks everything together, and adds every fault; `deadline` is what one call may take in all.
    pub(crate) fn check(&self, deadline: Duration, faults: &mut Vec<String>) {
        self.check_names(faults);
        self.check_durations(deadline, faults);
        if self.replication == RegionReplication::Off && !self.source_lag.is_zero() {
            faults.push(format!(
                "`regions.source_lag` is {}, which needs `regions.replication` to be Invalidations or Values, and it is Off",
                shown(self.source_lag)
            ));
        }
    }

    /// Adds a fault for what is described and cannot be had yet: a cache that accepted it would do less than it says.
    pub(crate) fn refuse_what_is_missing(&self, faults: &mut Vec<String>) {
        if self.replication != RegionReplication::Invalidations {
            faults.push(format!(
                "`regions.replication` is {:?}, which this version cannot do, expected Invalidations",
                self.replication
            ));
        }
        if !self.source_lag.is_zero() {
            faults.push(format!(
                "`regions.source_lag` is {}, which this version cannot do, expected 0s",
                shown(self.source_lag)
            ));
        }
    }

    fn check_names(&self, faults: &mut Vec<String>) {
        if self.primary.is_empty() {
            faults.push(
                "`regions.primary` is missing, expected the name of a region, such as `westeurope`"
                    .to_owned(),
            );
        }
        if self.secondary.is_empty() {
            faults.push(
                "`regions.secondary` is empty, expected at least one region; with one region leave `[regions]` out"
                    .to_owned(),
            );
        }
        if self.names().count() > MOST_REGIONS {
            let count = self.names().count();
            faults
                .push(format!("`regions` names {count} regions, expected at most {MOST_REGIONS}"));
        }
        for name in self.names().filter(|name| !name.is_empty() || *name != self.primary) {
            if !is_legal(name) {
                faults.push(format!(
                    "`regions` names `{}`, expected 1 to {LONGEST_NAME} of the characters A-Z a-z 0-9 _ . -",
                    Excerpt::of(name)
                ));
            }
        }
        for (place, name) in self.secondary.iter().enumerate() {
            if *name == self.primary {
                faults.push(format!(
                    "`regions.secondary` names `{}`, which is the primary",
                    Excerpt::of(name)
                ));
            } else if self.secondary.iter().take(place).any(|other| other == name) {
                faults.push(format!("`regions.secondary` names `{}` twice", Excerpt::of(name)));
            }
        }
        if let Some(prefer) = &self.prefer
            && !self.names().any(|name| name == prefer)
        {
            faults.push(format!(
                "`regions.prefer` is `{}`, expected one of {}",
                Excerpt::of(prefer),
                listed(self.names())
            ));
        }
    }

    fn check_durations(&self, deadline: Duration, faults: &mut Vec<String>) {
        let moment = Duration::from_millis(1);
        for (name, value, least) in [
            ("secondary_timeout", self.secondary_timeout, moment),
            ("detect", self.detect, SHORTEST_DETECT),
            ("failover_timeout", self.failover_timeout, SHORTEST_DETECT),
            ("grace", self.grace, SHORTEST_DETECT),
            ("tolerance", self.tolerance, moment),
        ] {
            if value < least {
                faults.push(format!("`regions.{name}` is {value:?}, expected at least {least:?}"));
            }
        }
        for (name, value, limit_name, limit) in [
            ("secondary_timeout", self.secondary_timeout, "resilience.deadline", deadline),
            ("detect", self.detect, "regions.failover_timeout", self.failover_timeout),
        ] {
            if value > limit {
                let [value, limit] = [value, limit].map(shown);
                faults.push(format!(
                    "`regions.{name}` is {value}, expected at most `{limit_name}`, {limit}"
                ));
            }
        }
    }
}

fn is_legal(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_legal)
}

/// Names as a fault lists them.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{}`", Excerpt::of(name))).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
