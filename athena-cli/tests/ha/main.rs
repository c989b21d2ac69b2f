//! The program against real servers: what it prints, how it ends, and what it must never say.

#![allow(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../../../tests/support/mod.rs"]
mod support;

mod athena;
mod cluster;
mod keeping;
mod one_node;
mod refusing;
mod sentinel;
mod strangers;
mod words;

use std::time::Duration;

use athena_cache_core::{Cache, MemoryRole, Settings};
use athena_cache_redis::Redis;

use self::athena::{Athena, Output};

/// What servers of a good deployment have.
const GOOD: [&str; 4] = ["--maxmemory", "200mb", "--maxmemory-policy", "volatile-lru"];
/// The same where there are replicas.
const GOOD_WITH_COPIES: [&str; 4] = ["--save", "3600 1", "--min-replicas-to-write", "1"];

fn good_with_copies() -> Vec<String> {
    GOOD.iter().chain(&GOOD_WITH_COPIES).map(|&word| word.to_owned()).collect()
}

/// Stores some entries, as a service does.
fn store(url: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let redis = Redis::from_url(url).expect("a good url");
        redis.connect().await.expect("the servers are there");
        let mut settings = Settings::default();
        settings.memory.role = MemoryRole::Off;
        let cache = Cache::builder("shop").backend(redis).settings(settings).build();
        let cache = cache.expect("the settings are good");
        for number in 0..6_u8 {
            let entry = cache.entry(format!("product:{number}")).ttl(Duration::from_secs(60));
            let tag = if number % 2 == 0 { "even" } else { "odd" };
            entry.tags([tag]).insert(number).await.expect("it is stored");
        }
        cache.settle().await;
        let _pending = cache.close().await;
    });
}

/// What every command does on servers where all is well; nothing is stored after that.
fn every_command(athena: &Athena, kind: &str, nodes: usize, primaries: usize) {
    let status = athena.json("status --fleet");
    assert_eq!(status.exit, 0, "{status:?}");
    let survey = &status.json["survey"];
    let all = survey["nodes"].as_array().expect("a list");
    let connected = all.iter().filter(|node| node["isConnected"] == true);
    let serving = all.iter().filter(|node| node["isReplica"] == false);
    assert_eq!((&survey["kind"], &status.json["namespace"]), (&kind.into(), &"shop".into()));
    assert_eq!(
        (all.len(), connected.count(), serving.count()),
        (nodes, nodes, primaries),
        "{survey}"
    );
    assert_eq!(status.json["health"], "healthy", "{status:?}");
    let checks = status.json["checks"].as_object().expect("checks");
    // Nothing is told of the process that asks.
    assert!(checks.contains_key("distributed_cache") && !checks.contains_key("breakers"));
    assert_eq!(status.json["fleet"]["processes"].as_array().map(Vec::len), Some(0));
    let text = athena.run("status");
    assert!(text.out.starts_with(&format!("shop on {kind}: ")), "{text:?}");

    let keys = athena.json("keys");
    assert_eq!((keys.exit, keys.json["isComplete"].as_bool()), (0, Some(true)), "{keys:?}");
    let rows = keys.json["keys"].as_array().expect("a list");
    let mut names: Vec<_> = rows.iter().filter_map(|row| row["key"].as_str()).collect();
    names.sort_unstable();
    let expected: Vec<_> = (0..6).map(|number| format!("k:product:{number}")).collect();
    assert_eq!(names, expected);
    assert!(rows.iter().all(|row| row["kind"] == "value" && row["lifeMs"].as_u64() > Some(0)));
    assert_eq!(athena.json("keys --tag odd").json["keys"].as_array().map(Vec::len), Some(3));
    assert_eq!(athena.json("keys --stale").json["keys"].as_array().map(Vec::len), Some(0));
    assert_eq!(athena.json("keys --site app::none").json["keys"].as_array().map(Vec::len), Some(0));
    let few = athena.json("keys --limit 2");
    assert_eq!((few.json["keys"].as_array().map(Vec::len), few.exit), (Some(2), 0));
    assert_eq!(few.json["isComplete"], false);

    let shown = athena.json("show product:3");
    let value = &shown.json["values"][0];
    assert_eq!((shown.exit, &value["answers"]), (0, &"fresh".into()), "{shown:?}");
    assert_eq!(value["tags"], serde_json::json!([{ "tag": "odd", "state": "as then" }]));
    assert_eq!((&value["history"], &value["payload"]), (&"this".into(), &"03".into()));

    let removed = athena.run("invalidate product:0 k:product:1");
    assert_eq!(
        (removed.exit, removed.out.as_str()),
        (0, "removed product:0\nremoved k:product:1\n")
    );
    assert_eq!(athena.run("show product:0").exit, 1);
    assert_eq!(athena.run("invalidate --tag odd").exit, 0);
    let shown = athena.json("show k:product:3").json;
    assert_eq!(shown["values"][0]["answers"], "nobody: it was invalidated since", "{shown}");
    assert_eq!(shown["values"][0]["tags"][0]["state"], "changed");
    assert_eq!(athena.run("invalidate --all --confirm shop").exit, 0);
    let shown = athena.json("show product:2").json;
    assert_eq!(shown["values"][0]["answers"], "nobody: it was invalidated since", "{shown}");

    let watched = athena.run("watch --every 100ms --count 2 --json");
    assert_eq!((watched.exit, watched.out.lines().count()), (0, 2), "{watched:?}");
    for line in watched.out.lines() {
        let sample: serde_json::Value = serde_json::from_str(line).expect("a document");
        assert_eq!((&sample["format"], &sample["connected"]), (&1.into(), &nodes.into()));
        assert_eq!(sample["primaries"].as_array().map(Vec::len), Some(primaries));
    }
    let drilled = athena.json("drill --for 300ms");
    assert_eq!(drilled.exit, 0, "{drilled:?}");
    let probes = drilled.json["probes"].as_array().expect("a list");
    assert_eq!(probes.len(), primaries);
    assert!(
        probes.iter().all(|probe| probe["lost"] == 0 && probe["acknowledged"].as_u64() > Some(0))
    );
    assert_fine(&athena.run("doctor --strict"));
}

/// That nothing is wrong, and nothing is said but that.
fn assert_fine(doctor: &Output) {
    assert_eq!((doctor.out.as_str(), doctor.err.as_str(), doctor.exit), ("fine\n", "", 0));
}

/// That one thing is wrong, and what to change.
#[track_caller]
fn assert_found(athena: &Athena, check: &str, level: &str, fix: &str) {
    let doctor = athena.json("doctor");
    let findings = doctor.json["findings"].as_array().expect("a list");
    let [finding] = &findings[..] else { panic!("not one finding: {doctor:#?}") };
    assert_eq!((&finding["check"], &finding["level"]), (&check.into(), &level.into()), "{finding}");
    let found = finding["fix"].as_str().expect("a text");
    assert!(found.starts_with(fix), "{found} does not begin with {fix}");
    let exit = i32::from(level == "fault");
    assert_eq!(doctor.exit, exit, "{doctor:#?}");
    assert_eq!(athena.run("doctor --strict").exit, 1);
    let text = athena.run("doctor");
    for line in
        [format!("{level}: "), "    why: ".into(), format!("    fix: {fix}"), "    see: ".into()]
    {
        assert!(text.out.contains(&line), "no `{line}` in {}", text.out);
    }
}
