use std::time::Duration;

use athena_cache_core::backend::operate::{FleetMember, SentinelVoice, SurveyedNode};

use super::*;

fn good() -> Found {
    let mut node = SurveyedNode::default();
    (node.endpoint, node.is_connected) = ("a:1".to_owned(), true);
    node.is_replica = Some(false);
    let mut found = Found::default();
    found.survey.nodes = vec![node];
    found
}

#[test]
fn what_needs_somebody_now_ends_with_1() {
    let change = |change: fn(&mut Found)| {
        let mut found = good();
        change(&mut found);
        found.exit()
    };
    assert_eq!(change(|_| {}), Exit::Fine);
    assert_eq!(change(|it| it.survey.nodes[0].is_connected = false), Exit::Trouble);
    assert_eq!(change(|it| it.survey.error = Some("nobody".to_owned())), Exit::Trouble);
    let silent = |found: &mut Found| {
        let mut report = SentinelReport::default();
        report.sentinels.push(SentinelVoice::default());
        found.sentinels = Some(report);
    };
    assert_eq!(change(silent), Exit::Trouble);
    let missing = |found: &mut Found| {
        let member = FleetMember::new("one", Duration::from_secs(9), None);
        found.fleet = Some(Fleet::of(vec![member]));
    };
    assert_eq!(change(missing), Exit::Trouble);
    assert_eq!(change(|it| it.fleet = Some(Fleet::default())), Exit::Fine);
}

#[test]
fn of_one_that_does_not_answer_it_is_said_what_it_was() {
    let role = |is_connected, is_replica| {
        let mut node = SurveyedNode::default();
        (node.is_connected, node.is_replica) = (is_connected, is_replica);
        tables::row(&node)[1].clone()
    };
    for (is_connected, is_replica, said) in [
        (true, Some(false), "primary"),
        (false, Some(false), "was primary"),
        (true, Some(true), "replica"),
        (false, Some(true), "was replica"),
        (true, None, "?"),
        (false, None, "?"),
    ] {
        assert_eq!(role(is_connected, is_replica), said);
    }
}

#[test]
fn the_checks_that_are_told_are_about_servers() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let redis = athena_cache_redis::Redis::from_url("redis://127.0.0.1:1").unwrap();
    let cache = Cache::builder("shop").backend(redis).build().unwrap();
    let all = cache.health_checks().names();
    let unknown = CHECKS.iter().find(|check| !all.iter().any(|name| name == *check));
    assert_eq!(unknown, None, "of {all:?}");
}
