//! What is kept in a file, put back, verified and repaired by the program.

use std::path::PathBuf;
use std::time::Duration;

use athena_cache_core::Cache;
use athena_cache_redis::Redis;

use super::athena::Athena;
use super::support::cluster::Cluster;
use super::support::rights::recommended;
use super::support::sentinel::SentinelGroup;
use super::support::server::RedisServer;
use super::support::topology::Topology;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("athena-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    fn file(&self) -> String {
        self.0.join("shop.backup").display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Stores entries that may be answered when they are stale, as a service does.
fn store(url: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let redis = Redis::from_url(url).expect("a good url");
        redis.connect().await.expect("the servers are there");
        let cache = Cache::builder("shop").backend(redis).build().expect("the settings are good");
        let hour = Duration::from_secs(3_600);
        for number in 0..6_u8 {
            let entry = cache.entry(format!("product:{number}")).ttl(hour).grace(hour);
            entry.tags(["products"]).insert(number).await.expect("it is stored");
        }
        cache.settle().await;
        let _pending = cache.close().await;
    });
}

fn empty(servers: &[RedisServer]) {
    for server in servers {
        server.cli(&["FLUSHALL"]);
    }
}

/// Keeps what is stored, empties the servers, and puts it back.
fn kept_and_restored(athena: &Athena, url: &str, servers: &[RedisServer], name: &str) {
    store(url);
    let folder = Folder::new(name);
    let kept = athena.json(&format!("backup {}", folder.file()));
    assert_eq!((kept.exit, kept.json["values"].as_u64()), (0, Some(6)), "{kept:?}");
    empty(servers);
    let dry = athena.json(&format!("restore {} --dry-run", folder.file()));
    assert_eq!((dry.exit, dry.json["written"].as_u64()), (0, Some(6)), "{dry:?}");
    assert_eq!(athena.run("show product:3").exit, 1, "nothing was written");
    let restored = athena.run(&format!("restore {}", folder.file()));
    assert_eq!((restored.exit, restored.out.as_str()), (0, "wrote 6 of 6 values\n"));
    let shown = athena.json("show product:3").json;
    let answers = shown["values"][0]["answers"].as_str().expect("a text");
    assert!(answers.starts_with("in grace at best"), "{shown}");
    let again = athena.json(&format!("restore {}", folder.file()));
    assert_eq!(
        (again.json["written"].as_u64(), again.json["existing"].as_u64()),
        (Some(0), Some(6))
    );
    // To the same servers, whose generations have changed since: they say that it was invalidated.
    let replaced = athena.json(&format!("restore {} --mode replace", folder.file()));
    assert_eq!(replaced.json["outdated"].as_u64(), Some(6), "{replaced:?}");
    empty(servers);
    let vouched = format!("restore {} --vouched --confirm shop", folder.file());
    assert_eq!(athena.json(&vouched).json["written"].as_u64(), Some(6));
    assert_eq!(athena.json("show product:3").json["values"][0]["answers"], "fresh");
    let saved = athena.json("backup --save");
    assert_eq!(saved.exit, 0, "{saved:?}");
}

#[test]
fn a64_a65_one_node_that_lost_everything_gets_it_back() {
    let server = RedisServer::start();
    let (athena, url) = (Athena::at(&server.url()), server.url());
    kept_and_restored(&athena, &url, std::slice::from_ref(&server), "node");
}

#[test]
fn a64_a65_a_cluster_that_lost_everything_gets_it_back() {
    let cluster = Cluster::start();
    let athena = Athena::at(&cluster.url());
    kept_and_restored(&athena, &cluster.url(), &cluster.nodes()[..3], "cluster");
}

#[test]
fn a64_a65_what_sentinels_watch_gets_it_back() {
    let group = SentinelGroup::start();
    let athena = Athena::at(&group.url());
    kept_and_restored(
        &athena,
        &group.url(),
        std::slice::from_ref(group.node(group.primary())),
        "sentinel",
    );
}

#[test]
fn a70_what_is_damaged_is_found_and_removed() {
    let server = RedisServer::start();
    let athena = Athena::at(&server.url());
    store(&server.url());
    let good = athena.json("verify");
    assert_eq!((good.exit, &good.json["defects"]), (0, &serde_json::json!({})), "{good:?}");
    let shown = athena.json("show product:3").json;
    let name = shown["values"][0]["name"].as_str().expect("a name").to_owned();
    server.cli(&["SETRANGE", &name, "40", "x"]);
    server.cli(&["RPUSH", "shop:{k:list}:0", "x"]);
    let bad = athena.json("verify");
    assert_eq!((bad.exit, &bad.json["defects"]["corrupt"]), (1, &1.into()), "{bad:?}");
    assert_eq!(bad.json["defects"]["otherType"], 1);
    let mended = athena.json("repair");
    assert_eq!((mended.exit, &mended.json["removed"]), (0, &2.into()), "{mended:?}");
    assert_eq!(athena.run("verify").exit, 0);
}

#[test]
fn what_cannot_be_kept_or_restored_says_whose_fault_it_is() {
    let server = RedisServer::start();
    let athena = Athena::at(&server.url());
    store(&server.url());
    let folder = Folder::new("faults");
    let nowhere = athena.run(&format!("backup {}/missing/file", folder.0.display()));
    assert_eq!(nowhere.exit, 2, "{nowhere:?}");
    assert_eq!(athena.run(&format!("backup {}", folder.file())).exit, 0);
    let mut bytes = std::fs::read(folder.file()).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.file(), bytes).expect("it is written");
    let damaged = athena.run(&format!("restore {}", folder.file()));
    assert!(damaged.exit == 2 && damaged.err.contains("is damaged"), "{damaged:?}");
    assert_eq!(athena.run(&format!("restore {} --vouched", folder.file())).exit, 2);
    assert_eq!(athena.run("backup").exit, 2);
    assert_eq!(athena.run("backup - --json").exit, 2);
    let rules = recommended("shop", Topology::Standalone);
    let words: Vec<&str> = rules.iter().map(String::as_str).collect();
    server.cli(&[&["ACL", "SETUSER", "app", "on", ">password"], &words[..]].concat());
    let user = Athena::at(&server.url()).with("ATHENA_USERNAME", "app");
    let user = user.with("ATHENA_PASSWORD", "password");
    // Going through all names is a right of its own, and so is saving.
    assert_eq!(user.run(&format!("backup {}", folder.file())).exit, 4);
    assert_eq!(user.run("backup --save").exit, 4);
    server.cli(&["ACL", "SETUSER", "app", "+scan"]);
    assert_eq!(user.run(&format!("backup {}", folder.file())).exit, 0);
    assert_eq!(user.run("verify").exit, 0);
}
