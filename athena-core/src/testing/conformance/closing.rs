//! Closing: the end, and nothing after it.

use super::{
    Absent, Checked, Class, Failure, Fill, Item, LONG, LeaseRequest, bumps, generation, token,
    without_end,
};

pub(super) async fn a_closed_backend_refuses_every_operation(probe: &Checked) {
    let (backend, entry) = (&probe.backend, probe.entry("foo"));
    let item = Item { value: &entry.value, bytes: b"bar", life: LONG };
    let lease = entry.lease.as_str();
    let names = [entry.value.clone()];

    backend.close().await;
    backend.close().await;

    let node = probe.node();
    probe.promise(!backend.is_ready(node), "a closed backend is not ready", true);
    refused(probe, "read", backend.read(&[&entry.value], &[]).await);
    let generations = [(probe.tag("a"), generation())];
    refused(probe, "ensure", backend.ensure(&without_end(&generations)).await);
    refused(probe, "release", backend.release(lease, token()).await);
    let request = LeaseRequest { lease, token: token(), life: LONG, generations: &[] };
    refused(probe, "lease", backend.lease(request).await);
    let fill = Fill { item, lease, token: token(), epoch: backend.epoch(node) };
    refused(probe, "fill", backend.fill(fill).await);
    refused(probe, "extend", backend.extend(lease, token(), LONG).await);
    refused(probe, "remove", backend.remove(&names).await);
    refused(probe, "shorten", backend.shorten(&names, LONG).await);
    refused(probe, "bump", backend.bump(&bumps(&generations, Absent::Stays)).await);
    refused(probe, "prove", backend.prove(node).await);
}

fn refused<T>(probe: &Checked, operation: &str, outcome: Result<T, Failure>) {
    let class = outcome.err().map(|failure| failure.class());
    let closed = class == Some(Class::Closed);
    probe.promise(closed, "every operation fails as closed", (operation, class));
}
