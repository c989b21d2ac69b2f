//! What all checks found at one moment, and the document that health pages poll.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{Fact, Finding, Health};
use crate::moment::Moment;
use crate::time_span;

/// What the checks of a cache found.
///
/// It is serialized as ASP.NET's health pages expect it: `status`, `totalDuration` and `entries`, names `likeThis`,
/// states `Healthy`, `Degraded` and `Unhealthy`, durations as `00:00:00.0042000`, what is not there left out. What was
/// not found out has the state `null`, which those pages do not read: [`known`](Self::known) is without it. For
/// everything else there is [`neutral`](Self::neutral).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HealthReport {
    /// What follows from all of them, by the [policy](super::HealthPolicy).
    #[serde(serialize_with = "titled")]
    pub status: Health,
    /// How long it took.
    #[serde(rename = "totalDuration", serialize_with = "time_span::serialize")]
    pub took: Duration,
    /// When it was made, by the machine's clock.
    #[serde(skip)]
    pub at: Moment,
    /// What each check found, by its name.
    pub entries: BTreeMap<String, HealthEntry>,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HealthEntry {
    /// How the thing fares; `None` if that was not found out.
    #[serde(serialize_with = "titled_if_known")]
    pub status: Option<Health>,
    /// How long the check took.
    #[serde(rename = "duration", serialize_with = "time_span::serialize")]
    pub took: Duration,
    /// A sentence; may name addresses of nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Figures; may name addresses of nodes.
    pub data: BTreeMap<String, Fact>,
    /// What it is about: `ready` if the service depends on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Cow<'static, str>>,
}

impl HealthReport {
    /// The same without sentences and figures, which name addresses: for whoever may not know these.
    #[must_use]
    pub fn without_details(mut self) -> Self {
        for entry in self.entries.values_mut() {
            entry.description = None;
            entry.data.clear();
        }
        self
    }

    /// The same without checks that found nothing out: for health pages that know three states and no fourth.
    #[must_use]
    pub fn known(mut self) -> Self {
        self.entries.retain(|_, entry| entry.status.is_some());
        self
    }
}

impl HealthEntry {
    pub(crate) fn new(finding: Finding, took: Duration, tags: Vec<Cow<'static, str>>) -> Self {
        let Finding { status, description, data, .. } = finding;
        Self { status, took, description, data, tags }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn titled<S: Serializer>(health: &Health, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(health.title())
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn titled_if_known<S: Serializer>(
    health: &Option<Health>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    health.map(Health::title).serialize(serializer)
}
