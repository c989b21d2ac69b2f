//! Many at once.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{
    Backend, Checked, Duration, Fill, Filled, Item, LONG, LeaseRequest, Leased, generation,
    numbers, token, without_end,
};

const TASKS: usize = 64;

pub(super) async fn of_many_that_ask_at_once_one_gets_the_lease(probe: &Checked) {
    for round in 0..5 {
        let leased = lease_at_once(probe, &round.to_string()).await;
        let granted = leased.iter().filter(|leased| leased.granted).count();
        probe.promise(granted == 1, "of many that ask at once exactly one is granted", granted);
    }
}

pub(super) async fn of_many_that_create_a_generation_at_once_all_ensure_the_same(probe: &Checked) {
    let leased = lease_at_once(probe, "foo").await;
    let ensured: HashSet<_> =
        leased.iter().flat_map(|leased| numbers(&leased.generations)).collect();
    probe.promise(ensured.len() == 1, "all ensure the same generation", &ensured);
}

pub(super) async fn of_many_that_fill_at_once_one_is_stored_whole(probe: &Checked) {
    let entry = Arc::new(probe.entry("foo"));
    let token = probe.hold(&entry, LONG).await;
    let epoch = probe.backend.epoch(probe.backend.node(&entry.lease));
    let done = at_once(probe, |number, backend| {
        let entry = Arc::clone(&entry);
        async move {
            let bytes = number.to_le_bytes().repeat(1000);
            let item = Item { value: &entry.value, bytes: &bytes, life: LONG };
            backend.fill(Fill { item, lease: &entry.lease, token, epoch }).await
        }
    });
    let filled = done.await.into_iter().map(|outcome| probe.done(outcome));
    let stored = filled.filter(|filled| *filled == Filled::Stored).count();
    probe.promise(stored == 1, "a lease is spent by one fill", stored);
    let found = probe.bytes(&entry).await.unwrap_or_default();
    let first = found.first_chunk().map_or(usize::MAX, |first| usize::from_le_bytes(*first));
    let whole = first < TASKS && found == first.to_le_bytes().repeat(1000);
    probe.promise(whole, "one of the values remains, unmixed", (first, found.len()));
}

pub(super) async fn a_cancelled_operation_disturbs_no_other(probe: &Checked) {
    let (left, kept) = (probe.entry("left"), probe.entry("kept"));
    probe.insert(&left, b"left", LONG).await;
    probe.insert(&kept, b"kept", LONG).await;
    for _ in 0..100 {
        // Polled once, then dropped, with or without an answer.
        drop(timeout(Duration::ZERO, probe.backend.read(&[&left.value], &[])).await);
        let found = probe.bytes(&kept).await;
        let same = found.as_deref() == Some(b"kept");
        probe.promise(same, "an answer belongs to the one that asked", &found);
    }
}

async fn lease_at_once(probe: &Checked, key: &str) -> Vec<Leased> {
    let lease = probe.entry(key).lease;
    let tag = probe.tag(key);
    let leased = at_once(probe, |_, backend| {
        let (lease, generations) = (lease.clone(), [(tag.clone(), generation())]);
        async move {
            let request = LeaseRequest {
                lease: &lease,
                token: token(),
                life: LONG,
                generations: &without_end(&generations),
            };
            backend.lease(request).await
        }
    });
    leased.await.into_iter().map(|leased| probe.done(leased)).collect()
}

/// Runs an operation in many tasks at the same time.
async fn at_once<F>(
    probe: &Checked,
    operation: impl Fn(usize, Arc<dyn Backend>) -> F,
) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let tasks: Vec<JoinHandle<F::Output>> = (0..TASKS)
        .map(|number| tokio::spawn(operation(number, Arc::clone(&probe.backend))))
        .collect();
    let mut outcomes = Vec::with_capacity(TASKS);
    for task in tasks {
        match task.await {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => probe.promise(false, "an operation does not panic", error),
        }
    }
    outcomes
}
