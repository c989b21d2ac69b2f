//! A report as `application/health+json`, which is nobody's own.
//!
//! Shape of draft-inadarei-api-health-check-06: `pass`, `warn`, `fail`; a list of findings under each name.

use std::collections::BTreeMap;

use serde::Serialize;

use super::report::{HealthEntry, HealthReport};
use super::{Fact, Health};
use crate::moment::Moment;

/// A report as `application/health+json`: from [`HealthReport::neutral`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NeutralHealth<'a> {
    status: &'static str,
    checks: BTreeMap<&'a str, [NeutralCheck<'a>; 1]>,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct NeutralCheck<'a> {
    /// Left out where nothing was found out: the draft has no word for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// How long it took, in milliseconds.
    observed_value: f64,
    observed_unit: &'static str,
    time: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: &'a BTreeMap<String, Fact>,
}

impl HealthReport {
    /// The report as `application/health+json`.
    pub fn neutral(&self) -> NeutralHealth<'_> {
        let check = |entry| [NeutralCheck::of(entry, self.at)];
        let checks = self.entries.iter().map(|(name, entry)| (&**name, check(entry))).collect();
        NeutralHealth { status: word(self.status), checks }
    }
}

impl<'a> NeutralCheck<'a> {
    fn of(entry: &'a HealthEntry, time: Moment) -> Self {
        Self {
            status: entry.status.map(word),
            observed_value: entry.took.as_secs_f64() * 1_000.0,
            observed_unit: "ms",
            time,
            // The draft leaves it out of what passes.
            output: entry.description.as_deref().filter(|_| entry.status != Some(Health::Healthy)),
            data: &entry.data,
        }
    }
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Healthy => "pass",
        Health::Degraded => "warn",
        Health::Unhealthy => "fail",
    }
}
