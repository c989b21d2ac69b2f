//! What is shipped in `ops/` names what is rendered: a dashboard and rules that ask for nothing that is not there.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use athena_cache_core::backend::Class;
use athena_cache_core::testing::{ChaosBackend, Fault, MemoryBackend};
use athena_cache_core::{Cache, Resilience};
use athena_cache_observe::prometheus::Exposition;
use serde_json::Value;

/// Known once there was a failover, or a replica; the table of the module tells of them.
const ONCE_KNOWN: [&str; 4] = [
    "last_failover_timestamp_seconds",
    "last_recovery_seconds",
    "replication_offset_lag_bytes",
    "replication_lag_seconds",
];

fn read(path: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../ops");
    std::fs::read_to_string(root.join(path)).expect("it is shipped")
}

/// Every series that a process in trouble writes: its name and the names of its labels.
async fn rendered() -> BTreeMap<String, BTreeSet<String>> {
    let mut limits = Resilience::default();
    limits.retry.delay = Duration::ZERO;
    let backend = ChaosBackend::new(MemoryBackend::new(), 1);
    let chaos = backend.chaos();
    let cache = Cache::builder("shop").backend(backend).resilience(limits).build().unwrap();
    for fault in [None, Some(Fault::Error(Class::Unreachable))] {
        if let Some(fault) = fault {
            chaos.always(fault);
        }
        let entry = cache.entry("a").get_or_load(async || Ok::<_, std::io::Error>(1_u8));
        entry.await.unwrap();
        cache.settle().await;
        let _ = cache.invalidate("a").await;
        cache.health_checks().report().await;
    }
    let text = Exposition::new().render(&[cache.report()]);
    let mut series: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = line.split_once('{').unwrap();
        let labels = labels.rsplit_once('}').unwrap().0.split(',');
        let names = labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        series.entry(name.to_owned()).or_default().extend(names);
    }
    for name in ONCE_KNOWN {
        series.insert(format!("athena_cache_{name}"), ["cache".to_owned()].into());
    }
    series
}

/// The selectors of an expression: each name of ours, with the labels that are asked for.
fn selectors(expression: &str) -> Vec<(String, BTreeSet<String>)> {
    let mut found = Vec::new();
    for (start, _) in expression.match_indices("athena_cache_") {
        let rest = &expression[start..];
        let is_of_name = |it: char| it.is_ascii_lowercase() || it == '_';
        let end = rest.find(|it| !is_of_name(it)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let inside =
            after.strip_prefix('{').and_then(|it| it.split_once('}')).map_or("", |it| it.0);
        let labels = inside.split(',').filter_map(|it| it.split(['=', '!']).next());
        let labels = labels.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        found.push((name.to_owned(), labels.collect()));
    }
    found
}

fn check(place: &str, expression: &str, series: &BTreeMap<String, BTreeSet<String>>) {
    for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
        let count = |it: char| expression.matches(it).count();
        assert_eq!(count(open), count(close), "{place}: {expression}");
    }
    assert_eq!(expression.matches('"').count() % 2, 0, "{place}: {expression}");
    let selectors = selectors(expression);
    assert!(!selectors.is_empty(), "{place}: {expression} asks for nothing of ours");
    for (name, labels) in selectors {
        let Some(known) = series.get(&name) else { panic!("{place}: {name} is not rendered") };
        // Who scrapes adds these.
        let unknown = |label: &&String| *label != "instance" && !known.contains(*label);
        let unknown: Vec<_> = labels.iter().filter(unknown).collect();
        assert!(unknown.is_empty(), "{place}: {name} has no {unknown:?}, but {known:?}");
    }
}

/// The value of a field of a rule, and the lines that go on with it.
fn rules(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut rules: Vec<BTreeMap<String, String>> = Vec::new();
    let mut last = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some(name) = line.strip_prefix("- alert: ") {
            rules.push([("alert".to_owned(), name.to_owned())].into());
        } else if let Some(rule) = rules.last_mut() {
            let field = line.split_once(": ").or_else(|| line.strip_suffix(':').map(|it| (it, "")));
            match field
                .filter(|(name, _)| indent <= 10 && name.chars().all(|it| it.is_ascii_lowercase()))
            {
                Some((name, value)) => {
                    name.clone_into(&mut last);
                    rule.insert(last.clone(), value.trim_start_matches(">-").to_owned());
                }
                None if !line.is_empty() => {
                    let value = rule.get_mut(&last).expect("it goes on with something");
                    value.push(' ');
                    value.push_str(line);
                }
                None => {}
            }
        }
    }
    rules
}

#[tokio::test]
async fn every_rule_asks_for_what_is_rendered_and_the_docs_say_what_to_do() {
    let series = rendered().await;
    let rules = rules(&read("prometheus/athena-cache.rules.yml"));
    let docs = read("../docs/monitoring.md");
    assert!(rules.len() >= 12, "{rules:#?}");
    for rule in &rules {
        let name = &rule["alert"];
        check(name, &rule["expr"], &series);
        for field in ["for", "severity", "summary", "description"] {
            assert!(!rule[field].is_empty(), "{name} has no {field}");
        }
        assert!(
            docs.contains(&format!("| `{name}` |")),
            "docs/monitoring.md says nothing of {name}"
        );
    }
    // Two deployments may have caches of one name.
    for rule in &rules {
        for group in rule["expr"].split(" by (").skip(1) {
            assert!(group.starts_with("cluster, namespace, cache"), "{}: {group}", rule["alert"]);
        }
    }
    let tested = read("prometheus/athena-cache.rules.test.yml");
    for line in tested.lines().filter_map(|line| line.trim().strip_prefix("alertname: ")) {
        assert!(rules.iter().any(|rule| rule["alert"] == line), "{line} is no alert");
    }
}

#[tokio::test]
async fn every_panel_asks_for_what_is_rendered_and_every_family_is_in_one() {
    let series = rendered().await;
    let board: Value = serde_json::from_str(&read("grafana/athena-cache.json")).expect("JSON");
    let mut asked = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in board["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: its id is another's");
        for target in panel["targets"].as_array().unwrap_or(&Vec::new()) {
            let expression = target["expr"].as_str().expect("an expression");
            check(title, expression, &series);
            asked.extend(selectors(expression).into_iter().map(|(name, _)| name));
        }
    }
    let family = |name: &str| {
        let ends = ["_bucket", "_sum", "_count"];
        ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
    };
    let asked: BTreeSet<_> = asked.iter().map(|name| family(name)).collect();
    let written: BTreeSet<_> = series.keys().map(|name| family(name)).collect();
    let unseen: Vec<_> = written.difference(&asked).collect();
    assert_eq!(unseen, ["athena_cache_entry_bytes"], "what no panel shows");
}

/// Where Prometheus is installed, its own tool reads the rules as well.
#[test]
fn promtool_takes_the_rules_where_it_is_installed() {
    let ops = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../ops/prometheus");
    for (words, file) in [
        (["check", "rules"], "athena-cache.rules.yml"),
        (["test", "rules"], "athena-cache.rules.test.yml"),
    ] {
        let mut tool = std::process::Command::new("promtool");
        let Ok(output) = tool.args(words).arg(ops.join(file)).output() else {
            eprintln!("promtool is not installed: {file} is read by our own parser alone");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
