//! Surveys → findings.

use super::*;
use crate::backend::operate::{ClusterSight, Persistence, SentinelSight, SentinelVoice};
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

fn says(finding: Finding, status: impl Into<Option<Health>>, part: &str) {
    let (entry, status) =
        (HealthEntry::new(finding, std::time::Duration::ZERO, vec![]), status.into());
    let text = entry.description.unwrap();
    let is_said = entry.status == status && text.contains(part);
    assert!(is_said, "{:?}: {text}, expected {status:?}: {part}", entry.status);
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
    // Who may not ask knows nothing of it, unless the other way is told.
    says(persistence(&keeps(None, false, true), &settings), None, "CONFIG GET save");
    says(persistence(&keeps(None, true, true), &settings), Healthy, "");
    says(persistence(&keeps(None, false, false), &settings), Degraded, "the last save");
    says(persistence(&survey([primary(|_| {})]), &settings), None, "node-1 does not say");
    says(persistence(&survey([]), &settings), None, "no primary answers");
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
    let holds = |used, max, change: fn(&mut MemoryUse)| {
        let mut memory = MemoryUse { used: Some(used), max: Some(max), ..MemoryUse::default() };
        change(&mut memory);
        survey([primary(|node| node.memory = Some(memory))])
    };
    let room = |survey: Survey| memory(&survey);
    let noeviction = |memory: &mut MemoryUse| memory.policy = Some("noeviction".to_owned());
    says(room(holds(50, 100, noeviction)), Healthy, "there is room");
    says(room(holds(95, 100, noeviction)), Degraded, "95 of 100 bytes, 95 %");
    says(room(holds(95, 100, noeviction)), Degraded, "it refuses writes when it is full");
    says(room(holds(95, 0, noeviction)), Healthy, "no limit (`maxmemory 0`)");
    // What is meant to evict is full for ever.
    for policy in ["allkeys-lru", "allkeys-lfu", "volatile-ttl"] {
        let mut evicts = holds(99, 100, |it| it.evicted = Some(7));
        evicts.nodes[0].memory.as_mut().unwrap().policy = Some(policy.to_owned());
        says(room(evicts), Healthy, &format!("evicted 7 names (`maxmemory-policy {policy}`)"));
    }
    says(room(holds(95, 100, |_| {})), Degraded, "does not say what it does when it is full");
    let fragmented = |memory: &mut MemoryUse| memory.fragmentation = Some(1.8);
    says(room(holds(200 << 20, 1 << 30, fragmented)), Degraded, "1.80 bytes");
    says(room(holds(1 << 20, 1 << 30, fragmented)), Healthy, "");
    says(room(survey([primary(|_| {})])), None, "node-1 does not say what it holds");
    says(room(holds(1, 1, |memory| memory.max = None)), None, "how much it may hold");
    says(room(survey([])), None, "no primary answers");
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
    let [mut alone, mut half] = [survey([primary(|_| {})]), sees(&[(true, SLOTS, 0)])];
    says(cluster_state(&alone), Healthy, "there is no cluster");
    alone.kind = StoreKind::Cluster;
    says(cluster_state(&alone), None, "no node says");
    half.nodes.push(primary(|_| {}));
    says(cluster_state(&half), None, "node-1 does not say how it sees its cluster");
}

#[test]
fn sentinels_answer_and_have_their_quorum() {
    let hears = |voices: &[Option<(&str, Option<bool>)>]| {
        let sentinels = voices.iter().zip(1..).map(|(voice, number)| SentinelVoice {
            endpoint: format!("sentinel-{number}"),
            sight: voice.map(|(primary, has_quorum)| SentinelSight {
                primary: primary.to_owned(),
                has_quorum,
                ..SentinelSight::default()
            }),
            error: None,
        });
        SentinelReport { service: "mymaster".to_owned(), sentinels: sentinels.collect() }
    };
    let (yes, no) = (Some(("a", Some(true))), Some(("a", Some(false))));
    says(quorum(&hears(&[yes, yes, yes])), Healthy, "");
    says(quorum(&hears(&[yes, yes, None])), Degraded, "sentinel-3 does not answer");
    says(quorum(&hears(&[yes, yes, Some(("b", Some(true)))])), Degraded, "2 primaries");
    says(quorum(&hears(&[no, None])), Unhealthy, "no quorum");
    says(quorum(&hears(&[no, yes])), Degraded, "some sentinels");
    says(quorum(&hears(&[None, None])), Unhealthy, "no sentinel");
    let untold = Some(("a", None));
    says(quorum(&hears(&[yes, yes, untold])), None, "sentinel-3 does not let us ask");
    says(quorum(&hears(&[untold, None])), Degraded, "sentinel-2 does not answer");
    let mut nobody = survey([]);
    says(no_sentinels(&nobody), Healthy, "there are no sentinels");
    nobody.kind = StoreKind::Sentinel;
    says(no_sentinels(&nobody), None, "no sentinel can be asked");
}
