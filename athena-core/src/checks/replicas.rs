//! What follows from what nodes say of their replicas: pure.
//!
//! Invariant: a replica that is known, by the topology or from before, is told when it is not there, whatever is
//! expected.

use std::time::Duration;

use super::words::judged;
use crate::backend::operate::{StoreKind, Survey, SurveyedNode};
use crate::clock::Tick;
use crate::health::{Finding, Health};
use crate::settings::HealthSettings;

/// For how long a replica of a single node is remembered at least, and for at most twice as long.
const REMEMBERED: Duration = Duration::from_secs(1_800);

/// Figures of the check: how far the last replica is behind.
pub(crate) const LAG_BYTES: &str = "lagBytes";
pub(crate) const LAG_SECONDS: &str = "lagSeconds";

/// The most replicas that a single node had of late: its list forgets one that is gone, and nobody else keeps one.
#[derive(Debug, Default)]
pub(super) struct MostReplicas {
    began: Tick,
    most: u64,
    before: u64,
}

impl MostReplicas {
    /// Notes how many there are now; how many there were, where nobody else remembers them.
    pub(super) fn note(&mut self, now: Tick, survey: &Survey) -> u64 {
        if matches!(survey.kind, StoreKind::Sentinel | StoreKind::Cluster) {
            return 0;
        }
        match now.since(self.began) {
            age if age >= 2 * REMEMBERED => (self.began, self.most, self.before) = (now, 0, 0),
            age if age >= REMEMBERED => {
                (self.began, self.most, self.before) = (now, 0, self.most);
            }
            _ => {}
        }
        self.most = self.most.max(listed(survey));
        self.most.max(self.before)
    }
}

/// Replicas that primaries list, whatever they are doing.
fn listed(survey: &Survey) -> u64 {
    let says = survey.primaries().filter_map(|node| node.replication_info.as_ref());
    says.map(|says| says.replicas.len() as u64).sum()
}

/// Whether replicas are there, connected and close behind.
///
/// `serving` are the nodes that names are asked of: another one is a replica, or is to become one. `most` is how many
/// there have been of late.
pub(super) fn replication(
    survey: &Survey,
    serving: &[String],
    most: u64,
    settings: &HealthSettings,
) -> Finding {
    let (mut told, mut untold) = (Vec::new(), Vec::new());
    for node in &survey.nodes {
        if node.is_connected {
            match node.is_replica {
                Some(true) => told.extend(of_replica(node, settings)),
                Some(false) => of_primary(node, settings, &mut told, &mut untold),
                None => untold.push(format!("{} does not say what it is", node.endpoint)),
            }
        } else if node.is_left_out {
            untold.push(format!("{} is not asked", node.endpoint));
        } else if node.is_replica.unwrap_or_else(|| !serving.contains(&node.endpoint)) {
            told.push(format!("{} does not answer, which is a replica", node.endpoint));
        }
    }
    let count = listed(survey);
    if survey.primaries().next().is_none() {
        let why = survey.error.as_deref().unwrap_or("no primary answers");
        untold.push(why.to_owned());
    } else if count < most {
        told.push(format!("{} of {most} replicas are gone that were there of late", most - count));
    }
    let fine = if count == 0 { "there are no replicas" } else { "replicas follow" };
    let mut finding = judged((Health::Degraded, &told), &untold, fine);
    if let Some(fewest) = survey.primaries().filter_map(online).min() {
        finding = finding.with("replicas", fewest);
    }
    let lag = survey.longest_lag();
    for (name, lag) in [(LAG_BYTES, lag.bytes), (LAG_SECONDS, lag.seconds)] {
        if let Some(lag) = lag {
            finding = finding.with(name, lag);
        }
    }
    finding
}

/// Replicas of a primary that follow it, by its own word.
fn online(primary: &SurveyedNode) -> Option<u64> {
    let replicas = &primary.replication_info.as_ref()?.replicas;
    Some(replicas.iter().filter(|replica| replica.state == "online").count() as u64)
}

fn of_primary(
    node: &SurveyedNode,
    settings: &HealthSettings,
    told: &mut Vec<String>,
    untold: &mut Vec<String>,
) {
    let (at, expected) = (&node.endpoint, settings.replicas);
    let (Some(says), Some(count)) = (&node.replication_info, online(node)) else {
        untold.push(format!("{at} does not say who follows it"));
        return;
    };
    for replica in says.replicas.iter().filter(|replica| replica.state == "online") {
        if let Some(seconds) = late(replica.lag_seconds, settings) {
            told.push(format!("{} is {seconds} s behind {at}", replica.endpoint));
        }
    }
    if count < expected {
        told.push(format!("{at} has {count} replicas, expected {expected}"));
    }
}

fn of_replica(node: &SurveyedNode, settings: &HealthSettings) -> Option<String> {
    let (at, says) = (&node.endpoint, node.replication_info.as_ref()?);
    if says.link_up == Some(false) {
        return Some(format!("{at} is not connected to its primary"));
    }
    let seconds = late(says.last_heard_seconds, settings)?;
    Some(format!("{at} has not heard of its primary for {seconds} s"))
}

fn late(seconds: Option<u64>, settings: &HealthSettings) -> Option<u64> {
    seconds.filter(|seconds| *seconds > settings.replication_lag.as_secs())
}

#[cfg(test)]
mod tests;
