//! What operators ask of the servers, over connections of their own.
//!
//! Invariant: nothing here is in the way of operations, and nothing of it changes what they see. Nobody is asked
//! whom the topology does not know.

mod change;
mod examine;
mod fleet;
mod fresh;
mod info;
mod keeping;
mod members;
mod monitor;
mod save;
mod scan;
mod sentinels;
mod spares;
mod state;
mod stored;
mod survey;
mod trigger;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use athena_cache_core::backend::operate::{
    Examination, FleetMember, Membership, Operator, RawValue, SavedNode, ScanCursor, ScanPage,
    ScannedNode, SentinelReport, StoreKind, Survey, ValueChange,
};
use athena_cache_core::backend::{Failure, Node};

pub use self::monitor::SentinelMonitor;
pub use self::trigger::FailoverTrigger;

use tokio::time::Instant;

use self::fresh::Fresh;
use self::spares::Spares;
use self::state::OperationsState;
use crate::config::{Deployment, Settings};
use crate::link::inside_runtime;
use crate::lock::Lock;
use crate::topology::Topology;

/// The longest time for a question, as for an operation: what is longer is taken for this.
const LONGEST: Duration = Duration::from_secs(600);

/// What operators may ask; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Operations(Arc<OperationsState>);

impl Operations {
    /// Takes what it needs of the settings; the topology takes them over.
    pub(crate) fn prepare(settings: &Settings) -> impl FnOnce(&Arc<Topology>) -> Self + use<> {
        let Settings { deployment, access, .. } = settings;
        let (kind, seeds, sentinels) = match deployment {
            Deployment::Standalone(_) => (StoreKind::Standalone, 1, None),
            Deployment::Cluster { seeds } => (StoreKind::Cluster, seeds.len(), None),
            Deployment::Sentinel { sentinels, access, .. } => {
                (StoreKind::Sentinel, sentinels.len(), Some(Spares::of_sentinels(access)))
            }
        };
        let nodes = Spares::of_nodes(access, kind == StoreKind::Cluster);
        let access = Arc::clone(access);
        move |topology| {
            Self(Arc::new(OperationsState {
                topology: Arc::clone(topology),
                kind,
                seeds,
                access,
                nodes,
                sentinels,
                surveyed: Fresh::default(),
                denials: Lock::default(),
                is_acquainted: AtomicBool::new(false),
            }))
        }
    }

    pub(crate) async fn sentinels(&self) -> Option<SentinelReport> {
        inside_runtime().ok()?;
        self.0.sentinels(monitor::PATIENCE).await
    }

    pub(crate) fn monitor(&self, interval: Duration) -> Result<SentinelMonitor, Failure> {
        inside_runtime()?;
        Ok(SentinelMonitor::start(Arc::clone(&self.0), interval))
    }

    pub(crate) async fn trigger(&self, trigger: FailoverTrigger) -> Result<(), Failure> {
        self.0.trigger(trigger).await
    }

    /// Closes all connections; one that is asked for later is made anew.
    pub(crate) fn close(&self) {
        self.0.nodes.close();
        if let Some(sentinels) = &self.0.sentinels {
            sentinels.close();
        }
    }
}

#[async_trait]
impl Operator for Operations {
    async fn survey(&self, limit: Duration) -> Arc<Survey> {
        if let Err(failure) = inside_runtime() {
            let mut survey = Survey::default();
            (survey.kind, survey.error) = (self.0.kind, Some(failure.to_string()));
            return Arc::new(survey);
        }
        let limit = limit.min(LONGEST);
        self.0.surveyed.get(Instant::now(), limit, || Arc::clone(&self.0).survey(limit)).await
    }

    async fn examine(&self, prefix: &str, limit: Duration) -> Examination {
        if inside_runtime().is_err() {
            return Examination::default();
        }
        self.0.examine(prefix, limit.min(LONGEST)).await
    }

    fn reconnect(&self) {
        self.0.topology.renew();
    }

    async fn sentinels(&self, limit: Duration) -> Option<SentinelReport> {
        inside_runtime().ok()?;
        self.0.sentinels(limit.min(LONGEST)).await
    }

    fn scanned_nodes(&self) -> Vec<ScannedNode> {
        self.0.scanned_nodes()
    }

    async fn scan(
        &self,
        node: Node,
        from: ScanCursor,
        prefix: &str,
        count: usize,
    ) -> Result<ScanPage, Failure> {
        self.0.scan(node, from, prefix, count).await
    }

    async fn stored(
        &self,
        names: &[String],
        most: usize,
    ) -> Result<Vec<Option<RawValue>>, Failure> {
        self.0.stored(names, most).await
    }

    async fn change(&self, changes: &[ValueChange<'_>]) -> Result<Vec<bool>, Failure> {
        self.0.change(changes).await
    }

    async fn save(&self, limit: Duration) -> Vec<SavedNode> {
        self.0.save(limit).await
    }

    async fn join_fleet(&self, prefix: &str, membership: &Membership) -> Result<(), Failure> {
        self.0.join_fleet(prefix, membership).await
    }

    async fn leave_fleet(&self, prefix: &str, id: &str) -> Result<(), Failure> {
        self.0.leave_fleet(prefix, id).await
    }

    async fn fleet(&self, prefix: &str) -> Result<Vec<FleetMember>, Failure> {
        self.0.fleet(prefix).await
    }
}
