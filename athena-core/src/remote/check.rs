//! What health checks ask of nodes, past everything that stands between the cache and its backend.
//!
//! A check neither opens a breaker nor closes one, and is refused by none: it is to find out whether a node answers.
//!
//! Invariant: nothing is sent to a node that is isolated. What a check writes has a life of its own, and is removed
//! however the check ends.

use std::time::Duration;

use super::standing::NodeCheck;
use super::{Remote, join_all};
use crate::backend::{Class, Failure, Fill, Item, LeaseRequest, Node, Token};
use crate::clock::Tick;
use crate::telemetry::Event;

/// How long what a check writes lives if nobody removes it.
const LIFE: Duration = Duration::from_secs(60);

impl Remote {
    /// Asks each node in use for a sign of life, on the connection that operations use.
    pub(crate) async fn check_reach(&self, limit: Duration) -> Vec<NodeCheck> {
        let limit = self.settings.load().attempt_timeout.min(limit);
        let nodes = self.backend.nodes().into_iter();
        join_all(nodes.map(|node| self.checked(node, self.reach(node, limit)))).await
    }

    /// Writes, reads and removes a name of its own on each node in use.
    pub(crate) async fn check_storage(&self, limit: Duration) -> Vec<NodeCheck> {
        let nodes = self.backend.nodes().into_iter();
        join_all(nodes.map(|node| self.checked(node, self.keep_for_a_moment(node, limit)))).await
    }

    async fn checked(
        &self,
        node: Node,
        check: impl Future<Output = Result<(), Failure>>,
    ) -> NodeCheck {
        let endpoint = self.endpoint(node).into();
        if self.is_isolated(node) {
            return NodeCheck { endpoint, done: None };
        }
        let watch = self.clock.stopwatch();
        let done = check.await.map(|()| watch.elapsed());
        NodeCheck { endpoint, done: Some(done) }
    }

    async fn reach(&self, node: Node, limit: Duration) -> Result<(), Failure> {
        let answer = self.within(node, limit, self.backend.prove(node)).await;
        self.standings.note_admission(node, answer.as_ref().err());
        answer.map(drop)
    }

    async fn keep_for_a_moment(&self, node: Node, limit: Duration) -> Result<(), Failure> {
        // What is written is removed within what is left.
        let (most, rest) = (limit.mul_f64(0.7), limit.mul_f64(0.2));
        let partition = self.partition_of(node);
        let value = self.namespace.check(partition.as_deref(), self.random.number());
        let names = [value.clone(), format!("{value}:l")];
        let kept = self.within(node, most, self.keep_and_read(&names)).await;
        let removed = self.within(node, rest, self.backend.remove(&names)).await;
        kept.and(removed)
    }

    /// The way that values go, with a lease.
    async fn keep_and_read(&self, [value, lease]: &[String; 2]) -> Result<(), Failure> {
        let (token, bytes) = (Token::new(self.random.number()), self.random.number().to_string());
        let request = LeaseRequest { lease, token, life: LIFE, generations: &[] };
        let epoch = self.backend.lease(request).await?.proof.epoch;
        let item = Item { value, bytes: bytes.as_bytes(), life: LIFE };
        self.backend.fill(Fill { item, lease, token, epoch }).await?;
        let found = self.backend.read(&[value.as_str()], &[]).await?;
        let is_there = |stored: Option<&_>| matches!(stored, Some(Some(crate::backend::Stored { bytes: read, .. })) if *read == bytes.as_bytes());
        if is_there(found.values.first()) {
            return Ok(());
        }
        Err(Failure::new(Class::Rejected, "what was written is not what is read"))
    }

    /// A partition that the node serves, where there are some.
    fn partition_of(&self, node: Node) -> Option<String> {
        let is_of_node = |partition: &&String| {
            self.backend.node(&self.namespace.check(Some(partition), 0)) == node
        };
        self.backend.partitions().iter().find(is_of_node).cloned()
    }

    async fn within<T>(
        &self,
        node: Node,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = || Failure::new(Class::Timeout, format!("no answer in {limit:?}"));
        let done = self.clock.within(limit, self.contained(node, work)).await;
        done.unwrap_or_else(|| Err(late()))
    }

    /// The nodes in use that did not let us in when they were asked last, with what they say.
    pub(crate) fn refusing(&self) -> Vec<(String, String)> {
        let nodes = self.backend.nodes().into_iter();
        let said = nodes
            .filter_map(|node| Some((self.endpoint(node).into(), self.standings.refusal(node)?)));
        said.collect()
    }

    /// Whether any node in use does not let us in.
    pub(crate) fn is_refused(&self) -> bool {
        self.backend.nodes().into_iter().any(|node| self.standings.refusal(node).is_some())
    }

    /// Whether every node in use has been reached once.
    pub(crate) fn has_met_all(&self) -> bool {
        let nodes = self.backend.nodes();
        !nodes.is_empty() && nodes.into_iter().all(|node| self.backend.epoch(node) > 0)
    }

    /// The time by the clock of the cache.
    pub(crate) fn now(&self) -> Tick {
        self.clock.now()
    }

    /// Whether an operation would reach any node, as far as is known.
    pub(crate) fn reaches_any(&self) -> bool {
        self.backend.nodes().into_iter().any(|node| self.backend.is_ready(node))
    }

    /// Whether all changes of what is read from a node now are heard of.
    pub(crate) fn is_trusted(&self, node: Node) -> bool {
        let session = self.announcements.sessions.present(node);
        session.is_some_and(|session| session.announces() && session.is_trusted(self.clock.now()))
    }

    /// Tells what has changed about that since the last time; that a node is trusted for the first time is no news.
    pub(super) fn tell_trust(&self) {
        for node in self.backend.nodes() {
            let trusted = self.is_trusted(node);
            if self.standings.is_news(node, trusted) && self.is_first_tier_memory {
                let endpoint = self.endpoint(node);
                self.telemetry.tell(&Event::Trust { endpoint: endpoint.as_str(), trusted });
            }
        }
    }
}
