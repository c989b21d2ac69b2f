//! The primary that the sentinels name.
//!
//! Invariant: one link serves at a time. Once another node has been proven to be the primary nothing
//! more is sent to the former one. Losing all sentinels changes nothing.

mod election;
mod electorate;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod machine;
mod members;
mod notices;
mod poller;
mod replies;
mod state;
mod suspicion;
mod tracker;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use athena_cache_core::backend::{Failure, Node, Proof};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use self::state::{SentinelState, Shortfalls, Standing};
use super::known::{KnownNode, KnownNodes};
use crate::config::Access;
use crate::link::{
    Batch, Client, Link, Malformed, Question, Replies, TaskSlot, ended_within, inside_runtime,
    time_for,
};
use crate::lock::Lock;
use crate::url::Endpoint;

/// After so long without running the tracker's runtime stands still; it looks twice a second.
const STANDSTILL: Duration = Duration::from_secs(3);

/// The sentinels of one service, and the link to its primary.
///
/// Dropping it ends its tasks and closes its sockets.
#[derive(Debug)]
pub(crate) struct Sentinel {
    shared: Arc<SentinelState>,
    tracker: TaskSlot,
}

impl Sentinel {
    pub(crate) fn new(
        service: String,
        sentinels: Vec<Endpoint>,
        of_sentinels: Arc<Access>,
        access: Arc<Access>,
        client: Arc<Client>,
    ) -> Self {
        if access.tls.is_some() && of_sentinels.tls.is_none() {
            tracing::warn!(
                service,
                "the nodes speak tls and the sentinels do not: whoever alters what those say names the nodes \
                 that are told the password; leave out `sentinel_tls`, or trust a `ca_file` of your own alone"
            );
        }
        let shared = SentinelState {
            service: service.into(),
            seeds: sentinels,
            of_sentinels: tireless(of_sentinels),
            attempts: access.attempts,
            access: tireless(access),
            client,
            current: ArcSwapOption::empty(),
            last: AtomicU32::new(Node::ONLY.number()),
            standing: watch::channel(Standing::Idle).0,
            born: Instant::now(),
            confirmed: AtomicU64::new(0),
            shortfalls: Shortfalls::default(),
            known: Lock::default(),
        };
        Self { shared: Arc::new(shared), tracker: TaskSlot::default() }
    }

    /// Sends a batch to the primary and reads the replies.
    pub(crate) async fn send<T>(
        &self,
        batch: &Batch,
        read: impl FnOnce(&mut Replies) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        let link = self.primary().await?;
        let read = |replies: &mut Replies| {
            replies.note_lag(self.shared.lag(&link));
            read(replies)
        };
        link.send(batch, read).await
    }

    /// Asks the primary whether it is one.
    pub(crate) async fn prove(&self) -> Result<Proof, Failure> {
        let link = self.primary().await?;
        let proof = link.prove(Question::Role).await?;
        Ok(Proof { lag: self.shared.lag(&link), ..proof })
    }

    /// The link to the primary; waits for the first search of one, within the limit of an operation.
    pub(crate) async fn primary(&self) -> Result<Arc<Link>, Failure> {
        self.primary_within(self.shared.client.limit()).await
    }

    async fn primary_within(&self, limit: Duration) -> Result<Arc<Link>, Failure> {
        // Coherence 5: nobody would confirm any more which node serves.
        self.tracker.give_up_standstill(STANDSTILL);
        if let Some(link) = self.current() {
            return Ok(link);
        }
        self.start()?;
        let deadline = Instant::now() + limit;
        let mut standing = self.shared.standing.subscribe();
        let settled = standing.wait_for(|standing| !matches!(standing, Standing::Searching));
        // Settled or out of time: the standing says which.
        drop(timeout_at(deadline, settled).await);
        self.current().ok_or_else(|| self.shared.failure())
    }

    /// Waits for the outcome of the first search; of several if attempts are limited.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        if let Some(link) = self.current() {
            return link.connect().await;
        }
        self.start()?;
        let shared = &self.shared;
        let attempts = shared.attempts.unwrap_or(1);
        let deadline = Instant::now() + time_for(&shared.access, attempts);
        let mut standing = shared.standing.subscribe();
        let settled = standing.wait_for(|standing| match standing {
            Standing::Searching => false,
            Standing::Missed { rounds, .. } => *rounds >= attempts,
            Standing::Idle | Standing::Found | Standing::Closed => true,
        });
        drop(timeout_at(deadline, settled).await);
        self.current().map(drop).ok_or_else(|| shared.failure())
    }

    /// Whether what the primary acknowledges counts for nothing, since nobody confirms that it is the one
    /// (coherence 5).
    pub(crate) fn is_unconfirmed(&self) -> bool {
        self.shared.shortfalls.is_any()
    }

    /// The link to the primary, if one is known.
    pub(crate) fn current(&self) -> Option<Arc<Link>> {
        self.shared.current.load_full()
    }

    /// The primary, or the last one there was.
    pub(crate) fn node(&self) -> Node {
        Node::new(self.shared.last.load(Ordering::Acquire))
    }

    /// Every node and sentinel that is known; waits for the first search no longer than `limit`.
    pub(crate) async fn known_nodes(&self, limit: Duration) -> KnownNodes {
        let primary = self.primary_within(limit).await;
        let shared = &self.shared;
        let serving = self.current().map(|link| link.endpoint().clone());
        let known = shared.known.lock();
        let nodes =
            serving.iter().chain(known.nodes.iter().filter(|it| Some(*it) != serving.as_ref()));
        let nodes = nodes.map(|endpoint| KnownNode::new(endpoint.clone())).collect();
        let seeds: BTreeSet<_> = shared.seeds.iter().chain(&known.sentinels).cloned().collect();
        KnownNodes {
            nodes,
            sentinels: seeds.into_iter().collect(),
            service: Some(Arc::clone(&shared.service)),
            error: primary.err().map(|failure| failure.to_string()),
        }
    }

    /// Ends all tasks and closes all sockets.
    ///
    /// Waits no longer than the response timeout: the runtime of the tasks may stand still.
    pub(crate) async fn close(&self) {
        self.shared.standing.send_replace(Standing::Closed);
        let tracker = self.tracker.take();
        let ended = async {
            if let Some(link) = self.current() {
                link.close().await;
            }
            if let Some(tracker) = tracker {
                tracker.finish().await;
            }
        };
        ended_within(self.shared.client.limit(), ended).await;
    }

    fn start(&self) -> Result<(), Failure> {
        let (running, ending) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        self.tracker.start(|| self.begin(), || tracker::watch(running), move || ending.rest())
    }

    /// Whether to start a search now.
    fn begin(&self) -> Result<bool, Failure> {
        if !matches!(*self.shared.standing.borrow(), Standing::Idle) {
            return Ok(false);
        }
        inside_runtime()?;
        self.shared.enter(Standing::Searching);
        Ok(true)
    }
}

/// Single links never give up: the search as a whole may, in [`Sentinel::connect`].
fn tireless(access: Arc<Access>) -> Arc<Access> {
    match access.attempts {
        None => access,
        Some(_) => Arc::new(Access { attempts: None, ..Access::clone(&access) }),
    }
}
