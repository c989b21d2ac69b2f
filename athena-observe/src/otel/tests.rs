//! Names of instruments, and what they are read from.

use std::collections::BTreeSet;

use super::*;
use crate::families::Family;

fn is_counter(family: &Family) -> bool {
    matches!(family.values, Values::Count(_) | Values::Counts(_))
}

/// Those that are instruments of their own.
fn instruments() -> impl Iterator<Item = &'static Family> {
    families().filter(|family| !matches!(family.values, Values::Distributions(_)))
}

/// What exporters for Prometheus call an instrument, by the rules that OpenTelemetry has for that.
fn exported(family: &Family) -> String {
    let name = named(family.name).replace('.', "_");
    let unit = match (family.unit, is_counter(family)) {
        ("s", _) => "_seconds",
        ("By", _) => "_bytes",
        ("1", false) => "_ratio",
        ("1", true) => "",
        (annotation, _) if annotation.starts_with('{') && annotation.ends_with('}') => "",
        (other, _) => panic!("{other} is no unit that is known here"),
    };
    let total = if is_counter(family) { "_total" } else { "" };
    format!("{name}{unit}{total}")
}

#[test]
fn instruments_are_named_as_their_conventions_ask() {
    for (name, instrument) in [
        ("requests_total", "athena_cache.requests"),
        ("journal_oldest_seconds", "athena_cache.journal.oldest"),
        ("entry_bytes", "athena_cache.entry"),
    ] {
        assert_eq!(named(name), instrument);
    }
    let names: BTreeSet<_> = instruments().map(|family| named(family.name)).collect();
    assert_eq!(names.len(), instruments().count(), "each is an instrument of its own");
}

#[test]
fn what_exporters_make_of_them_is_what_rules_and_panels_ask_for() {
    for family in instruments() {
        assert_eq!(exported(family), format!("athena_cache_{}", family.name));
    }
}

#[test]
fn all_instruments_of_one_collection_are_read_from_one_report_and_the_next_from_another() {
    let shared = Shared { cache: Cache::in_memory("shop"), latest: Mutex::new(None) };
    let first = shared.figures();
    assert!(Arc::ptr_eq(&first, &shared.figures()));
    let earlier = Instant::now().checked_sub(2 * ONE_COLLECTION).unwrap();
    *shared.latest.lock().unwrap() = Some((earlier, Arc::clone(&first)));
    assert!(!Arc::ptr_eq(&first, &shared.figures()));
}
