//! Surveys → what is found of replicas.

use super::*;
use crate::backend::operate::{ReplicaSight, Replication};
use crate::health::HealthEntry;
use Health::{Degraded, Healthy};

fn node(number: u8, is_replica: Option<bool>) -> SurveyedNode {
    let endpoint = format!("node-{number}");
    SurveyedNode { endpoint, is_connected: true, is_replica, ..SurveyedNode::default() }
}

fn primary(replicas: &[(&str, u64)]) -> SurveyedNode {
    let sights = replicas.iter().zip(2..).map(|((state, lag), number)| ReplicaSight {
        endpoint: format!("node-{number}"),
        state: (*state).to_owned(),
        lag_seconds: Some(*lag),
        ..ReplicaSight::default()
    });
    let says = Replication { replicas: sights.collect(), ..Replication::default() };
    SurveyedNode { replication_info: Some(says), ..node(1, Some(false)) }
}

fn follower(number: u8, link_up: bool, heard: u64) -> SurveyedNode {
    let (link_up, last_heard_seconds) = (Some(link_up), Some(heard));
    let says = Replication { link_up, last_heard_seconds, ..Replication::default() };
    SurveyedNode { replication_info: Some(says), ..node(number, Some(true)) }
}

fn silent(number: u8, is_replica: Option<bool>) -> SurveyedNode {
    SurveyedNode { is_connected: false, ..node(number, is_replica) }
}

fn survey(nodes: impl IntoIterator<Item = SurveyedNode>) -> Survey {
    Survey { nodes: nodes.into_iter().collect(), ..Survey::default() }
}

fn says(survey: &Survey, settings: &HealthSettings, status: Option<Health>, part: &str) {
    says_of(survey, 0, settings, status, part);
}

fn says_of(survey: &Survey, most: u64, settings: &HealthSettings, is: Option<Health>, part: &str) {
    let finding = replication(survey, &["node-1".to_owned()], most, settings);
    let entry = HealthEntry::new(finding, Duration::ZERO, vec![]);
    let text = entry.description.unwrap();
    let is_said = entry.status == is && text.contains(part);
    assert!(is_said, "{:?}: {text}, expected {is:?}: {part}", entry.status);
}

#[test]
fn replicas_are_there_and_close_behind() {
    let mut settings = HealthSettings::default();
    let (healthy, degraded) = (Some(Healthy), Some(Degraded));
    let has = |replicas: &[(&str, u64)]| survey([primary(replicas)]);
    let follows = |link_up, heard| survey([primary(&[("online", 0)]), follower(2, link_up, heard)]);
    says(&has(&[("online", 1)]), &settings, healthy, "replicas follow");
    says(&has(&[("online", 6)]), &settings, degraded, "node-2 is 6 s behind node-1");
    says(&follows(true, 1), &settings, healthy, "");
    says(&follows(false, 1), &settings, degraded, "not connected to its primary");
    says(&follows(true, 9), &settings, degraded, "for 9 s");
    says(&has(&[]), &settings, healthy, "there are no replicas");
    settings.replicas = 2;
    let one = has(&[("online", 0), ("wait_bgsave", 0)]);
    says(&one, &settings, degraded, "node-1 has 1 replicas, expected 2");
}

#[test]
fn a_replica_that_is_known_and_does_not_answer_is_told_whatever_is_expected() {
    let settings = HealthSettings::default();
    for (node, status, part) in [
        (silent(2, Some(true)), Some(Degraded), "node-2 does not answer"),
        // Of those that sentinels know nobody says what they are; the one in use is none.
        (silent(2, None), Some(Degraded), "node-2 does not answer"),
        (silent(1, None), None, "no primary answers"),
        // Another primary is told by other checks.
        (silent(2, Some(false)), Some(Healthy), ""),
        (SurveyedNode { is_left_out: true, ..silent(2, Some(true)) }, None, "node-2 is not asked"),
    ] {
        let is_primary = node.endpoint == "node-1";
        let others = (!is_primary).then(|| primary(&[("online", 0)]));
        says(&survey(others.into_iter().chain([node])), &settings, status, part);
    }
}

#[test]
fn what_nobody_tells_of_replicas_is_unknown() {
    let settings = HealthSettings::default();
    says(&survey([]), &settings, None, "no primary answers");
    says(&survey([node(1, Some(false))]), &settings, None, "node-1 does not say who follows it");
    says(&survey([primary(&[]), node(2, None)]), &settings, None, "node-2 does not say what it is");
    let error = Some("not in a runtime".to_owned());
    says(&Survey { error, ..survey([]) }, &settings, None, "not in a runtime");
}

#[test]
fn a_single_node_whose_list_is_shorter_than_of_late_has_lost_a_replica() {
    let (settings, mut most) = (HealthSettings::default(), MostReplicas::default());
    let at = |minutes: u64| Tick::from_millis(minutes * 60_000);
    let (both, one) =
        (survey([primary(&[("online", 0); 2])]), survey([primary(&[("wait_bgsave", 0)])]));
    assert_eq!(most.note(at(1), &both), 2);
    let seen = most.note(at(2), &one);
    says_of(&one, seen, &settings, Some(Degraded), "1 of 2 replicas are gone");
    assert_eq!([29, 31, 59].map(|minute| most.note(at(minute), &one)), [2, 2, 2]);
    assert_eq!(most.note(at(95), &one), 1, "who runs with fewer for long means it");
    says_of(&one, 1, &settings, Some(Healthy), "");
    // These remember by themselves.
    for kind in [StoreKind::Sentinel, StoreKind::Cluster] {
        assert_eq!(most.note(at(96), &Survey { kind, ..both.clone() }), 0);
    }
}
