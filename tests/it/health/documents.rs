//! What is written of a report, and what may be set.

use std::time::Duration;

use athena_cache::{Finding, Health, HealthPolicy, HealthReport, Need, Settings};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn what_was_not_found_out_is_null_and_no_reason_for_anything() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    checks.add("moon", Need::Ready, || async { Finding::unknown("it is cloudy") });
    checks.add("sun", Need::Ready, || async { Finding::healthy("it shines") });
    let report = checks.report().await;
    assert_eq!((report.status, report.entries["moon"].status), (Health::Healthy, None));
    assert!(checks.is_ready().await);
    let shown = serde_json::to_value(&*report).unwrap();
    assert_eq!(shown["entries"]["moon"]["status"], Value::Null);
    assert_eq!(shown["entries"]["moon"]["description"], "it is cloudy");
    let neutral = serde_json::to_value(report.neutral()).unwrap();
    let moon = &neutral["checks"]["moon"][0];
    assert!(moon.get("status").is_none(), "the draft has no word for it: {neutral}");
    assert_eq!(moon["output"], "it is cloudy");
    let known = HealthReport::clone(&report).known();
    assert_eq!(known.entries.keys().collect::<Vec<_>>(), ["sun"]);
}

#[tokio::test]
async fn a59_the_document_is_that_of_the_guide_and_the_neutral_one_is_nobodys() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    checks.add("disk", Need::Ready, || async { Finding::degraded("2 GiB free on /var") });
    checks.add("sun", Need::Quality, || async { Finding::healthy("it shines") });
    let report = checks.report().await;
    let shown = serde_json::to_value(&*report).unwrap();
    assert_eq!(
        shown,
        json!({
            "status": "Degraded",
            "totalDuration": "00:00:00",
            "entries": {
                "disk": {
                    "status": "Degraded", "duration": "00:00:00",
                    "description": "2 GiB free on /var", "data": {}, "tags": ["ready"],
                },
                "sun": {
                    "status": "Healthy", "duration": "00:00:00",
                    "description": "it shines", "data": {},
                },
            },
        })
    );
    let neutral = serde_json::to_value(report.neutral()).unwrap();
    assert_eq!(neutral["status"], "warn");
    assert_eq!(neutral["checks"]["disk"][0]["status"], "warn");
    assert_eq!(neutral["checks"]["disk"][0]["output"], "2 GiB free on /var");
    assert_eq!(neutral["checks"]["sun"][0]["output"], Value::Null, "what passes has none");

    let hidden = HealthReport::clone(&report).without_details();
    let hidden = serde_json::to_string(&hidden).unwrap()
        + &serde_json::to_string(&hidden.neutral()).unwrap();
    assert!(!hidden.contains("GiB") && !hidden.contains("shines"), "{hidden}");
}

#[tokio::test]
async fn without_details_no_figure_is_left_since_one_may_be_a_name() {
    let world = World::in_memory();
    let checks = world.cache.health_checks();
    checks.add("disk", Need::Quality, || async {
        Finding::healthy("fine").with("mountedAt", "/srv/secret")
    });
    let report = checks.report().await;
    assert!(serde_json::to_string(&*report).unwrap().contains("/srv/secret"));
    let hidden = HealthReport::clone(&report).without_details();
    assert!(!serde_json::to_string(&hidden).unwrap().contains("/srv/secret"), "{hidden:?}");
}

#[tokio::test]
async fn settings_of_checks_that_cannot_be_used_are_told() {
    let mut settings = Settings::default();
    settings.health.limit = Duration::ZERO;
    settings.health.ping = Duration::ZERO;
    let error = athena_cache::Cache::builder("shop").settings(settings).build().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`health.limit` is 0ns") && text.contains("`health.ping` is 0"),
        "{text}"
    );
    let read: Settings = toml::from_str("[health]\npolicy = \"guide\"\nping = \"20ms\"").unwrap();
    assert_eq!(read.health.policy, HealthPolicy::Guide);
    assert_eq!(read.health.ping, Duration::from_millis(20));
}
