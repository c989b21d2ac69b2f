//! Who sees to it that a cache gets well where it does not by itself, on real servers.

use std::time::Duration;

use athena_cache::{Cache, Memory, RecoverySettings, RecoveryStep, Redis, RedisConfig, StepResult};

use crate::support::server::RedisServer;
use crate::world::eventually;

const HOUR: Duration = Duration::from_secs(3_600);

/// A process that looks each second.
fn process(server: &RedisServer, recovery: RecoverySettings, admin: bool) -> Cache {
    let config = RedisConfig::new(server.url()).allow_admin(admin);
    let redis = Redis::new(config).expect("the settings are good");
    let builder = Cache::builder("shop").memory(Memory::off()).recovery(recovery);
    builder.backend(redis).build().expect("the settings are good")
}

fn each_second() -> RecoverySettings {
    RecoverySettings::every(Duration::from_secs(1))
}

fn count(cache: &Cache, step: RecoveryStep, result: StepResult) -> u64 {
    let mut counts = cache.report().recovery.into_iter();
    counts.find(|it| (it.step, it.result) == (step, result)).map_or(0, |it| it.count)
}

fn taken(cache: &Cache) -> u64 {
    cache.report().recovery.iter().map(|it| it.count).sum()
}

/// Damages entries, and asks for each.
async fn meet_damage(cache: &Cache, server: &RedisServer, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let entry = || cache.entry(format!("product:{number}")).ttl(HOUR);
        entry().insert(number).await.expect("it is taken");
        let pattern = format!("shop:{{k:product:{number}}}:?");
        for name in server.cli(&["KEYS", &pattern]).list() {
            server.cli(&[b"SETRANGE".to_vec(), name.bytes(), b"40".to_vec(), b"xx".to_vec()]);
        }
        let down = async || Err::<u32, _>(std::io::Error::other("down"));
        drop(entry().get_or_load(down).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a70_damage_that_is_met_again_is_removed_by_one_process_of_two() {
    let server = RedisServer::start();
    let processes = [(); 2].map(|()| process(&server, each_second().and_act(), false));
    processes[0].entry("sound").ttl(HOUR).insert(1_u8).await.expect("it is taken");
    let mut round = 0;
    eventually("both wanted to, and one did", async || {
        for process in &processes {
            meet_damage(process, &server, round * 20..round * 20 + 20).await;
            round += 1;
        }
        let all = |result| processes.iter().map(move |it| count(it, RecoveryStep::Repair, result));
        all(StepResult::Done).sum::<u64>() >= 1 && all(StepResult::Left).sum::<u64>() >= 1
    })
    .await;
    let who: Vec<_> =
        processes.iter().map(|it| count(it, RecoveryStep::Repair, StepResult::Done) > 0).collect();
    assert_ne!(who[0], who[1], "one of them");
    let sound = processes[1].entry("sound").get::<u8>().await;
    assert_eq!(sound.expect("it is read"), Some(1));
    // Who acts is closed: it gives the lease back, and the other one acts.
    let (closed, other) = if who[0] { (0, 1) } else { (1, 0) };
    let _ = processes[closed].close().await;
    eventually("the other one does", async || {
        meet_damage(&processes[other], &server, 0..20).await;
        count(&processes[other], RecoveryStep::Repair, StepResult::Done) > 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a71_what_is_for_administrators_needs_their_leave() {
    let server = RedisServer::start();
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let purges = || {
        let said: String = server.cli(&["INFO", "commandstats"]).text();
        said.lines().filter(|line| line.starts_with("cmdstat_memory")).count()
    };
    for (recovery, admin, expected) in [
        (each_second(), true, None),
        (each_second().and_act(), false, Some(StepResult::Refused)),
        (each_second().and_act(), true, Some(StepResult::Done)),
    ] {
        let cache = process(&server, recovery, admin);
        let used: u64 = server.info("used_memory");
        server.cli(&["CONFIG", "SET", "maxmemory", &(used + used / 20).to_string()]);
        eventually("it is told that memory is short", async || {
            drop(cache.entry("any").get::<u8>().await);
            count(&cache, RecoveryStep::AdviseOnMemory, StepResult::Done) > 0
        })
        .await;
        if let Some(result) = expected {
            eventually("it is tried", async || {
                count(&cache, RecoveryStep::PurgeMemory, result) > 0
            })
            .await;
        }
        let others = [StepResult::Done, StepResult::Refused, StepResult::Failed, StepResult::Left];
        for other in others.into_iter().filter(|other| Some(*other) != expected) {
            assert_eq!(count(&cache, RecoveryStep::PurgeMemory, other), 0, "{other:?}");
        }
        assert_eq!(purges() > 0, expected == Some(StepResult::Done));
        // It is told without addresses, which `details` alone show.
        let told = cache.timeline();
        assert!(told.iter().all(|it| !it.text.contains("127.0.0.1")), "{told:?}");
        server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
        let _ = cache.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a69_what_the_links_see_to_is_done_once() {
    let mut server = RedisServer::start();
    let cache = process(&server, each_second().and_act(), false);
    let answers = async |what| {
        eventually(what, async || {
            cache.entry("a").ttl(HOUR).insert(1_u8).await.is_ok()
                && cache.entry("a").get::<u8>().await.is_ok_and(|found| found == Some(1))
        })
        .await;
    };
    answers("it answers").await;
    // Frozen for longer than it takes to count as lost.
    server.freeze();
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..60 {
        looks.tick().await;
        drop(cache.entry("a").get::<u8>().await);
    }
    server.thaw();
    answers("it answers again").await;
    let replaced = cache.stats().reconnects;
    assert!(replaced <= 1, "one connection is replaced once, whoever wants it: {replaced}");
    // Killed, and back without anything: that is the links' and the read path's matter.
    let before = taken(&cache);
    server.kill();
    for _ in 0..50 {
        looks.tick().await;
        drop(cache.entry("a").get::<u8>().await);
    }
    server.restart();
    answers("the new one answers").await;
    assert_eq!(taken(&cache), before, "{:?}", cache.report().recovery);
}
