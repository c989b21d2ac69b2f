//! Memory in front of a backend that others change as well.

mod hearing;
mod histories;
mod holders;
mod joining;
mod leases;
mod one_load;
mod trust;

use std::time::Duration;

use athena_cache::{Cache, Source};
use tokio::task::JoinHandle;

use crate::world::{Fault, Form, Gate, Origin, Remote, until};

const WINDOW: Duration = Duration::from_secs(2);

/// Within the time that is allowed for one attempt.
const SOON: Duration = Duration::from_millis(100);

/// The name of the lease of `k`.
const LEASE: &str = "test:{k:plain:k}:l";

/// Where the value of `k` comes from now, and what it is.
async fn seen(form: Form, cache: &Cache, origin: &Origin, value: u32) -> (Source, u32) {
    let answer = form.plain(cache, "k", origin.returns(Ok(value))).await;
    assert!(!answer.outcome.degraded && !answer.outcome.stale, "{:?}", answer.outcome);
    (answer.outcome.source, answer.value.unwrap())
}

/// Loads `k` as 1 and lets the backend have it.
async fn warm(form: Form, cache: &Cache, origin: &Origin) {
    assert_eq!(seen(form, cache, origin, 1).await, (Source::Load, 1));
    cache.settle().await;
}

/// A caller whose load of `k` runs, and returns 1 once the gate is open.
async fn loading(
    form: Form,
    cache: &Cache,
    origin: &Origin,
    gate: &Gate,
) -> JoinHandle<Result<u32, Fault>> {
    let (cache, load) = (cache.clone(), origin.waits(gate, Ok(1)));
    let caller = tokio::spawn(async move { form.plain(&cache, "k", load).await.value });
    until("the load", || origin.loads() == 1).await;
    caller
}

/// The name of the value in the backend.
fn value_name(remote: &Remote) -> String {
    let names = remote.store.names();
    names.iter().find(|name| name.contains("plain")).expect("it was stored").clone()
}
