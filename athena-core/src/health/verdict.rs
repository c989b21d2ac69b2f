//! What follows from all findings together: a pure table.

use serde::{Deserialize, Serialize};

use super::Health;

/// What is made of all findings together.
///
/// The default differs from what health checks usually do, since the functions of a service answer without the backend:
/// a service that is taken out of rotation for the sake of its cache serves nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HealthPolicy {
    /// Trouble with the backend is degraded at most, even if it lets nobody in: all who use it would be taken out of
    /// rotation together. Unhealthy is a cache that is closed, one without any tier (memory off, no primary
    /// reached), and what a check finds that is [needed](Need::Ready).
    #[default]
    Graceful,
    /// As ASP.NET's health checks are read: all found well is healthy, some not is degraded, and a check that panics
    /// or has no answer makes it unhealthy.
    Guide,
}

/// What the service needs the subject of a check for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
    /// It serves nobody without: unhealthy is unhealthy for all of it.
    Ready,
    /// It serves, and not as well: unhealthy is degraded for all of it.
    Quality,
}

/// What one check comes to, as far as all of them together are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HealthPart {
    /// What was not found out decides nothing.
    pub(crate) status: Option<Health>,
    pub(crate) need: Need,
    /// Whether it found nothing, since it panicked or did not answer.
    pub(crate) broke: bool,
}

/// What no check decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// At least one tier is there.
    Serving,
    /// The cache is closed, or nothing of it does its work.
    Gone,
}

impl HealthPolicy {
    /// What all findings come to.
    pub(crate) fn judge(
        self,
        standing: Standing,
        parts: impl Iterator<Item = HealthPart>,
    ) -> Health {
        let parts = parts.filter_map(|part| self.weigh(part));
        let worst = parts.max().unwrap_or_default();
        if standing == Standing::Gone { Health::Unhealthy } else { worst }
    }

    fn weigh(self, part: HealthPart) -> Option<Health> {
        let HealthPart { status, need, broke } = part;
        let status = status?;
        Some(match (self, need) {
            (Self::Guide, _) if broke => Health::Unhealthy,
            (Self::Graceful, Need::Ready) => status,
            (Self::Graceful, Need::Quality) | (Self::Guide, _) => status.min(Health::Degraded),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Health::{Degraded, Healthy, Unhealthy};

    fn part(status: impl Into<Option<Health>>, need: Need, broke: bool) -> HealthPart {
        let status = status.into();
        HealthPart { status, need, broke }
    }

    #[test]
    fn a56_the_worst_entry_counts_as_the_policy_says() {
        let quality = |status| part(status, Need::Quality, false);
        let ready = |status| part(status, Need::Ready, false);
        let broke = part(Unhealthy, Need::Quality, true);
        let [unknown, unknown_ready] =
            [Need::Quality, Need::Ready].map(|need| part(None, need, false));
        let broke_ready = part(Unhealthy, Need::Ready, true);
        for (parts, graceful, guide) in [
            (&[] as &[_], Healthy, Healthy),
            (&[quality(Healthy), ready(Healthy)], Healthy, Healthy),
            (&[quality(Degraded), quality(Healthy)], Degraded, Degraded),
            (&[quality(Unhealthy)], Degraded, Degraded),
            (&[quality(Unhealthy), quality(Unhealthy)], Degraded, Degraded),
            (&[ready(Degraded)], Degraded, Degraded),
            (&[quality(Healthy), ready(Unhealthy)], Unhealthy, Degraded),
            (&[unknown, unknown_ready], Healthy, Healthy),
            (&[unknown_ready, quality(Degraded)], Degraded, Degraded),
            (&[quality(Healthy), broke], Degraded, Unhealthy),
            (&[quality(Healthy), broke_ready], Unhealthy, Unhealthy),
        ] {
            for (policy, expected) in
                [(HealthPolicy::Graceful, graceful), (HealthPolicy::Guide, guide)]
            {
                let judge = |standing| policy.judge(standing, parts.iter().copied());
                assert_eq!(judge(Standing::Serving), expected, "{policy:?} of {parts:?}");
                assert_eq!(judge(Standing::Gone), Unhealthy, "{policy:?} of {parts:?}");
            }
        }
    }
}
