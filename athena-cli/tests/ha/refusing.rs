//! Servers that answer and do not do their work, and what must not be done by mistake.

use std::time::{Duration, Instant};

use super::athena::Athena;
use super::support::server::RedisServer;
use super::support::wait_for;
use super::{GOOD, assert_fine, store};

/// The checks of the faults that are found.
fn faults(athena: &Athena) -> Vec<String> {
    let doctor = athena.json("doctor");
    let findings = doctor.json["findings"].as_array().expect("a list").iter();
    let faults = findings.filter(|finding| finding["level"] == "fault");
    let faults: Vec<_> =
        faults.map(|it| it["check"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(doctor.exit, i32::from(!faults.is_empty()), "{doctor:#?}");
    faults
}

#[test]
fn a_server_that_keeps_nothing_is_not_fine() {
    let server = RedisServer::start_with(&GOOD);
    let athena = Athena::at(&server.url());
    assert_fine(&athena.run("doctor --strict"));
    assert_eq!(server.cli(&["DBSIZE"]).number(), 0, "what is written is removed");

    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    assert_eq!(faults(&athena), ["keeps"]);
    let status = athena.run("status");
    assert_eq!(status.exit, 1, "{status:?}");
    assert!(status.out.contains("NOREPLICAS"), "{status:?}");
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]);

    for (name, value) in [("maxmemory-policy", "noeviction"), ("maxmemory", "1mb")] {
        server.cli(&["CONFIG", "SET", name, value]);
    }
    server.cli(&["DEBUG", "POPULATE", "10000"]);
    assert_eq!(faults(&athena), ["keeps"]);
    let status = athena.run("status");
    assert_eq!(status.exit, 1, "{status:?}");
    assert!(status.out.contains("OOM"), "{status:?}");
}

#[test]
fn a_replica_that_is_taken_for_the_primary_is_named_with_its_primary() {
    let primary = RedisServer::start_with(&GOOD);
    let replica = RedisServer::start_with(&GOOD);
    let port = primary.port().to_string();
    replica.cli(&["REPLICAOF", "127.0.0.1", &port]);
    wait_for("it follows", || (replica.info::<String>("master_link_status") == "up").then_some(()));
    let athena = Athena::at(&replica.url());
    let doctor = athena.json("doctor");
    assert_eq!(doctor.exit, 1, "{doctor:?}");
    let finding = &doctor.json["findings"][0];
    assert_eq!(finding["check"], "primary", "{doctor:?}");
    let fix = finding["fix"].as_str().expect("a text");
    assert!(fix.starts_with(&format!("url = \"redis://127.0.0.1:{port}\"")), "{fix}");
    let status = athena.run("status");
    assert_eq!(status.exit, 1, "{status:?}");
}

#[test]
fn nothing_is_written_into_a_namespace_that_nobody_uses() {
    let server = RedisServer::start_with(&GOOD);
    let athena = Athena::at(&server.url());
    for command in ["invalidate --tag odd", "invalidate product:1"] {
        let refused = athena.run(command);
        assert_eq!((refused.exit, refused.out.as_str()), (2, ""), "{command}: {refused:?}");
        assert!(refused.err.contains("the namespace `shop`"), "{refused:?}");
        assert!(refused.err.contains("--confirm shop"), "{refused:?}");
    }
    assert_eq!(server.cli(&["DBSIZE"]).number(), 0);
    let other = athena.run("invalidate --tag odd --confirm other");
    assert_eq!(other.exit, 2, "{other:?}");
    assert_eq!(server.cli(&["DBSIZE"]).number(), 0);
    let meant = athena.run("invalidate --tag odd --confirm shop");
    assert_eq!((meant.exit, meant.err.as_str()), (0, ""), "{meant:?}");

    store(&server.url());
    let removed = athena.json("invalidate product:1 product:9 --tag odd --tag none");
    let was_there: Vec<_> = removed.json["removed"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["what"].as_str(), it["wasThere"].as_bool(), it["isDone"].as_bool()))
        .collect();
    let done = Some(true);
    assert_eq!(
        was_there,
        [
            (Some("product:1"), Some(true), done),
            (Some("product:9"), Some(false), done),
            (Some("tag odd"), Some(true), done),
            (Some("tag none"), Some(false), done),
        ]
    );
    let again = athena.run("invalidate product:1");
    assert_eq!(
        (again.exit, again.out.as_str()),
        (0, "nothing to remove: nothing was there of product:1\n")
    );
}

#[test]
fn a_failover_that_is_refused_is_not_waited_for() {
    let server = RedisServer::start_with(&GOOD);
    let athena = Athena::at(&server.url());
    let words = "--admin --confirm shop --for 60s";
    let began = Instant::now();
    let drilled = athena.json(&format!("drill --trigger sentinel {words}"));
    assert_eq!(drilled.exit, 3, "{drilled:?}");
    assert!(drilled.err.contains("there are no sentinels"), "{drilled:?}");
    assert!(drilled.json["probes"].is_array(), "what was done so far is told: {drilled:?}");
    server.cli(&["ACL", "SETUSER", "app", "on", ">pw-of-app", "~*", "+@all", "-client|kill"]);
    let app = athena.with("ATHENA_USERNAME", "app").with("ATHENA_PASSWORD", "pw-of-app");
    let drilled = app.json(&format!("drill --trigger kill-clients {words}"));
    assert_eq!(drilled.exit, 4, "{drilled:?}");
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
}
