//! What somebody else has written where a cache, or its fleet, is: no more of it is read than is said, and nothing of
//! it acts on a terminal.

use super::athena::Athena;
use super::support::server::RedisServer;
use super::{GOOD, store};

/// Clears a terminal.
const ACTS: &str = "\u{1b}[2J\u{9b}2J\u{202e}";

fn acts(text: &str) -> bool {
    text.chars().any(|it| it != '\n' && (it.is_control() || it == '\u{202e}'))
}

#[test]
fn a_forged_fleet_is_shown_as_text_and_no_more_of_it_than_processes_may_write() {
    let server = RedisServer::start_with(&GOOD);
    let athena = Athena::at(&server.url());
    let join = |id: &str, document: &str| {
        server.cli(&["ZADD", "shop:{@}", "9999999999999", id]);
        server.cli(&["SET", &format!("shop:{{@}}:{id}"), document, "PX", "60000"]);
    };
    let text = format!("1{ACTS}\nfine");
    let document = serde_json::json!({
        "process": { "host": &text, "version": text.repeat(200) },
        "overallHealth": { "status": &text },
        "performance": { "requestsPerSecond": 1e300 },
    });
    join("forged", &document.to_string());
    join("large", &format!("\"{}\"", "x".repeat(1 << 20)));
    join("none", "{{{{");
    join(&format!("acts{ACTS}"), "{}");
    join(&"long".repeat(1000), "{}");
    let status = athena.json("status --fleet");
    let processes = status.json["fleet"]["processes"].as_array().expect("a list");
    let ids: Vec<_> = processes.iter().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(ids, ["forged", "large", "none"]);
    assert!(!acts(&status.out) && status.out.len() < 20_000, "{}", status.out.len());
    let text = athena.run("status --fleet");
    assert!(text.out.contains("forged") && !acts(&text.out), "{}", text.out);
    assert!(text.out.lines().all(|line| line.chars().count() < 2_500), "{}", text.out);
    let watched = athena.run("watch --count 1");
    assert!(watched.exit == 0 && !acts(&watched.out), "{watched:?}");
    for number in 0..1_500 {
        server.cli(&["ZADD", "shop:{@}", "9999999999999", &format!("process-{number}")]);
    }
    let many = athena.json("status --fleet");
    assert!(many.json["fleet"]["processes"].as_array().is_some_and(|it| it.len() <= 1_024));
}

#[test]
fn names_and_values_of_others_are_shown_as_text() {
    let server = RedisServer::start_with(&GOOD);
    let athena = Athena::at(&server.url());
    store(&server.url());
    server.cli(&["SET", &format!("shop:{{k:acts{ACTS}}}:0"), "x", "PX", "60000"]);
    server.cli(&["SET", &format!("shop:{{f:{ACTS}\n#1}}:0"), "x"]);
    server.cli(&["RPUSH", "shop:{k:list}:0", "x"]);
    for command in ["keys", "doctor", "show list", "keys --json"] {
        let output = athena.run(command);
        assert!(!acts(&output.out) && !acts(&output.err), "{command}: {output:?}");
    }
    let large = "x".repeat(40 << 20);
    server.cli(&["SET", "shop:{k:large}:0", &large, "PX", "60000"]);
    let shown = athena.json("show large");
    let said = shown.json["values"][0]["unreadable"].as_str().expect("it says why");
    assert!(said.contains("read at most"), "{said}");

    // What `keys` lists can be pasted into a shell.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let redis = athena_cache_redis::Redis::from_url(server.url()).expect("a good url");
        redis.connect().await.expect("it is there");
        let cache = athena_cache_core::Cache::builder("shop").backend(redis).build();
        let cache = cache.expect("the settings are good");
        cache.entry("it's a $HOME key").insert(1_u8).await.expect("it is stored");
        cache.settle().await;
        let _pending = cache.close().await;
    });
    let keys = athena.run("keys");
    let line = keys.out.lines().find(|line| line.contains("HOME")).expect("it is listed");
    let key = line.split_once("by hand").expect("a column").1.trim();
    let output =
        std::process::Command::new("sh").args(["-c", &format!("printf %s {key}")]).output();
    let word = String::from_utf8(output.expect("a shell").stdout).expect("a text");
    let shown = athena.run_with(&["show", &word, "--json"]);
    assert!(shown.exit == 0 && shown.out.contains("\"fresh\""), "{shown:?}");
    let by_hand = athena.run_with(&["invalidate", "it's a $HOME key"]);
    assert_eq!(by_hand.out, "removed 'it'\\''s a $HOME key'\n");
}
