//! What follows from what nodes and sentinels say of themselves: pure.
//!
//! Invariant: what nobody says is no trouble of its own; that a node does not answer is `redis_connectivity`'s to tell.

use crate::backend::operate::{MemoryUse, SentinelReport, Survey, SurveyedNode};
use crate::health::{Finding, Health};
use crate::settings::HealthSettings;

/// Slots of a cluster.
const SLOTS: u32 = 16_384;
/// Less room than this share is degraded.
const HEADROOM: f64 = 0.1;
/// More bytes of the machine for each in use are degraded, of what is large enough to matter.
const FRAGMENTED: (f64, u64) = (1.5, 100 << 20);

/// Whether replicas are there, connected and close behind.
pub(super) fn replication(survey: &Survey, settings: &HealthSettings) -> Finding {
    let mut told = Vec::new();
    let longest = settings.replication_lag.as_secs();
    let is_late = |seconds: Option<u64>| seconds.is_some_and(|seconds| seconds > longest);
    let mut fewest = u64::MAX;
    for node in survey.nodes.iter().filter(|node| node.is_connected) {
        let (at, Some(says)) = (&node.endpoint, &node.replication_info) else { continue };
        if node.is_replica == Some(true) {
            if says.link_up == Some(false) {
                told.push(format!("{at} is not connected to its primary"));
            } else if is_late(says.last_heard_seconds) {
                let seconds = says.last_heard_seconds.unwrap_or_default();
                told.push(format!("{at} has not heard of its primary for {seconds} s"));
            }
            continue;
        }
        let online = says.replicas.iter().filter(|replica| replica.state == "online");
        let (mut count, mut late) = (0, Vec::new());
        for replica in online {
            count += 1;
            if is_late(replica.lag_seconds) {
                let seconds = replica.lag_seconds.unwrap_or_default();
                late.push(format!("{} is {seconds} s behind {at}", replica.endpoint));
            }
        }
        told.append(&mut late);
        fewest = fewest.min(count);
        if count < settings.replicas {
            let expected = settings.replicas;
            told.push(format!("{at} has {count} replicas, expected {expected}"));
        }
    }
    let finding = judged(&told, "replicas follow");
    if fewest == u64::MAX { finding } else { finding.with("replicas", fewest) }
}

/// Whether nodes keep what they hold beyond a restart.
pub(super) fn persistence(survey: &Survey, settings: &HealthSettings) -> Finding {
    let (mut told, mut without) = (Vec::new(), 0_usize);
    for node in survey.primaries() {
        let (at, Some(says)) = (&node.endpoint, &node.persistence) else { continue };
        if says.last_save_ok == Some(false) {
            told.push(format!("the last save of {at} failed"));
        }
        if says.aof_enabled == Some(true) && says.aof_last_write_ok == Some(false) {
            told.push(format!("{at} cannot write its append-only file"));
        }
        let saves_never =
            says.save_points.as_deref().is_some_and(|points| points.trim().is_empty());
        if saves_never && says.aof_enabled == Some(false) {
            without += 1;
            if settings.expect_persistence {
                told.push(format!(
                    "{at} keeps nothing beyond a restart: neither `save` nor `appendonly` is set; if that is meant, set \
                     `health.expect_persistence = false`"
                ));
            }
        }
    }
    judged(&told, "nodes keep what they hold as they are set up").with("unpersisted", without)
}

/// Whether there is room.
pub(super) fn memory(survey: &Survey, _settings: &HealthSettings) -> Finding {
    let (mut told, mut notes) = (Vec::new(), Vec::new());
    let (mut used, mut evicted) = (0, 0);
    for node in survey.primaries() {
        let Some(says) = &node.memory else { continue };
        used += says.used.unwrap_or_default();
        evicted += says.evicted.unwrap_or_default();
        judge_room(node, says, &mut told);
        if says.max == Some(0) {
            notes.push(format!("{} has no limit (`maxmemory 0`)", node.endpoint));
        }
    }
    let fine = if notes.is_empty() { "there is room".to_owned() } else { notes.join("; ") };
    judged(&told, &fine).with("usedBytes", used).with("evicted", evicted)
}

fn judge_room(node: &SurveyedNode, says: &MemoryUse, told: &mut Vec<String>) {
    let at = &node.endpoint;
    if let (Some(used), Some(max @ 1..)) = (says.used, says.max) {
        let left = 1.0 - number(used) / number(max);
        if left < HEADROOM {
            let policy = says.policy.as_deref().unwrap_or("unknown");
            let what = match policy {
                "noeviction" => "; it refuses writes when it is full",
                _ => "",
            };
            told.push(format!(
                "{at} uses {} of {} bytes, {:.0} % of them, `maxmemory-policy {policy}`{what}",
                used,
                max,
                100.0 * number(used) / number(max)
            ));
        }
    }
    if let (Some(ratio), Some(used)) = (says.fragmentation, says.used)
        && ratio > FRAGMENTED.0
        && used > FRAGMENTED.1
    {
        told.push(format!("{at} takes {ratio:.2} bytes of the machine for each in use"));
    }
    if let Some(evicted @ 1..) = says.evicted {
        told.push(format!("{at} has evicted {evicted} names since it started"));
    }
}

/// Whether all slots are served, by the word of every node.
pub(super) fn cluster_state(survey: &Survey) -> Finding {
    let sights = || {
        let answered = survey.nodes.iter().filter(|node| node.is_connected);
        answered.filter_map(|node| Some((&node.endpoint, node.cluster.as_ref()?)))
    };
    let Some(ok) = survey.slots_ok() else {
        return Finding::healthy("no node says anything of a cluster");
    };
    let mut told = Vec::new();
    let mut status = Health::Degraded;
    let most = sights().filter_map(|(_, sight)| sight.slots_ok).max().unwrap_or(ok);
    for (at, sight) in sights() {
        if sight.is_ok == Some(false) {
            told.push(format!("{at} says that the cluster is down"));
        }
        if let Some(failing @ 1..) = sight.slots_pfail {
            told.push(format!("{at} says that the node of {failing} slots may have failed"));
        }
    }
    if most < SLOTS {
        // Nobody knows of a node that serves them.
        status = Health::Unhealthy;
        told.push(format!("{} of {SLOTS} slots are served by no node", SLOTS - most));
    } else if ok < SLOTS {
        told.push(format!("nodes disagree: some take {} slots for unserved", SLOTS - ok));
    }
    let finding = match told.as_slice() {
        [] => Finding::healthy("all slots are served"),
        told => Finding::of(status, few(told)),
    };
    finding.with("slotsOk", u64::from(ok))
}

/// Whether sentinels can bring about a failover.
pub(super) fn quorum(report: Option<&SentinelReport>) -> Finding {
    let Some(report) = report else {
        return Finding::healthy("there are no sentinels");
    };
    let (all, answered) = (report.sentinels.len(), report.answered());
    let silent = report.sentinels.iter().filter(|voice| voice.sight.is_none());
    let silent: Vec<_> =
        silent.map(|voice| format!("{} does not answer", voice.endpoint)).collect();
    let finding = if answered == 0 {
        Finding::unhealthy("no sentinel answers")
    } else if report.sights().all(|sight| sight.has_quorum == Some(false)) {
        Finding::unhealthy("the sentinels have no quorum: there will be no failover")
    } else if report.has_quorum() == Some(false) {
        Finding::degraded("some sentinels have no quorum")
    } else if report.agreed() == Some(false) {
        Finding::degraded(format!("sentinels name {} primaries", report.primaries().len()))
    } else if report.tilt() == Some(true) {
        Finding::degraded("a sentinel is in tilt mode, and does nothing meanwhile")
    } else if !silent.is_empty() {
        Finding::degraded(few(&silent))
    } else {
        Finding::healthy("all sentinels answer and have their quorum")
    };
    finding.with("sentinels", all).with("answered", answered)
}

fn judged(told: &[String], fine: &str) -> Finding {
    match told {
        [] => Finding::healthy(fine),
        told => Finding::degraded(few(told)),
    }
}

/// The first of many.
fn few(told: &[String]) -> String {
    const NAMED: usize = 5;
    match told.len().checked_sub(NAMED) {
        Some(more @ 1..) => format!("{}; and {more} more", told[..NAMED].join("; ")),
        _ => told.join("; "),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
