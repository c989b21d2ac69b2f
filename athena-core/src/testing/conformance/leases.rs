//! Leases: who may store what was loaded.

use super::values::expect;
use super::{Checked, Duration, Filled, LONG, SHORT, token};

pub(super) async fn a_lease_is_granted_once(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.hold(&entry, LONG).await;
    for _ in 0..3 {
        let (_, granted) = probe.lease(&entry, LONG).await;
        probe.promise(!granted, "a lease that is lease is not granted", granted);
    }
    let found = probe.value(&entry).await;
    probe.promise(found.is_none(), "a lease is no value", &found);
}

pub(super) async fn leases_of_different_entries_are_independent(probe: &Checked) {
    probe.hold(&probe.entry("foo"), LONG).await;
    probe.hold(&probe.entry("bar"), LONG).await;
}

pub(super) async fn a_lease_ends_by_itself(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.hold(&entry, SHORT).await;
    probe
        .until("a lease is granted again after its life", async || {
            probe.lease(&entry, LONG).await.1
        })
        .await;
    let (_, granted) = probe.lease(&entry, LONG).await;
    probe.promise(!granted, "the second holder has the life it asked for", granted);
}

pub(super) async fn a_removed_lease_is_granted_again(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.hold(&entry, LONG).await;
    probe.remove(&[&entry.lease]).await;
    probe.hold(&entry, LONG).await;
}

pub(super) async fn a_fill_under_the_lease_is_stored_and_ends_it(probe: &Checked) {
    let entry = probe.entry("foo");
    let token = probe.hold(&entry, LONG).await;
    let filled = probe.fill(&entry, token, b"bar", LONG).await;
    probe.promise(filled == Filled::Stored, "the holder may fill", filled);
    expect(probe, &entry, b"bar", LONG).await;
    let again = probe.fill(&entry, token, b"again", LONG).await;
    probe.promise(again == Filled::Refused, "a token is good for one fill", again);
    expect(probe, &entry, b"bar", LONG).await;
    probe.hold(&entry, LONG).await;
}

pub(super) async fn a_fill_replaces_value_and_life(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"old", LONG).await;
    for (bytes, life) in [(b"one", LONG / 4), (b"two", LONG / 2)] {
        let token = probe.hold(&entry, LONG).await;
        probe.fill(&entry, token, bytes, life).await;
        expect(probe, &entry, bytes, life).await;
    }
}

pub(super) async fn a_fill_without_a_lease_is_refused(probe: &Checked) {
    let entry = probe.entry("foo");
    refuse(probe, &entry, token()).await;
    let found = probe.value(&entry).await;
    probe.promise(found.is_none(), "a refused fill stores nothing", &found);
}

pub(super) async fn a_fill_with_another_token_is_refused_and_harms_nobody(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"old", LONG).await;
    let holder = probe.hold(&entry, LONG).await;
    refuse(probe, &entry, token()).await;
    expect(probe, &entry, b"old", LONG).await;
    let filled = probe.fill(&entry, holder, b"new", LONG).await;
    probe.promise(filled == Filled::Stored, "the holder still may fill", filled);
    expect(probe, &entry, b"new", LONG).await;
}

pub(super) async fn a_fill_after_a_removal_is_refused(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"old", LONG).await;
    let first = probe.hold(&entry, LONG).await;
    probe.remove(&[&entry.value, &entry.lease]).await;
    refuse(probe, &entry, first).await;
    let found = probe.value(&entry).await;
    probe.promise(found.is_none(), "what was removed does not come back", &found);
    let second = probe.hold(&entry, LONG).await;
    refuse(probe, &entry, first).await;
    let filled = probe.fill(&entry, second, b"new", LONG).await;
    probe.promise(filled == Filled::Stored, "the next holder may fill", filled);
}

pub(super) async fn a_fill_after_the_end_of_the_lease_is_refused(probe: &Checked) {
    let entry = probe.entry("foo");
    let token = probe.hold(&entry, SHORT).await;
    probe
        .until("the lease ends", async || probe.lease(&entry, Duration::from_millis(1)).await.1)
        .await;
    refuse(probe, &entry, token).await;
}

pub(super) async fn a_fill_after_an_insert_is_refused(probe: &Checked) {
    let entry = probe.entry("foo");
    let token = probe.hold(&entry, LONG).await;
    probe.insert(&entry, b"inserted", LONG).await;
    refuse(probe, &entry, token).await;
    expect(probe, &entry, b"inserted", LONG).await;
}

pub(super) async fn an_insert_ends_the_lease(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.hold(&entry, LONG).await;
    probe.insert(&entry, b"bar", LONG).await;
    probe.hold(&entry, LONG).await;
}

pub(super) async fn a_released_lease_is_granted_again(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"bar", LONG).await;
    let first = probe.hold(&entry, LONG).await;
    probe.done(probe.backend.release(&entry.lease, first).await);
    expect(probe, &entry, b"bar", LONG).await;
    refuse(probe, &entry, first).await;
    probe.hold(&entry, LONG).await;
}

pub(super) async fn releasing_with_another_token_ends_nothing(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.done(probe.backend.release(&entry.lease, token()).await);
    let holder = probe.hold(&entry, LONG).await;
    probe.done(probe.backend.release(&entry.lease, token()).await);
    let filled = probe.fill(&entry, holder, b"bar", LONG).await;
    probe.promise(filled == Filled::Stored, "the holder still may fill", filled);
}

async fn refuse(
    probe: &Checked,
    entry: &crate::testing::conformance::EntryNames,
    token: crate::testing::conformance::Token,
) {
    let filled = probe.fill(entry, token, b"outdated", LONG).await;
    probe.promise(filled == Filled::Refused, "only the holder of the lease may fill", filled);
}
