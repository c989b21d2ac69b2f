//! What operators ask of a backend, for as long as it is not isolated.
//!
//! Invariant: nothing is asked after an isolation has begun, also by what was begun before: whoever reads all that is
//! stored asks again and again.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::breakers::Isolation;
use crate::backend::operate::{
    Examination, FleetMember, Membership, Operator, RawValue, SavedNode, Saving, ScanCursor,
    ScanPage, ScannedNode, SentinelReport, Survey, ValueChange,
};
use crate::backend::{Class, Failure, Node};
use crate::clock::Clock;

/// How soon an isolation ends what takes long.
const STEP: Duration = Duration::from_millis(100);
const ISOLATED: &str = "the backend is isolated: nothing is asked of it";

/// An operator that falls silent while the backend is isolated.
pub(super) struct Overseen {
    pub(super) inner: Arc<dyn Operator>,
    pub(super) isolation: Arc<Isolation>,
    pub(super) clock: Clock,
}

impl Overseen {
    /// What is answered, unless the backend is isolated.
    async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match self.isolation.until() {
            Some(_) => Err(Failure::new(Class::Open, ISOLATED)),
            None => question.await,
        }
    }

    fn is_silent(&self) -> bool {
        self.isolation.until().is_some()
    }

    /// What servers came to that were told to save, as far as they were heard of before an isolation.
    async fn saved(&self, limit: Duration) -> Option<Vec<SavedNode>> {
        let mut saving = self.inner.save(limit);
        while !self.is_silent() {
            if let Some(saved) = self.clock.within(STEP, &mut saving).await {
                return Some(saved);
            }
        }
        None
    }
}

#[async_trait]
impl Operator for Overseen {
    async fn survey(&self, limit: Duration) -> Arc<Survey> {
        if self.is_silent() {
            return Arc::new(Survey { error: Some(ISOLATED.to_owned()), ..Survey::default() });
        }
        self.inner.survey(limit).await
    }

    async fn examine(&self, prefix: &str, limit: Duration) -> Examination {
        if self.is_silent() {
            return Examination::default();
        }
        self.inner.examine(prefix, limit).await
    }

    fn reconnect(&self) {
        if !self.is_silent() {
            self.inner.reconnect();
        }
    }

    async fn sentinels(&self, limit: Duration) -> Option<SentinelReport> {
        if self.is_silent() {
            return None;
        }
        self.inner.sentinels(limit).await
    }

    fn scanned_nodes(&self) -> Vec<ScannedNode> {
        self.inner.scanned_nodes()
    }

    async fn scan(
        &self,
        node: Node,
        from: ScanCursor,
        prefix: &str,
        count: usize,
    ) -> Result<ScanPage, Failure> {
        self.ask(self.inner.scan(node, from, prefix, count)).await
    }

    async fn stored(
        &self,
        names: &[String],
        most: usize,
    ) -> Result<Vec<Option<RawValue>>, Failure> {
        self.ask(self.inner.stored(names, most)).await
    }

    async fn change(&self, changes: &[ValueChange<'_>]) -> Result<Vec<bool>, Failure> {
        self.ask(self.inner.change(changes)).await
    }

    async fn save(&self, limit: Duration) -> Vec<SavedNode> {
        let unknown = |node: ScannedNode| {
            let why = format!("it is not known whether it has saved: {ISOLATED}");
            SavedNode::new(node.endpoint, Saving::Failed(why), None)
        };
        match self.saved(limit).await {
            Some(saved) => saved,
            None => self.inner.scanned_nodes().into_iter().map(unknown).collect(),
        }
    }

    async fn purge_memory(&self) -> Result<(), Failure> {
        self.ask(self.inner.purge_memory()).await
    }

    async fn join_fleet(&self, prefix: &str, membership: &Membership) -> Result<(), Failure> {
        self.ask(self.inner.join_fleet(prefix, membership)).await
    }

    async fn leave_fleet(&self, prefix: &str, id: &str) -> Result<(), Failure> {
        self.ask(self.inner.leave_fleet(prefix, id)).await
    }

    async fn fleet(&self, prefix: &str) -> Result<Vec<FleetMember>, Failure> {
        self.ask(self.inner.fleet(prefix)).await
    }
}

impl fmt::Debug for Overseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
