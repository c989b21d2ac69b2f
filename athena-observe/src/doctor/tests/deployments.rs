//! Deployments in which all is well, and what is changed of them.

use std::collections::BTreeMap;
use std::time::Duration;

use athena_cache_core::backend::operate::{
    ClusterMember, ClusterSight, Examined, MemoryUse, Permission, Persistence, ReplicaSight,
    Replication, SentinelReport, SentinelSight, SentinelVoice, StoreKind, SurveyedNode,
};

use crate::doctor::{Facts, NameFacts};

/// A primary of which all is known, and all is well; with a replica where there can be one.
pub(super) fn node(kind: StoreKind) -> (SurveyedNode, Examined) {
    let mut node = SurveyedNode::default();
    node.endpoint = "a:1".to_owned();
    (node.is_connected, node.is_replica) = (true, Some(false));
    (node.product, node.version) = (Some("redis".to_owned()), Some("7.0.15".to_owned()));
    let mut replication = Replication::default();
    if kind != StoreKind::Standalone {
        let mut replica = ReplicaSight::default();
        (replica.endpoint, replica.lag_seconds) = ("b:2".to_owned(), Some(1));
        replication.replicas.push(replica);
    }
    node.replication_info = Some(replication);
    let mut persistence = Persistence::default();
    (persistence.is_loading, persistence.save_points) = (Some(false), Some("3600 1".to_owned()));
    (persistence.last_save_ok, persistence.aof_enabled) = (Some(true), Some(false));
    node.persistence = Some(persistence);
    let mut memory = MemoryUse::default();
    (memory.used, memory.max, memory.evicted) = (Some(10 << 20), Some(100 << 20), Some(0));
    (memory.policy, memory.tracked_names) = (Some("volatile-lru".to_owned()), Some(10));
    node.memory = Some(memory);
    if kind == StoreKind::Cluster {
        let mut sight = ClusterSight::default();
        (sight.is_ok, sight.slots_ok, sight.slots_pfail) = (Some(true), Some(16_384), Some(0));
        node.cluster = Some(sight);
        node.slots = vec!["0-16383".to_owned()];
    }
    let mut examined = Examined::default();
    examined.endpoint = "a:1".to_owned();
    (examined.is_direct, examined.tracking) = (Some(true), Permission::Granted);
    examined.keeps = Permission::Granted;
    (examined.clock_ahead_ms, examined.clock_uncertain_ms) = (Some(3.0), Some(1.0));
    examined.timing.median = Some(Duration::from_millis(1));
    (examined.clients, examined.max_clients, examined.names) = (Some(10), Some(10_000), Some(100));
    let settings = [
        ("tracking-table-max-keys", "1000000"),
        ("min-replicas-to-write", "1"),
        ("cluster-require-full-coverage", "no"),
        ("cluster-node-timeout", "5000"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    examined.settings = Some(BTreeMap::from(settings));
    (node, examined)
}

pub(super) fn sentinels(count: usize) -> SentinelReport {
    let mut report = SentinelReport::default();
    report.service = "mymaster".to_owned();
    report.sentinels = (0..count)
        .map(|number| {
            let mut sight = SentinelSight::default();
            sight.primary = "a:1".to_owned();
            (sight.has_quorum, sight.is_in_tilt) = (Some(true), Some(false));
            sight.down_after_ms = Some(1_000);
            let mut voice = SentinelVoice::default();
            (voice.endpoint, voice.sight) = (format!("s:{number}"), Some(sight));
            voice
        })
        .collect();
    report
}

/// A deployment in which all is well.
pub(super) fn good(kind: StoreKind) -> Facts {
    let (node, examined) = node(kind);
    let mut facts = Facts::default();
    (facts.survey.kind, facts.survey.nodes) = (kind, vec![node]);
    facts.examination.own.tracking = true;
    facts.examination.nodes = vec![examined];
    facts.sentinels = (kind == StoreKind::Sentinel).then(|| sentinels(3));
    facts.names = Some(NameFacts { looked_at: 100, ..NameFacts::default() });
    facts
}

pub(super) fn memory(facts: &mut Facts) -> &mut MemoryUse {
    facts.survey.nodes[0].memory.as_mut().unwrap()
}

pub(super) fn persistence(facts: &mut Facts) -> &mut Persistence {
    facts.survey.nodes[0].persistence.as_mut().unwrap()
}

pub(super) fn replication(facts: &mut Facts) -> &mut Replication {
    facts.survey.nodes[0].replication_info.as_mut().unwrap()
}

pub(super) fn examined(facts: &mut Facts) -> &mut Examined {
    &mut facts.examination.nodes[0]
}

pub(super) fn keeps(facts: &mut Facts, said: &str) {
    examined(facts).keeps = Permission::Refused(said.to_owned());
}

pub(super) fn set(facts: &mut Facts, name: &str, value: &str) {
    let settings = examined(facts).settings.as_mut().unwrap();
    settings.insert(name.to_owned(), value.to_owned());
}

pub(super) fn sight(facts: &mut Facts) -> &mut SentinelSight {
    facts.sentinels.as_mut().unwrap().sentinels[0].sight.as_mut().unwrap()
}

pub(super) fn slots(facts: &mut Facts) -> &mut ClusterSight {
    facts.survey.nodes[0].cluster.as_mut().unwrap()
}

/// The node does not answer: it is dead, or does not let us in.
pub(super) fn gone(facts: &mut Facts, refused: Option<&str>) {
    facts.survey.nodes[0].is_connected = false;
    let examined = examined(facts);
    (examined.keeps, examined.user) = (Permission::Unknown, Some("app".to_owned()));
    if let Some(said) = refused {
        examined.login = Permission::Refused(said.to_owned());
    }
}

/// Another member does not answer, which serves nothing any more.
pub(super) fn gone_idle(facts: &mut Facts) {
    let mut member = ClusterMember::default();
    (member.id, member.endpoint) = ("0f1e".to_owned(), "b:2".to_owned());
    facts.survey.nodes[0].cluster_nodes = Some(vec![member]);
    let mut dead = SurveyedNode::default();
    (dead.endpoint, dead.is_replica) = ("b:2".to_owned(), Some(false));
    facts.survey.nodes.push(dead);
}

/// So many sentinels do not say what they know.
pub(super) fn unheard(facts: &mut Facts, count: usize, error: &str) {
    facts.examination.own.sentinel_user = Some("watcher".to_owned());
    for voice in facts.sentinels.as_mut().unwrap().sentinels.iter_mut().take(count) {
        (voice.sight, voice.error) = (None, Some(error.to_owned()));
    }
}

/// So many sentinels watch something else.
pub(super) fn monitors(facts: &mut Facts, count: usize, names: &[&str]) {
    unheard(facts, count, "ERR No such master with that name");
    for voice in facts.sentinels.as_mut().unwrap().sentinels.iter_mut().take(count) {
        voice.monitors = Some(names.iter().map(|&name| name.to_owned()).collect());
    }
}
