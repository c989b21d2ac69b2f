//! A primary, two replicas and three sentinels: every command, a failover, and what is wrong in one way at a time.

use super::athena::Athena;
use super::support::sentinel::{Options, SERVICE, SentinelGroup};
use super::support::wait_for;
use super::{assert_found, every_command, good_with_copies, store};

#[test]
fn sentinels_are_asked_by_every_command_and_each_fault_is_found() {
    let options = Options { settings: good_with_copies(), ..Options::default() };
    let mut group = SentinelGroup::start_with(options);
    let athena = Athena::at(&group.url());
    store(&group.url());
    every_command(&athena, "sentinel", 3, 1);
    let status = athena.json("status");
    let voices = status.json["sentinels"]["sentinels"].as_array().expect("a list");
    assert!(voices.len() == 3 && voices.iter().all(|voice| voice["sight"]["hasQuorum"] == true));

    let before = group.primary();
    let drilled = athena.json("drill --for 30s --trigger sentinel --admin --confirm shop");
    let failovers = drilled.json["failovers"].as_array().expect("a list");
    assert_eq!(failovers.len(), 1, "{drilled:?}");
    assert_eq!(failovers[0]["from"], format!("127.0.0.1:{}", group.node(before).port()));
    assert_eq!(drilled.json["probes"][0]["isDown"], false, "{drilled:?}");

    // Forgets whom it has not heard of since, and finds the others again.
    let forget = |group: &SentinelGroup| {
        for sentinel in group.sentinels().iter().filter(|it| it.is_running()) {
            sentinel.cli(&["SENTINEL", "RESET", SERVICE]);
        }
        group.hurry();
    };
    let settles = |athena: &Athena, checks: &[&str]| {
        wait_for(&format!("nothing else is wrong than {checks:?}"), || {
            let doctor = athena.json("doctor");
            let found = doctor.json["findings"].as_array()?;
            let found: Vec<_> =
                found.iter().filter_map(|finding| finding["check"].as_str()).collect();
            (found == checks).then_some(())
        });
    };
    group.hurry();
    settles(&athena, &[]);
    group.kill_sentinel(2);
    settles(&athena, &["sentinel"]);
    forget(&group);
    let ports = [0, 1].map(|sentinel| group.sentinel(sentinel).port());
    let of_two = Athena::at(&format!(
        "redis-sentinel://127.0.0.1:{},127.0.0.1:{}/0#{SERVICE}",
        ports[0], ports[1]
    ));
    wait_for("they have found the replicas again", || {
        let status = of_two.json("status");
        let voices = status.json["sentinels"]["sentinels"].as_array()?;
        let count =
            |voice: &serde_json::Value, list: &str| voice["sight"][list].as_array().map(Vec::len);
        let is_found =
            |it| count(it, "replicas") == Some(2) && count(it, "replicasDown") == Some(0);
        (voices.len() == 2 && voices.iter().all(is_found)).then_some(())
    });
    settles(&of_two, &["sentinels"]);
    let fix = format!("sentinel monitor {SERVICE} 127.0.0.1 {} 2", {
        let primary = group.primary();
        group.node(primary).port()
    });
    assert_found(&of_two, "sentinels", "warning", &fix);
    group.restart_sentinel(2);
    group.hurry();
    settles(&athena, &[]);

    let primary = group.primary();
    for node in (0..3).filter(|node| *node != primary) {
        group.node_mut(node).kill();
    }
    forget(&group);
    // It refuses writes now, as it should.
    settles(&athena, &["keeps", "replicas"]);
    group.node(primary).cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    settles(&athena, &["replicas"]);
    assert_found(&athena, "replicas", "warning", "REPLICAOF 127.0.0.1 ");
}
