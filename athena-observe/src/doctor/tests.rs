mod deployments;

use std::time::Duration;

use athena_cache_core::backend::operate::{
    Examined, LackedRight, Permission, SentinelSight, StoreKind, SurveyedNode,
};

use self::deployments::{
    examined, gone, gone_idle, good, keeps, memory, monitors, node, persistence, replication,
    sentinels, set, sight, slots, unheard,
};
use super::*;

/// A change of what is known.
type Change = fn(&mut Facts);

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
        (Standalone, |it| gone(it, None), "reached", Fault, "start it, or let us through; if it is elsewhere, `url`"),
        (Sentinel, |it| gone(it, None), "reached", Fault, "start it, or let us through; where nodes are reached elsewhere than they say, `[addresses]`"),
        (Cluster, |it| gone(it, None), "reached", Fault, "start it, or let us through; where nodes"),
        (Cluster, |it| gone_idle(it), "reached", Fault, "start it: it comes back as a replica by itself; one that is gone for good is forgotten by: redis-cli --cluster call a:1 CLUSTER FORGET 0f1e    ("),
        (Standalone, |it| gone(it, Some("WRONGPASS invalid username-password pair")), "login", Fault, "ACL SETUSER app on >PASSWORD    ("),
        (Standalone, |it| gone(it, Some("it asks for a password, and none is set")), "login", Fault, "password = "),
        (Standalone, |it| gone(it, Some("NOPERM something else")), "login", Fault, "what is said there"),
        (Sentinel, |it| { unheard(it, 3, "WRONGPASS invalid"); it.survey.error = Some("the sentinels let us not in".into()); }, "login", Fault, "sentinel_password = "),
        (Sentinel, |it| { gone(it, Some("WRONGPASS invalid")); it.survey.error = Some("which is not usable".into()); }, "login", Fault, "ACL SETUSER app on"),
        (Sentinel, |it| unheard(it, 1, "WRONGPASS invalid"), "login", Fault, "sentinel_password = "),
        (Sentinel, |it| unheard(it, 1, "NOAUTH Authentication required"), "login", Fault, "sentinel_password = "),
        (Sentinel, |it| unheard(it, 1, "refused: NOPERM no 'sentinel'"), "login", Fault, "ACL SETUSER watcher +sentinel"),
        (Sentinel, |it| monitors(it, 1, &["other"]), "service", Fault, "sentinel monitor mymaster HOST PORT"),
        (Sentinel, |it| monitors(it, 3, &["other", "shop"]), "service", Fault, "url = \"redis-sentinel://…#other\""),
        (Sentinel, |it| monitors(it, 3, &[]), "service", Fault, "sentinel monitor mymaster HOST PORT"),
        (Standalone, |it| { gone(it, None); it.survey.nodes[0].error = Some("redis at a:1 is not connected: found a sentinel in place of a data node: give the url".into()); }, "reached", Fault, "what is said there"),
        (Sentinel, |it| unheard(it, 1, "redis at s:0 is not connected: found a data node in place of a sentinel"), "sentinel", Fault, "what is said there"),
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

#[test]
fn of_sentinels_that_say_nothing_nobody_knows_how_many_there_are() {
    let mut facts = good(StoreKind::Sentinel);
    facts.sentinels = Some(sentinels(1));
    unheard(&mut facts, 1, "refused");
    let findings = examine(&facts);
    let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, ["sentinel"]);
}
