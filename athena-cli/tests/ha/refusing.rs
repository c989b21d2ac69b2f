//! Servers that answer and do not do their work, and what must not be done by mistake.

use std::time::{Duration, Instant};

use super::athena::Athena;
use super::support::rights::recommended;
use super::support::server::RedisServer;
use super::support::topology::Topology;
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

    // What it says is no fresh knowledge, unless it knows that something has changed.
    store(&primary.url());
    wait_for("it has what its primary has", || {
        (athena.json("keys").json["keys"].as_array()?.len() == 6).then_some(())
    });
    let endpoint = format!("127.0.0.1:{}", replica.port());
    let keys = athena.json("keys");
    assert_eq!((keys.exit, &keys.json["replicas"]), (0, &serde_json::json!([endpoint])));
    let noted = format!("note: {endpoint} is a replica: ");
    assert!(keys.err.starts_with(&noted), "{keys:?}");
    let shown = athena.json("show product:3");
    let answers = shown.json["values"][0]["answers"].as_str().expect("a text");
    assert!(answers.starts_with("not known: a replica says so"), "{answers}");
    assert_eq!(shown.json["isReplica"], true);
    assert!(shown.err.starts_with(&noted), "{shown:?}");
    let verified = athena.run("verify");
    assert!(verified.exit == 0 && verified.err.contains(&noted), "{verified:?}");
    let shown = Athena::at(&primary.url()).json("show product:3");
    assert_eq!((&shown.json["isReplica"], shown.err.as_str()), (&false.into(), ""));
    assert_eq!(shown.json["values"][0]["answers"], "fresh");
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

#[test]
fn what_a_user_may_not_do_is_refused_and_is_no_trouble_of_the_servers() {
    let server = RedisServer::start_with(&GOOD);
    store(&server.url());
    let rules = recommended("shop", Topology::Standalone);
    let rules: Vec<_> = rules.iter().map(String::as_str).collect();
    server.cli(&[&["ACL", "SETUSER", "app", "on", ">pw-of-app"], &rules[..]].concat());
    let app = Athena::at(&server.url());
    let app = app.with("ATHENA_USERNAME", "app").with("ATHENA_PASSWORD", "pw-of-app");

    // Whoever may not write finds nothing out, and waits for nothing.
    server.cli(&["ACL", "SETUSER", "app", "-set"]);
    let began = Instant::now();
    let drilled = app.json("drill --for 60s");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(drilled.exit, 4, "{drilled:?}");
    assert!(drilled.err.contains("'set'"), "{drilled:?}");
    let probe = &drilled.json["probes"][0];
    assert_eq!((&probe["isDown"], &probe["isRefused"]), (&false.into(), &true.into()));
    assert!(!app.run("drill --for 60s").out.contains("down"), "it is refused");
    server.cli(&["ACL", "SETUSER", "app", "+set"]);

    // The document says what is missing in it.
    server.cli(&["ACL", "SETUSER", "app", "-eval", "-evalsha"]);
    let status = app.json("status --fleet");
    assert_eq!(status.exit, 4, "{status:?}");
    let said = status.json["fleetError"].as_str().expect("a text");
    assert!(said.contains("NOPERM") && status.json["fleet"].is_null(), "{status:?}");
    assert!(app.json("status").json["fleetError"].is_null());

    // To look at an entry takes no more than a cache needs to read it.
    let few = ["+hello", "+ping", "+mget", "+pttl", "+time", "~shop:*"];
    server.cli(&[&["ACL", "SETUSER", "reader", "on", ">pw-of-reader"], &few[..]].concat());
    let reader = Athena::at(&server.url());
    let reader = reader.with("ATHENA_USERNAME", "reader").with("ATHENA_PASSWORD", "pw-of-reader");
    let shown = reader.json("show product:3");
    assert_eq!(shown.exit, 0, "{shown:?}");
    let value = &shown.json["values"][0];
    assert_eq!((&value["kind"], &value["payload"]), (&"value".into(), &"03".into()), "{shown:?}");
    // Whoever may not ask for its history does not know all of that.
    let answers = value["answers"].as_str().expect("a text");
    assert!(value["history"] == "unknown" && answers.starts_with("fresh, unless"), "{value}");
    assert_eq!(reader.json("show product:9").exit, 1);
    server.cli(&["RPUSH", "shop:{k:list}:0", "x"]);
    let list = &reader.json("show list").json["values"][0];
    assert_eq!(list["unreadable"], "it is no text", "{list}");
}

#[test]
fn what_servers_keep_is_told_as_a_fact() {
    let server = RedisServer::start_with(&GOOD);
    let athena = Athena::at(&server.url());
    for (save, said) in [("", "keeps nothing beyond a restart"), ("3600 1", "outlives a restart")] {
        server.cli(&["CONFIG", "SET", "save", save]);
        let status = athena.json("status");
        let row = &status.json["checks"]["persistence"];
        assert!(row["status"].is_null() && status.exit == 0, "{status:?}");
        assert!(row["description"].as_str().is_some_and(|it| it.contains(said)), "{row}");
        let text = athena.run("status");
        let line = text.out.lines().find(|line| line.starts_with("persistence")).expect("a line");
        assert!(line.split_whitespace().nth(2) == Some("-") && line.contains(said), "{line}");
    }
}

#[test]
fn who_is_not_let_in_is_told_which_user_and_what_to_set() {
    let server = RedisServer::start_with_password("the-right-one");
    let wrong = Athena::at(&server.url()).with("ATHENA_PASSWORD", "the-wrong-one");
    let none = Athena::at(&server.url());
    for (athena, fix) in [
        (wrong.clone(), "ACL SETUSER default on >PASSWORD    ("),
        (wrong.with("ATHENA_USERNAME", "app"), "ACL SETUSER app on >PASSWORD    ("),
        (none, "password = "),
    ] {
        let doctor = athena.json("doctor");
        let findings = doctor.json["findings"].as_array().expect("a list");
        let [finding] = &findings[..] else { panic!("not one finding: {doctor:#?}") };
        assert_eq!((&finding["check"], doctor.exit), (&"login".into(), 4), "{finding}");
        assert!(finding["fix"].as_str().is_some_and(|it| it.starts_with(fix)), "{finding}");
        assert!(!doctor.out.contains("-one") && !doctor.err.contains("-one"), "{doctor:?}");
    }
}
