//! Announcements, and what is done for each.

use super::*;
use crate::backend::MaintenanceSource;
use MaintenanceAction as Action;
use MaintenanceKind as Kind;

fn now() -> Tick {
    Tick::from_millis(1_000_000)
}

fn after(seconds: u64) -> Tick {
    now().after(Duration::from_secs(seconds))
}

fn event(kind: Kind) -> MaintenanceEvent {
    MaintenanceEvent::new(MaintenanceSource::Push, kind)
}

fn starting(seconds: u64) -> MaintenanceEvent {
    MaintenanceEvent { starts_in: Some(Duration::from_secs(seconds)), ..event(Kind::Starting) }
}

fn replica(event: MaintenanceEvent) -> MaintenanceEvent {
    MaintenanceEvent {
        is_replica: Some(true),
        node: Some("10.0.0.2".into()),
        ports: vec![15_001, 13_001],
        ..event
    }
}

fn decide(has_other_region: bool, event: &MaintenanceEvent) -> Vec<Action> {
    Maintenance::new(has_other_region).decide(event, now())
}

#[test]
fn b26_b33_b34_what_is_done_for_each_announcement_with_and_without_another_region() {
    let relax = |seconds| Action::RelaxTimeouts { until: after(seconds) };
    let other = |seconds| Action::UseOtherRegion { until: after(seconds) };
    let isolate = |seconds| Action::IsolateWrites { until: after(seconds) };
    let node = || NodePlace { host: Some("10.0.0.2".to_owned()), ports: vec![15_001, 13_001] };
    let over = vec![Action::RefreshTopology, Action::ResumeWrites, Action::UseThisRegion];
    let lasting = |kind, seconds| MaintenanceEvent {
        lasts: Some(Duration::from_secs(seconds)),
        ..event(kind)
    };
    let moving = |to: Option<&str>| Kind::Moving { to: to.map(str::to_owned) };
    let reconnect = |to: Option<&str>, seconds| Action::Reconnect {
        to: to.map(str::to_owned),
        within: Duration::from_secs(seconds),
    };
    let alike: Vec<(MaintenanceEvent, Vec<Action>)> = vec![
        (event(Kind::Scheduled), vec![]),
        (event(Kind::Unknown("NodeMaintenanceSomething".into())), vec![]),
        (starting(21 * 60), vec![]),
        (replica(starting(20)), vec![Action::AvoidReplica { node: node(), until: after(80) }]),
        (
            replica(event(Kind::Imminent)),
            vec![Action::AvoidReplica { node: node(), until: after(60) }],
        ),
        (replica(event(Kind::Ended)), vec![Action::UseReplica { node: node() }]),
        (event(Kind::FailedOver), over.clone()),
        (
            event(Kind::Ended),
            [
                over.clone(),
                vec![Action::UseReplica { node: NodePlace { host: None, ports: vec![] } }],
            ]
            .concat(),
        ),
        (event(Kind::SlotsMoved), vec![Action::RefreshTopology]),
        (event(Kind::TopologyChanged), vec![Action::RefreshTopology]),
        (event(Kind::FailingOver), vec![relax(10)]),
        (lasting(Kind::FailingOver, 2), vec![relax(10)]),
        (lasting(Kind::FailingOver, 3_600), vec![relax(60)]),
        (lasting(moving(Some("b:6379")), 15), vec![relax(15), reconnect(Some("b:6379"), 15)]),
        (
            lasting(moving(None), 15),
            vec![relax(15), Action::Reconnect { to: None, within: Duration::from_millis(7_500) }],
        ),
    ];
    for (event, actions) in alike {
        for has_other_region in [false, true] {
            assert_eq!(decide(has_other_region, &event), actions, "{event:?}");
        }
    }
    for (event, with_other, alone) in [
        (starting(20), vec![other(80), relax(80)], vec![relax(80)]),
        (starting(0), vec![other(60), relax(60)], vec![relax(60)]),
        (event(Kind::Starting), vec![other(90), relax(90)], vec![relax(90)]),
        (event(Kind::Imminent), vec![other(60), relax(60)], vec![relax(60), isolate(60)]),
    ] {
        assert_eq!(decide(true, &event), with_other, "{event:?}");
        assert_eq!(decide(false, &event), alone, "{event:?}");
    }
}

#[test]
fn a_node_is_known_by_its_host_or_where_that_is_not_told_by_its_ports() {
    let place = |host: Option<&str>, ports: &[u32]| NodePlace {
        host: host.map(str::to_owned),
        ports: ports.to_vec(),
    };
    for (place, is_it) in [
        (place(None, &[]), true),
        (place(None, &[15_001, 13_001]), true),
        (place(Some("CACHE.example"), &[]), true),
        (place(Some("cache.example"), &[13_001]), true),
        (place(None, &[15_002, 139_991]), false),
        (place(Some("other.example"), &[13_001]), false),
    ] {
        assert_eq!(place.may_be("cache.example", 13_001), is_it, "{place:?}");
    }
}

#[test]
fn an_announcement_is_obeyed_once_and_an_end_that_is_told_while_connecting_never() {
    let mut maintenance = Maintenance::new(false);
    let numbered = |kind, number| MaintenanceEvent { number: Some(number), ..event(kind) };
    let moved = numbered(Kind::SlotsMoved, 7);
    assert_eq!(maintenance.decide(&moved, now()), [Action::RefreshTopology]);
    assert_eq!(maintenance.decide(&moved, now()), [], "every node says so");
    let other = numbered(Kind::SlotsMoved, 8);
    assert_eq!(maintenance.decide(&other, now()).len(), 1);
    assert_eq!(maintenance.decide(&numbered(Kind::FailingOver, 7), now()).len(), 1);
    for kind in [Kind::FailedOver, Kind::Ended, Kind::SlotsMoved] {
        let old = MaintenanceEvent { is_repeated: true, ..numbered(kind, 9) };
        assert_eq!(maintenance.decide(&old, now()), [], "{old:?}");
    }
    let begins = MaintenanceEvent { is_repeated: true, ..numbered(Kind::Imminent, 9) };
    assert_eq!(maintenance.decide(&begins, now()).len(), 2);
    for number in 0..1_000 {
        maintenance.decide(&numbered(Kind::FailingOver, number), now());
    }
    assert!(maintenance.heard.len() <= MOST);
}
