//! What is scraped is what was counted, and can be parsed.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};

use athena_cache_core::backend::{Ability, Class};
use athena_cache_core::testing::{ChaosBackend, Fault, MemoryBackend};
use athena_cache_core::{Cache, Finding, Invalidated, Memory, Need, Resilience};
use athena_cache_observe::prometheus::Exposition;

/// Samples by name and labels as they are written, and the kinds of families.
#[derive(Debug, Default)]
struct Scrape {
    samples: BTreeMap<String, String>,
    kinds: BTreeMap<String, String>,
}

impl Scrape {
    /// Reads as strictly as the format says.
    fn of(text: &str) -> Self {
        let mut scrape = Self::default();
        let mut family = String::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                help.split_once(' ').expect("a text").0.clone_into(&mut family);
                assert!(!scrape.kinds.contains_key(&family), "{family} twice");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a kind");
                assert_eq!(name, family);
                scrape.kinds.insert(name.to_owned(), kind.to_owned());
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let (name, labels) = series.split_once('{').expect("labels");
                let base =
                    ["_bucket", "_sum", "_count"].iter().find_map(|it| name.strip_suffix(it));
                assert!(name == family || base == Some(&*family), "{line} in {family}");
                assert!(labels.ends_with('}') && labels.starts_with("cache=\""), "{line}");
                let number: f64 = value.parse().expect("a number");
                assert!(number.is_finite(), "{line}");
                assert_eq!(
                    scrape.samples.insert(series.to_owned(), value.to_owned()),
                    None,
                    "{line} twice"
                );
            }
        }
        scrape
    }

    fn value(&self, series: &str) -> &str {
        self.samples.get(series).unwrap_or_else(|| panic!("{series} in {self:#?}"))
    }
}

async fn load(cache: &Cache, key: &str, result: Result<u8, &'static str>) {
    let entry = cache.entry(key).tags(["a-tag"]);
    let _ = entry.get_or_load(async || result).await;
}

#[tokio::test]
async fn what_is_scraped_is_what_was_counted() {
    let backend = ChaosBackend::new(MemoryBackend::new(), 1);
    let chaos = backend.chaos();
    let cache = Cache::builder("shop").backend(backend).build().unwrap();
    load(&cache, "user:secret-1", Ok(1)).await;
    cache.settle().await;
    for _ in 0..3 {
        load(&cache, "user:secret-1", Ok(1)).await;
    }
    load(&cache, "user:secret-2", Err("down")).await;
    chaos.always(Fault::Error(Class::Unreachable));
    assert_eq!(cache.invalidate("user:secret-1").await, Invalidated::Pending);
    load(&cache, "user:secret-1", Ok(1)).await;
    cache.entry("user:secret-3").get::<u8>().await.unwrap_err();
    let text = Exposition::new().render(&[cache.report()]);
    let scrape = Scrape::of(&text);
    let requests = |result| {
        scrape.value(&format!(
            "athena_cache_requests_total{{cache=\"shop\",site=\"by hand\",result=\"{result}\"}}"
        ))
    };
    let stats = cache.stats();
    assert_eq!([requests("memory"), requests("backend")], ["3", "0"]);
    assert_eq!(
        ["miss", "stale", "joined", "bypass", "failed"].map(requests),
        ["3", "0", "0", "0", "1"]
    );
    let all: u64 = cache.report().sites.iter().map(athena_cache_core::SiteReport::calls).sum();
    let ran = stats.misses + stats.joined + stats.bypassed;
    assert_eq!(all, stats.hits() + ran + stats.failed, "each once");
    let by_hand = "{cache=\"shop\",site=\"by hand\"}";
    assert_eq!(scrape.value(&format!("athena_cache_load_failures_total{by_hand}")), "1");
    assert_eq!(scrape.value(&format!("athena_cache_load_duration_seconds_count{by_hand}")), "2");
    let infinite =
        "athena_cache_load_duration_seconds_bucket{cache=\"shop\",site=\"by hand\",le=\"+Inf\"}";
    assert_eq!(scrape.value(infinite), "2");
    assert_eq!(
        scrape.value("athena_cache_journal_entries{cache=\"shop\"}"),
        stats.journal_depth.to_string()
    );
    let failures = scrape.samples.iter().filter(|(series, _)| {
        series.starts_with("athena_cache_operation_failures_total")
            && series.contains("class=\"unreachable\"")
    });
    let failures: u64 = failures.map(|(_, count)| count.parse::<u64>().unwrap()).sum();
    assert_eq!(failures, stats.failures(Class::Unreachable));
    let reads = "athena_cache_operation_duration_seconds_count{cache=\"shop\",operation=\"read\"}";
    assert!(scrape.value(reads).parse::<u64>().unwrap() > 0);
    let loads = "athena_cache_request_duration_seconds_count{cache=\"shop\",tier=\"load\"}";
    assert_eq!(scrape.value(loads), "3", "an error of the function is an answer");
    assert!(stats.journal_depth > 0 && stats.failures(Class::Unreachable) > 0);
    for word in ["secret", "user", "a-tag"] {
        assert!(!text.contains(word), "{word} has left: {text}");
    }
}

#[tokio::test]
async fn caches_are_told_apart_and_addresses_shown_only_if_asked_for() {
    let with_backend = Cache::builder("one").backend(MemoryBackend::new()).build().unwrap();
    load(&with_backend, "a", Ok(1)).await;
    let reports = [with_backend.report(), Cache::in_memory("two").report()];
    let endpoint = &reports[0].nodes[0].endpoint;
    let text = Exposition::new().render(&reports);
    assert!(!text.contains("endpoint="), "{text}");
    let scrape = Scrape::of(&text);
    assert_eq!(scrape.value("athena_cache_nodes{cache=\"one\"}"), "1");
    assert_eq!(scrape.value("athena_cache_nodes{cache=\"two\"}"), "0");
    let scrape = Scrape::of(&Exposition::new().endpoints(true).render(&reports));
    let ready = format!("athena_cache_node_ready{{cache=\"one\",endpoint=\"{endpoint}\"}}");
    assert_eq!(scrape.value(&ready), "1");
}

#[tokio::test]
async fn how_far_replicas_are_behind_is_told_once_it_is_known() {
    let cache = Cache::builder("shop").backend(MemoryBackend::new()).build().unwrap();
    let lag = |unit: &str| format!("athena_cache_replication_{unit}{{cache=\"shop\"}}");
    let (bytes, seconds) = (lag("offset_lag_bytes"), lag("lag_seconds"));
    for (found, expected) in [
        (Finding::healthy("they follow"), [None, None]),
        (Finding::healthy("they follow").with("lagBytes", 70_u64), [Some("70"), None]),
        (
            Finding::degraded("late").with("lagBytes", 0_u64).with("lagSeconds", 9_u64),
            [Some("0"), Some("9")],
        ),
        (Finding::unknown("nobody says").with("lagBytes", "?"), [None, None]),
    ] {
        let found = move || std::future::ready(found.clone());
        cache.health_checks().add("replication", Need::Quality, found);
        cache.health_checks().report().await;
        let scrape = Scrape::of(&Exposition::new().render(&[cache.report()]));
        let told = [&bytes, &seconds].map(|it| scrape.samples.get(it).map(String::as_str));
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn a_node_that_announces_nothing_as_it_was_set_up_is_not_one_that_is_not_heard_of() {
    for (abilities, memory, untrusted) in [
        (&[][..], Memory::default(), "1"),
        (&[Ability::Announce], Memory::default(), "0"),
        (&[], Memory::fallback_only(10), "0"),
    ] {
        let backend = ChaosBackend::new(MemoryBackend::new(), 1);
        let chaos = backend.chaos();
        chaos.always(Fault::Error(Class::Unreachable));
        chaos.withhold(abilities);
        let cache = Cache::builder("shop").backend(backend).memory(memory).build().unwrap();
        let scrape = Scrape::of(&Exposition::new().render(&[cache.report()]));
        assert_eq!(scrape.value("athena_cache_nodes_trusted{cache=\"shop\"}"), "0");
        let told = scrape.value("athena_cache_nodes_untrusted{cache=\"shop\"}");
        assert_eq!(told, untrusted, "{abilities:?}");
    }
}

#[tokio::test]
async fn every_family_is_in_the_table_and_every_row_is_a_family() {
    let mut limits = Resilience::default();
    limits.retry.delay = std::time::Duration::ZERO;
    let backend = ChaosBackend::new(MemoryBackend::new(), 1);
    let chaos = backend.chaos();
    let cache = Cache::builder("shop").backend(backend).resilience(limits).build().unwrap();
    load(&cache, "a", Ok(1)).await;
    cache.settle().await;
    chaos.always(Fault::Error(Class::Unreachable));
    load(&cache, "b", Ok(1)).await;
    cache.health_checks().report().await;
    let text = Exposition::new().endpoints(true).render(&[cache.report()]);
    let rendered: BTreeSet<_> = Scrape::of(&text).kinds.into_keys().collect();
    let page = include_str!("../src/prometheus.rs");
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let names =
        rows.flat_map(|row| row.split(" | ").next().into_iter().flat_map(|it| it.split(", ")));
    let documented: BTreeSet<_> =
        names.map(|name| format!("athena_cache_{}", name.trim_matches('`'))).collect();
    let once_known: BTreeSet<_> = [
        "last_failover_timestamp_seconds",
        "last_recovery_seconds",
        "recovery_steps_total",
        "region_active",
        "region_heard",
        "region_lag_seconds",
        "region_parked",
        "region_untold",
        "replication_offset_lag_bytes",
        "replication_lag_seconds",
    ]
    .map(|it| format!("athena_cache_{it}"))
    .into();
    assert!(rendered.is_subset(&documented), "{:?}", rendered.difference(&documented));
    let missing: BTreeSet<_> = documented.difference(&rendered).cloned().collect();
    assert_eq!(missing, once_known);
}

#[tokio::test]
async fn a_cache_that_nobody_called_is_shown_without_what_is_not_known() {
    let scrape = Scrape::of(&Exposition::new().render(&[Cache::in_memory("idle").report()]));
    assert_eq!(scrape.value("athena_cache_health_status{cache=\"idle\",check=\"cache\"}"), "0");
    assert!(!scrape.samples.keys().any(|series| series.contains("requests_total")));
    assert_eq!(Scrape::of(&Exposition::new().render(&[])).samples.len(), 0, "no cache, no text");
}
