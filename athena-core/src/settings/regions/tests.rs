//! What is accepted, what is refused, and with which words.

#[cfg(feature = "testing")]
use std::sync::Arc;

use super::*;

const DEADLINE: Duration = Duration::from_secs(1);

fn two() -> RegionSettings {
    RegionSettings::new("westeurope", ["northeurope"])
}

fn faults(settings: &RegionSettings) -> Vec<String> {
    let mut faults = Vec::new();
    settings.check(DEADLINE, &mut faults);
    faults
}

#[test]
fn a24_what_is_left_out_has_the_numbers_of_the_guide_and_what_is_written_is_read() {
    let read: RegionSettings = toml::from_str(
        r#"
        primary = "westeurope"
        secondary = ["northeurope"]
        "#,
    )
    .expect("it is good");
    assert_eq!(read, two());
    assert_eq!(read.failover_timeout, Duration::from_secs(30));
    assert!(read.failover && read.replication == RegionReplication::Invalidations);
    assert_eq!(faults(&read), [""; 0]);
    let router = read.router();
    assert_eq!((router.detect, router.grace), (Duration::from_secs(3), Duration::from_secs(60)));
    let full = r#"
        primary = "a"
        secondary = ["b", "c"]
        prefer = "c"
        replication = "Values"
        failover = false
        secondary_timeout = "100ms"
        detect = "1s"
        failover_timeout = "10s"
        grace = "2m"
        tolerance = "1s"
        alone_ttl = "0s"
        source_lag = "3s"
    "#;
    let read: RegionSettings = toml::from_str(full).expect("it is good");
    assert_eq!((read.preferred(), read.names().count()), (2, 3));
    assert_eq!(faults(&read), [""; 0]);
    let written = toml::to_string(&read).expect("it can be written");
    assert_eq!(toml::from_str::<RegionSettings>(&written).expect("it can be read"), read);
    let unknown = toml::from_str::<RegionSettings>("primary = \"a\"\nsecondry = [\"b\"]");
    assert!(unknown.expect_err("it is refused").to_string().contains("secondry"));
}

#[test]
fn a24_what_cannot_be_is_refused_with_all_faults_at_once() {
    let with = |change: fn(&mut RegionSettings)| {
        let mut settings = two();
        change(&mut settings);
        faults(&settings).join("; ")
    };
    for (found, expected) in [
        (
            faults(&RegionSettings::default()).join("; "),
            "`regions.primary` is missing, expected the name of a region, such as `westeurope`; \
             `regions.secondary` is empty, expected at least one region; with one region leave `[regions]` out",
        ),
        (
            with(|it| it.secondary = vec!["westeurope".into()]),
            "`regions.secondary` names `westeurope`, which is the primary",
        ),
        (
            with(|it| it.secondary.push("northeurope".into())),
            "`regions.secondary` names `northeurope` twice",
        ),
        (
            with(|it| it.prefer = Some("eastus".into())),
            "`regions.prefer` is `eastus`, expected one of `westeurope`, `northeurope`",
        ),
        (
            with(|it| it.primary = "west europe".into()),
            "`regions` names `west europe`, expected 1 to 64 of the characters A-Z a-z 0-9 _ . -",
        ),
        (
            with(|it| it.secondary = (0..8).map(|number| format!("r{number}")).collect()),
            "`regions` names 9 regions, expected at most 8",
        ),
        (
            with(|it| it.detect = Duration::from_millis(999)),
            "`regions.detect` is 999ms, expected at least 1s",
        ),
        (
            with(|it| it.detect = Duration::MAX),
            "`regions.detect` is unlimited, expected at most `regions.failover_timeout`, 30s",
        ),
        (
            with(|it| it.secondary_timeout = Duration::from_secs(2)),
            "`regions.secondary_timeout` is 2s, expected at most `resilience.deadline`, 1s",
        ),
        (
            with(|it| {
                it.replication = RegionReplication::Off;
                it.source_lag = Duration::from_secs(1);
            }),
            "`regions.source_lag` is 1s, which needs `regions.replication` to be Invalidations or Values, and it is Off",
        ),
    ] {
        assert_eq!(found, expected);
    }
}

#[cfg(feature = "testing")]
#[test]
fn a23_each_region_has_a_store_and_no_two_have_the_same() {
    use crate::backend::Backend;
    use crate::testing::MemoryBackend;

    let store = || -> Arc<dyn Backend> { Arc::new(MemoryBackend::new()) };
    let shared = store();
    let found = |given: &[(&str, &Arc<dyn Backend>)]| {
        let mut stores = RegionStores::default();
        for (region, store) in given {
            stores.give(*region, Arc::clone(store));
        }
        let mut faults = Vec::new();
        let count = stores.in_order(&two(), &mut faults).len();
        (count, faults.join("; "))
    };
    let (west, north) = (store(), store());
    assert_eq!(found(&[("northeurope", &north), ("westeurope", &west)]), (2, String::new()));
    let mut stores = RegionStores::default();
    stores.give("northeurope", Arc::clone(&north));
    stores.give("westeurope", Arc::clone(&west));
    assert!(
        Arc::ptr_eq(&stores.in_order(&two(), &mut Vec::new())[0], &west),
        "the primary is first"
    );
    assert_eq!(
        found(&[("westeurope", &west), ("nortaeurope", &north)]),
        (
            1,
            "region `nortaeurope` is given a store, expected one of `westeurope`, `northeurope`; \
             region `northeurope` has no store: give it one with `Builder::region`"
                .to_owned()
        )
    );
    assert_eq!(
        found(&[("westeurope", &shared), ("northeurope", &shared)]).1,
        "regions `westeurope` and `northeurope` have the same store, memory"
    );
    assert_eq!(
        found(&[("westeurope", &west), ("westeurope", &west), ("northeurope", &north)]).1,
        "region `westeurope` is given a store twice"
    );
}
