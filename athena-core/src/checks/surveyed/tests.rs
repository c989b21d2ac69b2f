//! Surveys → findings.

use super::*;
use crate::backend::operate::{
    ClusterSight, Persistence, ReplicaSight, Replication, SentinelSight, SentinelVoice,
};
use crate::health::HealthEntry;
use Health::{Degraded, Healthy, Unhealthy};

fn primary(change: impl FnOnce(&mut SurveyedNode)) -> SurveyedNode {
    let mut node = SurveyedNode {
        endpoint: "node-1".to_owned(),
        is_connected: true,
        is_replica: Some(false),
        ..SurveyedNode::default()
    };
    change(&mut node);
    node
}

fn survey(nodes: impl IntoIterator<Item = SurveyedNode>) -> Survey {
    Survey { nodes: nodes.into_iter().collect(), ..Survey::default() }
}

fn told(finding: Finding) -> (Health, String) {
    let entry = HealthEntry::new(finding, std::time::Duration::ZERO, vec![]);
    (entry.status, entry.description.unwrap())
}

fn says(finding: Finding, status: Health, part: &str) {
    let (found, text) = told(finding);
    assert!(found == status && text.contains(part), "{found}: {text}, expected {status}: {part}");
}

#[test]
fn b14_a_node_that_keeps_nothing_is_a_warning_unless_that_is_meant() {
    let keeps = |save: Option<&str>, aof, ok| {
        survey([primary(|node| {
            node.persistence = Some(Persistence {
                save_points: save.map(str::to_owned),
                aof_enabled: Some(aof),
                last_save_ok: Some(ok),
                aof_last_write_ok: Some(ok),
                ..Persistence::default()
            });
        })])
    };
    let mut settings = HealthSettings::default();
    let nothing = keeps(Some(""), false, true);
    says(persistence(&nothing, &settings), Degraded, "neither `save` nor `appendonly` is set");
    says(persistence(&keeps(Some("3600 1"), false, true), &settings), Healthy, "");
    says(persistence(&keeps(Some(""), true, true), &settings), Healthy, "");
    // Who may not ask knows nothing of it.
    says(persistence(&keeps(None, false, true), &settings), Healthy, "");
    let failed = keeps(Some("3600 1"), true, false);
    says(
        persistence(&failed, &settings),
        Degraded,
        "the last save of node-1 failed; node-1 cannot",
    );
    settings.expect_persistence = false;
    says(persistence(&nothing, &settings), Healthy, "");
    says(persistence(&failed, &settings), Degraded, "the last save");
}

#[test]
fn b16_room_is_told_with_numbers() {
    let settings = HealthSettings::default();
    let holds = |used, max, change: fn(&mut MemoryUse)| {
        let mut memory = MemoryUse { used: Some(used), max: Some(max), ..MemoryUse::default() };
        change(&mut memory);
        survey([primary(|node| node.memory = Some(memory))])
    };
    let room = |survey: Survey| memory(&survey, &settings);
    let noeviction = |memory: &mut MemoryUse| memory.policy = Some("noeviction".to_owned());
    says(room(holds(50, 100, noeviction)), Healthy, "there is room");
    says(room(holds(95, 100, noeviction)), Degraded, "95 of 100 bytes, 95 %");
    says(room(holds(95, 100, noeviction)), Degraded, "it refuses writes when it is full");
    says(room(holds(95, 0, noeviction)), Healthy, "no limit (`maxmemory 0`)");
    says(room(holds(95, 1000, |it| it.evicted = Some(7))), Degraded, "evicted 7 names");
    let fragmented = |memory: &mut MemoryUse| memory.fragmentation = Some(1.8);
    says(room(holds(200 << 20, 1 << 30, fragmented)), Degraded, "1.80 bytes");
    says(room(holds(1 << 20, 1 << 30, fragmented)), Healthy, "");
    says(room(survey([primary(|_| {})])), Healthy, "");
}

#[test]
fn replicas_are_there_and_close_behind() {
    let mut settings = HealthSettings::default();
    let has = |replicas: &[(&str, u64)]| {
        let replicas = replicas.iter().zip(2..).map(|((state, lag), number)| ReplicaSight {
            endpoint: format!("node-{number}"),
            state: (*state).to_owned(),
            lag_seconds: Some(*lag),
            ..ReplicaSight::default()
        });
        let replication = Replication { replicas: replicas.collect(), ..Replication::default() };
        survey([primary(|node| node.replication_info = Some(replication))])
    };
    let follows = |link_up, heard| {
        survey([primary(|node| {
            node.is_replica = Some(true);
            let (link_up, last_heard_seconds) = (Some(link_up), Some(heard));
            node.replication_info =
                Some(Replication { link_up, last_heard_seconds, ..Replication::default() });
        })])
    };
    says(replication(&has(&[("online", 1)]), &settings), Healthy, "");
    says(replication(&has(&[("online", 6)]), &settings), Degraded, "node-2 is 6 s behind node-1");
    says(replication(&follows(true, 1), &settings), Healthy, "");
    says(replication(&follows(false, 1), &settings), Degraded, "not connected to its primary");
    says(replication(&follows(true, 9), &settings), Degraded, "for 9 s");
    says(replication(&has(&[]), &settings), Healthy, "");
    settings.replicas = 2;
    let one = has(&[("online", 0), ("wait_bgsave", 0)]);
    says(replication(&one, &settings), Degraded, "node-1 has 1 replicas, expected 2");
}

#[test]
fn a_cluster_serves_all_slots_by_the_word_of_every_node() {
    let sees = |sights: &[(bool, u32, u32)]| {
        survey(sights.iter().map(|(is_ok, slots_ok, pfail)| {
            primary(|node| {
                node.cluster = Some(ClusterSight {
                    is_ok: Some(*is_ok),
                    slots_ok: Some(*slots_ok),
                    slots_pfail: Some(*pfail),
                    ..ClusterSight::default()
                });
            })
        }))
    };
    says(cluster_state(&sees(&[(true, SLOTS, 0); 3])), Healthy, "all slots");
    says(cluster_state(&sees(&[(true, SLOTS, 0), (true, SLOTS - 9, 9)])), Degraded, "disagree");
    says(cluster_state(&sees(&[(true, SLOTS, 1)])), Degraded, "may have failed");
    says(cluster_state(&sees(&[(false, 10_923, 0); 3])), Unhealthy, "5461 of 16384 slots");
    says(cluster_state(&survey([primary(|_| {})])), Healthy, "");
}

#[test]
fn sentinels_answer_and_have_their_quorum() {
    let hears = |voices: &[Option<(&str, bool)>]| {
        let sentinels = voices.iter().zip(1..).map(|(voice, number)| SentinelVoice {
            endpoint: format!("sentinel-{number}"),
            sight: voice.map(|(primary, has_quorum)| SentinelSight {
                primary: primary.to_owned(),
                has_quorum: Some(has_quorum),
                ..SentinelSight::default()
            }),
            error: None,
        });
        SentinelReport { service: "mymaster".to_owned(), sentinels: sentinels.collect() }
    };
    let yes = Some(("a", true));
    says(quorum(Some(&hears(&[yes, yes, yes]))), Healthy, "");
    says(quorum(Some(&hears(&[yes, yes, None]))), Degraded, "sentinel-3 does not answer");
    says(quorum(Some(&hears(&[yes, yes, Some(("b", true))]))), Degraded, "2 primaries");
    says(quorum(Some(&hears(&[Some(("a", false)), None]))), Unhealthy, "no quorum");
    says(quorum(Some(&hears(&[Some(("a", false)), yes]))), Degraded, "some sentinels");
    says(quorum(Some(&hears(&[None, None]))), Unhealthy, "no sentinel");
    says(quorum(None), Healthy, "there are no sentinels");
}
