use std::collections::BTreeMap;
use std::time::Duration;

use athena_cache_core::backend::operate::{
    ClusterSight, Examined, LackedRight, MemoryUse, Permission, Persistence, ReplicaSight,
    Replication, SentinelReport, SentinelSight, SentinelVoice, StoreKind, SurveyedNode,
};

use super::*;

/// A change of what is known.
type Change = fn(&mut Facts);

/// A primary of which all is known, and all is well; with a replica where there can be one.
fn node(kind: StoreKind) -> (SurveyedNode, Examined) {
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

fn sentinels(count: usize) -> SentinelReport {
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
fn good(kind: StoreKind) -> Facts {
    let (node, examined) = node(kind);
    let mut facts = Facts::default();
    (facts.survey.kind, facts.survey.nodes) = (kind, vec![node]);
    facts.examination.own.tracking = true;
    facts.examination.nodes = vec![examined];
    facts.sentinels = (kind == StoreKind::Sentinel).then(|| sentinels(3));
    facts.names = Some(NameFacts { looked_at: 100, ..NameFacts::default() });
    facts
}

fn memory(facts: &mut Facts) -> &mut MemoryUse {
    facts.survey.nodes[0].memory.as_mut().unwrap()
}

fn persistence(facts: &mut Facts) -> &mut Persistence {
    facts.survey.nodes[0].persistence.as_mut().unwrap()
}

fn replication(facts: &mut Facts) -> &mut Replication {
    facts.survey.nodes[0].replication_info.as_mut().unwrap()
}

fn examined(facts: &mut Facts) -> &mut Examined {
    &mut facts.examination.nodes[0]
}

fn keeps(facts: &mut Facts, said: &str) {
    examined(facts).keeps = Permission::Refused(said.to_owned());
}

fn set(facts: &mut Facts, name: &str, value: &str) {
    let settings = examined(facts).settings.as_mut().unwrap();
    settings.insert(name.to_owned(), value.to_owned());
}

fn sight(facts: &mut Facts) -> &mut SentinelSight {
    facts.sentinels.as_mut().unwrap().sentinels[0].sight.as_mut().unwrap()
}

fn slots(facts: &mut Facts) -> &mut ClusterSight {
    facts.survey.nodes[0].cluster.as_mut().unwrap()
}

#[test]
fn of_a_good_deployment_nothing_is_found_and_of_an_unknown_one_neither() {
    for kind in [StoreKind::Standalone, StoreKind::Sentinel, StoreKind::Cluster] {
        assert_eq!(examine(&good(kind)), Vec::new(), "{kind:?}");
        // A node that says nothing but that it is there.
        let mut facts = good(kind);
        let mut node = SurveyedNode::default();
        (node.endpoint, node.is_connected) = ("a:1".to_owned(), true);
        facts.survey.nodes = vec![node];
        facts.examination.nodes[0] = Examined::default();
        facts.names = None;
        if let Some(report) = &mut facts.sentinels {
            report
                .sentinels
                .iter_mut()
                .for_each(|voice| voice.sight = Some(SentinelSight::default()));
        }
        assert_eq!(examine(&facts), Vec::new(), "{kind:?}");
    }
    assert_eq!(examine(&Facts::default()), Vec::new());
}

#[test]
#[rustfmt::skip]
fn each_thing_that_is_wrong_is_found_alone_with_the_line_to_change() {
    use Level::{Fault, Warning};
    use StoreKind::{Cluster, Sentinel, Standalone};
    let table: &[(StoreKind, Change, &str, Level, &str)] = &[
        (Standalone, |it| it.survey.error = Some("nobody answers".into()), "known", Fault, "what is said there"),
        (Standalone, |it| it.survey.nodes[0].is_connected = false, "reached", Fault, "start it"),
        (Standalone, |it| examined(it).timing.median = Some(Duration::from_millis(50)), "latency", Warning, "run this where"),
        (Standalone, |it| persistence(it).is_loading = Some(true), "loading", Fault, "nothing"),
        (Standalone, |it| it.survey.nodes[0].version = Some("6.0.9".into()), "version", Fault, "install Redis 7"),
        (Standalone, |it| examined(it).is_direct = Some(false), "direct", Fault, "url = "),
        (Standalone, |it| examined(it).clock_ahead_ms = Some(-60_000.0), "clock", Warning, "chronyc makestep"),
        (Standalone, |it| it.examination.own.tracking = false, "tracking", Warning, "tracking = true"),
        (Standalone, |it| examined(it).tracking = Permission::Refused("ERR unknown".into()), "tracking", Fault, "url = "),
        (Standalone, |it| {
            let mut lacked = LackedRight::default();
            lacked.command = "eval".into();
            (examined(it).lacking, examined(it).grant) = (vec![lacked], Some("ACL SETUSER app +eval".into()));
        }, "rights", Fault, "ACL SETUSER app +eval"),
        (Standalone, |it| set(it, "tracking-table-max-keys", "199"), "readers", Warning, "CONFIG SET tracking-table-max-keys 1000000"),
        (Standalone, |it| { examined(it).settings = None; it.examination.own.tracking_table_max_keys = Some(7); }, "readers", Warning, "CONFIG SET tracking-table-max-keys "),
        (Standalone, |it| memory(it).max = Some(0), "memory", Warning, "CONFIG SET maxmemory SIZE"),
        (Standalone, |it| memory(it).used = Some(95 << 20), "memory", Warning, "CONFIG SET maxmemory 209715200"),
        (Standalone, |it| memory(it).policy = Some("noeviction".into()), "policy", Warning, "CONFIG SET maxmemory-policy volatile-lru"),
        (Standalone, |it| memory(it).policy = Some("allkeys-lfu".into()), "policy", Warning, "CONFIG SET maxmemory-policy volatile-lru"),
        (Standalone, |it| examined(it).clients = Some(8_000), "clients", Warning, "CONFIG SET maxclients 20000"),
        (Standalone, |it| persistence(it).last_save_ok = Some(false), "persistence", Fault, "BGSAVE"),
        (Standalone, |it| persistence(it).aof_last_write_ok = Some(false), "persistence", Fault, "BGSAVE"),
        (Sentinel, |it| persistence(it).save_points = Some(String::new()), "persistence", Warning, "CONFIG SET save "),
        (Sentinel, |it| replication(it).replicas[0].lag_seconds = Some(6), "replication", Warning, "look at the network"),
        (Sentinel, |it| replication(it).link_up = Some(false), "replication", Warning, "look whether"),
        (Sentinel, |it| {
            let another = replication(it).replicas[0].clone();
            replication(it).replicas.push(another);
            set(it, "min-replicas-to-write", "0");
        }, "acknowledged", Warning, "CONFIG SET min-replicas-to-write 1"),
        (Sentinel, |it| replication(it).replicas.clear(), "replicas", Warning, "REPLICAOF a 1"),
        (Cluster, |it| replication(it).replicas.clear(), "replicas", Warning, "redis-cli --cluster add-node"),
        (Cluster, |it| slots(it).slots_ok = Some(10_923), "cluster", Fault, "redis-cli --cluster fix"),
        (Cluster, |it| slots(it).is_ok = Some(false), "cluster", Fault, "redis-cli --cluster fix"),
        (Cluster, |it| slots(it).slots_pfail = Some(5), "cluster", Warning, "look at the network"),
        (Cluster, |it| set(it, "cluster-require-full-coverage", "yes"), "coverage", Warning, "CONFIG SET cluster-require-full-coverage no"),
        (Cluster, |it| set(it, "cluster-node-timeout", "15000"), "node-timeout", Warning, "CONFIG SET cluster-node-timeout 5000"),
        (Sentinel, |it| it.sentinels = Some(sentinels(2)), "sentinels", Warning, "sentinel monitor mymaster a 1 2"),
        (Sentinel, |it| it.sentinels = Some(sentinels(4)), "sentinels", Warning, "sentinel monitor mymaster a 1 3"),
        (Sentinel, |it| {
            let voice = &mut it.sentinels.as_mut().unwrap().sentinels[0];
            (voice.sight, voice.error) = (None, Some("refused".into()));
        }, "sentinel", Fault, "start it"),
        (Sentinel, |it| (sight(it).has_quorum, sight(it).quorum) = (Some(false), Some(2)), "quorum", Fault, "start the sentinels that are gone: 2 of the 3"),
        (Sentinel, |it| (sight(it).has_quorum, sight(it).quorum) = (Some(false), Some(3)), "quorum", Fault, "SENTINEL SET mymaster quorum 2"),
        (Sentinel, |it| sight(it).has_quorum = Some(false), "quorum", Fault, "start the sentinels that are gone"),
        (Standalone, |it| keeps(it, "OOM command not allowed"), "keeps", Fault, "CONFIG SET maxmemory-policy volatile-lru"),
        (Sentinel, |it| keeps(it, "NOREPLICAS Not enough"), "keeps", Fault, "start its replicas"),
        (Sentinel, |it| keeps(it, "READONLY You can't"), "keeps", Fault, "url = "),
        (Standalone, |it| keeps(it, "redis at a:1 did not answer in 2s"), "keeps", Fault, "what is said there"),
        (Standalone, |it| { it.survey.nodes[0].is_replica = Some(true); keeps(it, "READONLY You can't"); }, "primary", Fault, "url = \"redis://HOST-OF-THE-PRIMARY:6379\""),
        (Standalone, |it| { it.survey.nodes[0].is_replica = Some(true); replication(it).primary = Some("p:7".into()); }, "primary", Fault, "url = \"redis://p:7\""),
        (Cluster, |it| { slots(it).is_ok = Some(false); keeps(it, "CLUSTERDOWN The cluster is down"); }, "cluster", Fault, "redis-cli --cluster fix"),
        (Standalone, |it| { persistence(it).last_save_ok = Some(false); keeps(it, "MISCONF Redis is configured"); }, "persistence", Fault, "BGSAVE"),
        (Standalone, |it| { persistence(it).is_loading = Some(true); keeps(it, "LOADING Redis is loading"); }, "loading", Fault, "nothing"),
        (Sentinel, |it| sight(it).is_in_tilt = Some(true), "tilt", Fault, "chronyc tracking"),
        (Sentinel, |it| sight(it).down_after_ms = Some(30_000), "down-after", Warning, "SENTINEL SET mymaster down-after-milliseconds 1000"),
        (Sentinel, |it| sight(it).replicas_down = vec!["b:2".into()], "replicas", Warning, "start it"),
        (Sentinel, |it| sight(it).primary = "b:2".into(), "agreement", Fault, "look at the network"),
        (Standalone, |it| it.names.as_mut().unwrap().without_life = 3, "lives", Warning, "athena invalidate"),
        (Standalone, |it| it.names.as_mut().unwrap().foreign = 3, "foreign", Warning, "a namespace of its own"),
        (Standalone, |it| it.names.as_mut().unwrap().digests = 3, "digests", Warning, "key = "),
    ];
    for (number, (kind, change, check, level, fix)) in table.iter().enumerate() {
        let mut facts = good(*kind);
        change(&mut facts);
        let findings = examine(&facts);
        let [finding] = &findings[..] else { panic!("{number} {check}: {findings:#?}") };
        assert_eq!((finding.check, finding.level), (*check, *level), "{number}: {finding:#?}");
        assert!(finding.fix.starts_with(fix), "{number}: {} is not {fix}", finding.fix);
        assert!(!finding.found.is_empty() && !finding.why.is_empty() && !finding.see.is_empty());
    }
}

#[test]
fn the_same_on_several_nodes_is_one_finding_and_faults_come_first() {
    let mut facts = good(StoreKind::Standalone);
    memory(&mut facts).policy = Some("noeviction".into());
    let (mut second, mut also) =
        (facts.survey.nodes[0].clone(), facts.examination.nodes[0].clone());
    (second.endpoint, also.endpoint) = ("b:2".to_owned(), "b:2".to_owned());
    facts.survey.nodes.push(second);
    facts.examination.nodes.push(also);
    facts.examination.nodes[1].is_direct = Some(false);
    let findings = examine(&facts);
    let checks: Vec<_> = findings.iter().map(|it| (it.check, it.nodes.join(" "))).collect();
    assert_eq!(checks, [("direct", "b:2".to_owned()), ("policy", "a:1 b:2".to_owned())]);
}

#[test]
fn what_a_replica_may_not_do_is_no_fault() {
    let mut facts = good(StoreKind::Sentinel);
    let (mut replica, mut examined) = node(StoreKind::Standalone);
    (replica.endpoint, replica.is_replica) = ("b:2".to_owned(), Some(true));
    examined.endpoint = "b:2".to_owned();
    examined.lacking = vec![LackedRight::default()];
    examined.tracking = Permission::Refused("READONLY".into());
    facts.survey.nodes.push(replica);
    facts.examination.nodes.push(examined);
    assert_eq!(examine(&facts), Vec::new());
}
