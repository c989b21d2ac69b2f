//! One node: every command, and what is wrong with it in one way at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::athena::Athena;
use super::support::liar::member::Member;
use super::support::rights::recommended;
use super::support::server::RedisServer;
use super::support::topology::Topology;
use super::{GOOD, assert_fine, assert_found, every_command, store};

/// What a finding says to change, as words for the server.
fn apply(server: &RedisServer, fix: &str) {
    let words = fix.split("    ").next().unwrap_or_default();
    assert_eq!(server.cli(&words.split(' ').collect::<Vec<_>>()).text(), "OK", "{fix}");
}

/// That one thing is wrong, and is not any more after what is advised.
#[track_caller]
fn assert_mended(server: &RedisServer, athena: &Athena, check: &str, level: &str, fix: &str) {
    assert_found(athena, check, level, fix);
    let doctor = athena.json("doctor");
    apply(server, doctor.json["findings"][0]["fix"].as_str().expect("a text"));
    assert_fine(&athena.run("doctor --strict"));
}

/// A server that answers a command with something else.
fn twisted(server: &RedisServer, twist: fn(&[&str]) -> Option<Vec<String>>) -> (Member, Athena) {
    let member = Member::start(server.port());
    member.twist(move |words| {
        let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
        let words = twist(&words)?;
        Some(words.into_iter().map(String::into_bytes).collect())
    });
    let athena = Athena::at(&format!("redis://127.0.0.1:{}", member.port()));
    (member, athena)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn one_node_is_asked_by_every_command_and_each_fault_is_found() {
    let server = RedisServer::start_with(&GOOD);
    let athena = Athena::at(&server.url());
    store(&server.url());
    every_command(&athena, "standalone", 1, 1);

    server.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    assert_mended(
        &server,
        &athena,
        "policy",
        "warning",
        "CONFIG SET maxmemory-policy volatile-lru",
    );
    server.cli(&["CONFIG", "SET", "tracking-table-max-keys", "10"]);
    assert_mended(&server, &athena, "readers", "warning", "CONFIG SET tracking-table-max-keys ");
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_found(&athena, "memory", "warning", "CONFIG SET maxmemory SIZE");
    server.cli(&["CONFIG", "SET", "maxmemory", "200mb"]);

    // The documented user is all right; without scripts it is not.
    let rules = recommended("shop", Topology::Standalone);
    let rules: Vec<_> = rules.iter().map(String::as_str).collect();
    server.cli(&[&["ACL", "SETUSER", "app", "on", ">pw-of-app"], &rules[..]].concat());
    let app = athena.clone().with("ATHENA_USERNAME", "app").with("ATHENA_PASSWORD", "pw-of-app");
    let doctor = app.run("doctor --strict");
    assert_eq!((doctor.exit, doctor.err.as_str()), (0, ""), "{doctor:?}");
    assert!(
        doctor.out.starts_with("unknown: which names there are: ")
            && doctor.out.ends_with("\nnothing is wrong with what is known\n")
    );
    assert_eq!(app.json("keys").exit, 4);
    server.cli(&["ACL", "SETUSER", "app", "+scan"]);
    assert_fine(&app.run("doctor --strict"));
    store(&server.url());
    assert_eq!(app.json("show product:3").json["values"][0]["answers"], "fresh");
    assert_eq!(app.run("invalidate product:3").exit, 0);
    server.cli(&["ACL", "SETUSER", "app", "-eval", "-evalsha"]);
    assert_mended(&server, &app, "rights", "fault", "ACL SETUSER app +eval +evalsha");
    server.cli(&["ACL", "SETUSER", "app", "-client|tracking"]);
    assert_mended(&server, &app, "rights", "fault", "ACL SETUSER app +client|tracking");
    server.cli(&["ACL", "SETUSER", "app", "-del"]);
    let refused = app.run("invalidate product:4");
    assert_eq!(refused.exit, 4, "{refused:?}");
    assert!(refused.out.starts_with("NOT removed product:4: "), "{refused:?}");
    server.cli(&["ACL", "SETUSER", "app", "-set"]);
    let refused = app.run("invalidate --tag odd");
    assert_eq!(refused.exit, 4, "{refused:?}");
    assert!(refused.out.contains("NOPERM"), "{refused:?}");
    let drilled = app.run("drill --trigger kill-clients --confirm shop");
    assert_eq!(drilled.exit, 4, "{drilled:?}");
    assert!(drilled.err.contains("nothing was sent"), "{drilled:?}");
}

#[test]
fn what_the_settings_of_the_service_say_is_examined_too() {
    let server = RedisServer::start_with(&GOOD);
    let file = std::env::temp_dir().join(format!("athena-{}.toml", std::process::id()));
    let url = server.url();
    std::fs::write(&file, format!("[redis]\nurl = \"{url}\"\ntracking = false\n")).expect("a file");
    let path = file.display().to_string();
    let doctor = Athena::new().run_with(&["doctor", "-n", "shop", "--config", &path]);
    std::fs::remove_file(&file).expect("it is there");
    assert_eq!(doctor.exit, 0, "{doctor:?}");
    let expected = "warning: the settings of the service switch tracking off\n";
    assert!(doctor.out.starts_with(expected), "{doctor:?}");
    assert!(doctor.out.contains("    fix: tracking = true"), "{doctor:?}");
}

#[test]
fn a_server_that_loads_a_proxy_and_a_clock_are_found() {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(100);
    let server = RedisServer::start_with(&GOOD);

    let (_member, athena) = twisted(&server, |asked| match asked {
        ["INFO", "persistence"] => Some(words(&["ECHO", "loading:1\r\nloading_eta_seconds:9\r\n"])),
        _ => None,
    });
    assert_found(&athena, "loading", "fault", "nothing: INFO persistence");

    // As one that shares connections among its clients.
    let (_member, athena) = twisted(&server, |asked| match asked {
        ["HELLO"] => {
            let id = CONNECTIONS.fetch_add(1, Ordering::SeqCst);
            let map = "server='redis',version='7.0.15',proto=3,mode='standalone',role='master'";
            let script = format!("redis.setresp(3) return {{map={{{map},id={id}}}}}");
            Some(vec!["EVAL".into(), script, "0".into()])
        }
        _ => None,
    });
    assert_found(&athena, "direct", "fault", "url = \"redis://HOST-OF-THE-SERVER:6379\"");

    let (_member, athena) = twisted(&server, |asked| match asked {
        ["TIME"] => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
            let script = format!("return {{'{}', '0'}}", now + 90);
            Some(vec!["EVAL".into(), script, "0".into()])
        }
        _ => None,
    });
    assert_found(&athena, "clock", "warning", "chronyc makestep");
}

#[test]
fn a_server_that_is_away_is_said_within_the_limit_by_every_command() {
    let mut server = RedisServer::start_with(&GOOD);
    let athena = Athena::at(&server.url());
    server.kill();
    for command in
        ["status", "doctor", "keys", "show a", "invalidate a", "watch --count 1", "drill --for 1s"]
    {
        let start = std::time::Instant::now();
        let output = athena.run(&format!("{command} --timeout 200ms"));
        assert_eq!(output.exit, 3, "{command}: {output:?}");
        assert!(start.elapsed().as_secs() < 5, "{command}: {:?}", start.elapsed());
        let output = athena.json(&format!("{command} --timeout 200ms"));
        assert_eq!(output.exit, 3, "{command}: {output:?}");
    }
    assert_eq!(athena.json("invalidate a").json["exit"], 3);
    // Nothing is said of what nobody has said.
    let status = athena.json("status").json;
    let checks = status["checks"].as_object().expect("checks").values();
    assert!(
        checks.clone().count() > 0 && checks.clone().all(|it| it["status"] != "healthy"),
        "{status}"
    );
    let keys = athena.run("keys");
    assert!(keys.err.starts_with("error: cannot connect to the Redis\n  caused by: "), "{keys:?}");
    let doctor = athena.json("doctor");
    assert_eq!(doctor.json["findings"][0]["check"], "reached", "{doctor:?}");
}
