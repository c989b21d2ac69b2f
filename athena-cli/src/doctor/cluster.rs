//! Whether a cluster serves, and goes on serving.

use athena_cache_core::backend::operate::StoreKind;

use super::facts::{Facts, number, setting};
use super::finding::{Finding, SERVERS};
use super::servers::has_no_copy;

/// How many slots there are.
const SLOTS: u32 = 16_384;
/// A node that is silent for longer than this is missed for too long.
const SILENT_MS: u64 = 5_000;

/// Whether all slots are served, by the word of each member.
pub(super) fn state(facts: &Facts, found: &mut Vec<Finding>) {
    facts.each(found, |node, _| {
        let sight = node.cluster.as_ref()?;
        let served = sight.slots_ok.unwrap_or(SLOTS).min(SLOTS);
        if sight.is_ok == Some(false) || served < SLOTS {
            let said = format!("{} of {SLOTS} slots are not served, it says", SLOTS - served);
            let fault = Finding::fault("cluster", said).see(SERVERS);
            return Some(fault
                .why("entries of these slots are loaded by each process for itself; of all slots, where full coverage is required")
                .fix("redis-cli --cluster fix HOST:PORT    (after the nodes that are there have been started)"));
        }
        let slots = sight.slots_pfail.filter(|slots| *slots > 0)?;
        let said = format!("it does not reach the node of {slots} slots");
        let fix = "look at the network between the nodes, their bus ports too (port + 10000)";
        let warning = Finding::warning("cluster", said).see(SERVERS);
        Some(warning.why("a node that most of them do not reach is replaced").fix(fix))
    });
}

/// Whether one dead shard closes all of them.
pub(super) fn coverage(facts: &Facts, found: &mut Vec<Finding>) {
    facts.each(found, |_, examined| {
        let is_required = setting(examined, "cluster-require-full-coverage") == Some("yes");
        (facts.survey.kind == StoreKind::Cluster && is_required).then(|| {
            let said = "it serves nothing while any slot is not served (cluster-require-full-coverage yes)";
            Finding::warning("coverage", said)
                .why("one dead shard takes the cache of all the others away")
                .set("cluster-require-full-coverage", "no")
                .see(SERVERS)
        })
    });
}

/// Whether a dead node is missed for long.
pub(super) fn node_timeout(facts: &Facts, found: &mut Vec<Finding>) {
    facts.each(found, |_, examined| {
        let timeout = number(examined, "cluster-node-timeout").filter(|it| *it > SILENT_MS)?;
        (facts.survey.kind == StoreKind::Cluster).then(|| {
            let said = format!(
                "a dead node is replaced after {timeout} ms at the earliest (cluster-node-timeout)"
            );
            Finding::warning("node-timeout", said)
                .why("so long what it serves is loaded by each process for itself")
                .set("cluster-node-timeout", &SILENT_MS.to_string())
                .see(SERVERS)
        })
    });
}

/// Whether somebody can take over from each primary.
pub(super) fn replicas(facts: &Facts, found: &mut Vec<Finding>) {
    if facts.survey.kind == StoreKind::Standalone {
        return;
    }
    for (node, _) in facts.primaries() {
        // One without slots has nothing to lose.
        let serves = facts.survey.kind != StoreKind::Cluster || !node.slots.is_empty();
        if serves && has_no_copy(node) {
            found.push(
                Finding::warning("replicas", "it has no replica")
                    .on(&node.endpoint)
                    .why("nobody takes over when it dies, and what it held is gone")
                    .fix(match facts.survey.kind {
                        StoreKind::Cluster => {
                            "redis-cli --cluster add-node NEW:PORT OLD:PORT --cluster-slave"
                                .to_owned()
                        }
                        _ => format!(
                            "REPLICAOF {}    (on another server)",
                            node.endpoint.replacen(':', " ", 1)
                        ),
                    })
                    .see(SERVERS),
            );
        }
    }
}
