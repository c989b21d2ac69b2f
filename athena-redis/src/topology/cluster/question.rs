//! What one node is asked about the cluster.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure};
use tokio::time::timeout;

use super::ClusterState;
use super::nodes::{ClusterView, Preferred, Reading};
use crate::link::{Batch, Link, Malformed, Replies};
use crate::url::Endpoint;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a node answered, and on which connection.
pub(super) struct Answer {
    pub(super) endpoint: Endpoint,
    pub(super) link: Arc<Link>,
    pub(super) epoch: u64,
    pub(super) view: Result<ClusterView, Failure>,
    /// Which addresses the cluster prefers, if that was asked and told.
    pub(super) preferred: Option<Preferred>,
}

/// Asks one node what it knows; and which addresses are to be used, where that is not known.
pub(super) async fn question(
    shared: Arc<ClusterState>,
    endpoint: Endpoint,
    link: Arc<Link>,
    preferred: Option<Preferred>,
) -> Answer {
    let mut batch = Batch::new();
    batch.command("CLUSTER").arg("NODES");
    if preferred.is_none() {
        batch.command("CLUSTER").arg("SLOTS");
    }
    let patience = shared.client.limit().min(PATIENCE);
    let outcome = match timeout(patience, link.inquire(&batch)).await {
        Ok(Ok(replies)) => read(&shared, &link, replies, preferred),
        Ok(Err(failure)) => Err(failure),
        Err(_) => {
            let what = format!("did not say within {patience:?} what its cluster looks like");
            Err(link.failure(Class::Timeout, &what))
        }
    };
    match outcome {
        Ok(Said { view, epoch, preferred }) => {
            Answer { endpoint, link, epoch, view: Ok(view), preferred }
        }
        Err(failure) => Answer { endpoint, link, epoch: 0, view: Err(failure), preferred: None },
    }
}

/// What a node said.
struct Said {
    view: ClusterView,
    epoch: u64,
    preferred: Option<Preferred>,
}

fn read(
    shared: &ClusterState,
    link: &Link,
    mut replies: Replies,
    known: Option<Preferred>,
) -> Result<Said, Failure> {
    let malformed = |malformed: Malformed| link.malformed(&malformed);
    if let Some((class, why)) = replies.error() {
        let is_alone = why.as_str().contains("cluster support disabled");
        let fix =
            if is_alone { "; begin the url with `redis://` if this is no cluster" } else { "" };
        return Err(link.failure(class, &format!("does not tell of its cluster: {why}{fix}")));
    }
    let epoch = replies.origin().proof().map_or(0, |proof| proof.epoch);
    let text = replies.text().map_err(malformed)?;
    let (asked, addresses) = (link.endpoint(), &*shared.access.addresses);
    let view = |preferred| {
        ClusterView::parse(&text, Reading { asked, preferred, addresses })
            .ok_or_else(|| link.failure(Class::Rejected, "does not know itself in its cluster"))
    };
    if let Some(preferred) = known {
        return Ok(Said { view: view(preferred)?, epoch, preferred: known });
    }
    let by_ip = view(Preferred::Ip)?;
    // One that may not be asked for its slots is believed to mean what it says of its nodes.
    let told = match replies.error() {
        Some(_) => None,
        None => Preferred::read(&mut replies, &by_ip.members).map_err(malformed)?,
    };
    let by_name = shared.access.tls.is_some();
    let used = match told {
        None | Some(Preferred::Ip) if by_name => Preferred::NameOrIp,
        None => Preferred::Ip,
        Some(preferred) => preferred,
    };
    let view = if used == Preferred::Ip { by_ip } else { view(used)? };
    Ok(Said { view, epoch, preferred: told.map(|_| used) })
}
