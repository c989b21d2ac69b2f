//! A process is killed while it loads.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use athena_cache::{Cache, Source, of};

use super::stage::{LATE, Stage, defaults};
use crate::support::process::Process;
use crate::support::proxy::Proxy;
use crate::support::server::RedisServer;
use crate::support::wait_for;
use crate::world::{Origin, Setup, degraded, eventually, healthy, names, slow};

/// Set in the process that is killed: where the sentinels are.
const SENTINELS: &str = "ATHENA_TEST_SENTINELS";
/// How long a lease lives unless it is extended, and some more.
const LEASE: Duration = Duration::from_secs(10);

fn cache(url: &str) -> Cache {
    defaults().cache("s6", url)
}

#[tokio::test]
#[ignore = "it is killed by the test below, in a process of its own"]
async fn a_process_that_loads_for_ever() {
    let Ok(url) = std::env::var(SENTINELS) else { return };
    drop(slow(&cache(&url), &Origin::default(), 1, std::future::pending()).await);
}

fn start_holder(url: &str) -> Process {
    let here = std::env::current_exe().expect("the path of this binary");
    let mut command = Command::new(here);
    command.args(["--ignored", "--exact", "sentinel::lease::a_process_that_loads_for_ever"]);
    command.env(SENTINELS, url).stdout(Stdio::null()).stderr(Stdio::null());
    Process::spawn(&mut command).expect("start this binary")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_the_lease_of_a_killed_process_holds_up_others_for_its_life_at_most() {
    for follows in [false, true] {
        let stage = Stage::start(LATE).await;
        let group = &stage.group;
        let has_lease = |node| names(group.node(node)).iter().any(|name| name.ends_with(":l"));
        let (cache, origin) = (cache(&group.url()), Origin::default());
        let holder = start_holder(&group.url());
        wait_for("all nodes have the lease", || (0..3).all(has_lease).then_some(()));
        drop(holder);
        let killed = Instant::now();
        if follows {
            // The lease is on the new primary as well, where nothing can be filled under it.
            group.failover();
            eventually("it follows", async || cache.stats().failovers == 1).await;
        }
        let seen = of(slow(&cache, &origin, 1, async {})).observe().await.unwrap();
        assert_eq!((seen.value.unwrap().id, seen.outcome.source), (1, Source::Load));
        assert!(killed.elapsed() <= LEASE, "{:?}", killed.elapsed());
        eventually("the key is kept again", async || {
            let seen = of(slow(&cache, &origin, 1, async {})).observe().await.unwrap();
            seen.outcome.source == Source::Backend
        })
        .await;
        assert_ne!(cache.stats().fills, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_a_lease_held_through_an_outage_does_not_keep_the_key_out_of_redis() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let cache = Setup::brisk().cache("s7", &proxy.url());
    let origin = Origin::default();
    let (open, gate) = tokio::sync::oneshot::channel::<()>();
    let caller = tokio::spawn({
        let (cache, origin) = (cache.clone(), origin.clone());
        async move { slow(&cache, &origin, 1, async { drop(gate.await) }).await }
    });
    eventually("the load runs", async || origin.loads() == 1).await;
    proxy.refuse_new(true);
    proxy.cut();
    degraded(&cache).await;
    open.send(()).unwrap();
    assert_eq!(caller.await.unwrap().unwrap().id, 1);
    cache.settle().await;
    proxy.refuse_new(false);
    healthy(&cache).await;
    eventually("the key is kept again", async || {
        let seen = of(slow(&cache, &origin, 1, async {})).observe().await.unwrap();
        seen.outcome.source == Source::Backend
    })
    .await;
}
