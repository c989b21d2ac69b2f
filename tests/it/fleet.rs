//! Processes that share a namespace: who is there, who is missing, and what they disagree about.

use std::time::Duration;

use athena_cache::testing::{ManualClock, MemoryBackend};
use athena_cache::{Cache, Settings, athena_cache, of};

use crate::world::others_rest;

const INTERVAL: Duration = Duration::from_secs(5);

#[athena_cache(ttl = "1m", key = "secret-customer:{id}", tags = ["secret-tag:{id}"], cache = cache)]
async fn customer(cache: &Cache, id: u32) -> u32 {
    id
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.fleet = Some(INTERVAL);
    settings
}

struct Roster {
    clock: ManualClock,
    store: MemoryBackend,
}

impl Roster {
    fn new() -> Self {
        let clock = ManualClock::new();
        Self { store: MemoryBackend::with_clock(&clock), clock }
    }

    fn process(&self, settings: Settings) -> Cache {
        let builder = Cache::builder("shop").settings(settings).clock(&self.clock);
        builder.backend(self.store.clone()).build().unwrap()
    }
}

async fn id(cache: &Cache) -> String {
    cache.status().await.process.id
}

async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..1_000 {
        if condition().await {
            return;
        }
        others_rest().await;
    }
    panic!("in vain: {what}");
}

async fn present(cache: &Cache) -> Vec<String> {
    let processes = cache.fleet().await.unwrap().processes;
    processes.into_iter().filter(|it| !it.is_missing).map(|it| it.id).collect()
}

#[tokio::test]
async fn who_is_to_send_nothing_neither_says_that_it_is_there_nor_invents_who_is() {
    let roster = Roster::new();
    let cache = roster.process(settings());
    cache.isolate(Duration::from_secs(60));
    let error = cache.fleet().await.unwrap_err();
    assert!(error.to_string().contains("isolated"), "{error}");
    roster.clock.advance(INTERVAL);
    others_rest().await;
    assert!(roster.store.names().iter().all(|name| !name.contains('@')), "nothing is written");
    cache.resume();
    roster.clock.advance(INTERVAL);
    until("it is there", async || present(&cache).await.len() == 1).await;
}

#[tokio::test]
async fn processes_find_each_other_and_whoever_does_not_come_is_missing() {
    let roster = Roster::new();
    let [one, two, three] = [(); 3].map(|()| roster.process(settings()));
    let (gone, left) = (id(&two).await, id(&three).await);
    until("all are there", async || present(&one).await.len() == 3).await;
    assert_eq!(one.fleet().await.unwrap().disagreements, Vec::<String>::new());

    let closed = three.close().await;
    assert_eq!(closed.pending_invalidations, 0);
    assert!(!present(&one).await.contains(&left), "who is closed says good-bye");
    drop(two);
    for _ in 0..4 {
        roster.clock.advance(INTERVAL);
        until("it has come again", async || {
            let fleet = one.fleet().await.unwrap();
            fleet.processes.iter().any(|it| it.id != gone && it.since_ms == 0)
        })
        .await;
    }
    let fleet = one.fleet().await.unwrap();
    let missing: Vec<_> = fleet.processes.iter().filter(|it| it.is_missing).collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].id, gone);
    assert_eq!(fleet.disagreements, [format!("{gone} has not come for 20s")]);
}

#[tokio::test]
async fn what_processes_were_told_differently_is_said() {
    let roster = Roster::new();
    let mut other = settings();
    other.grace = Duration::from_secs(60);
    let (one, two) = (roster.process(settings()), roster.process(other));
    until("both are there", async || present(&one).await.len() == 2).await;
    let said = one.fleet().await.unwrap().disagreements;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("the settings: ") && said[0].contains(&id(&two).await), "{said:?}");
}

#[tokio::test]
async fn nothing_that_is_written_names_a_key_or_a_tag() {
    let roster = Roster::new();
    let cache = roster.process(settings());
    for called in 1..4 {
        customer(&cache, called).await;
        let _ = of(customer(&cache, called)).invalidate().await.unwrap();
        roster.clock.advance(INTERVAL);
    }
    until("it came after these", async || {
        let fleet = cache.fleet().await.unwrap();
        let calls = fleet.processes.first().and_then(|it| it.number("/performance/requests"));
        calls.is_some_and(|calls| calls > 0.0)
    })
    .await;
    let written = serde_json::to_string(&cache.fleet().await.unwrap()).unwrap();
    assert!(written.contains("overallHealth") && !written.contains("secret"), "{written}");
}

#[tokio::test]
async fn a_process_that_is_not_asked_to_says_nothing_and_asks_nobody() {
    let roster = Roster::new();
    let (silent, one) = (roster.process(Settings::default()), roster.process(settings()));
    until("it is there", async || present(&one).await.len() == 1).await;
    assert_eq!(silent.fleet().await.unwrap().processes.len(), 0);
    assert_eq!(Cache::in_memory("shop").fleet().await.unwrap().processes.len(), 0);
}

#[test]
fn an_interval_that_helps_nobody_is_refused() {
    for interval in [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(3_601)] {
        let mut settings = Settings::default();
        settings.fleet = Some(interval);
        let refused = Cache::builder("shop").settings(settings).build().unwrap_err().to_string();
        assert!(
            refused.contains("`fleet` is") && refused.contains("expected 1s to 1h"),
            "{refused}"
        );
    }
    let settings: Settings = toml::from_str("fleet = '5s'").unwrap();
    assert_eq!(settings.fleet, Some(INTERVAL));
}
