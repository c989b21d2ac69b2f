//! What one node is asked about the cluster.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure};
use tokio::time::timeout;

use super::ClusterState;
use super::nodes::{ClusterView, Reading};
use crate::link::{Batch, Link};
use crate::url::Endpoint;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a node answered, and on which connection.
pub(super) struct Answer {
    pub(super) endpoint: Endpoint,
    pub(super) link: Arc<Link>,
    pub(super) epoch: u64,
    pub(super) view: Result<ClusterView, Failure>,
}

/// Asks one node what it knows.
pub(super) async fn question(
    shared: Arc<ClusterState>,
    endpoint: Endpoint,
    link: Arc<Link>,
) -> Answer {
    let mut batch = Batch::new();
    batch.command("CLUSTER").arg("NODES");
    let asked = link.endpoint().clone();
    let reading = Reading { asked: &asked, by_name: shared.access.tls.is_some() };
    let patience = shared.client.limit().min(PATIENCE);
    let answer = timeout(
        patience,
        link.send(&batch, |replies| {
            let text = replies.text()?;
            let epoch = replies.origin().proof().map(|proof| proof.epoch);
            Ok((epoch, ClusterView::parse(&text, reading)))
        }),
    );
    let (epoch, view) = match answer.await {
        Ok(Ok((epoch, Some(view)))) => (epoch, Ok(view)),
        Ok(Ok((_, None))) => {
            (None, Err(link.failure(Class::Rejected, "does not know itself in its cluster")))
        }
        Ok(Err(failure)) => (None, Err(failure)),
        Err(_) => {
            let what = format!("did not say within {patience:?} what its cluster looks like");
            (None, Err(link.failure(Class::Timeout, &what)))
        }
    };
    Answer { endpoint, link, epoch: epoch.unwrap_or_default(), view }
}
