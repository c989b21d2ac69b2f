//! Sets a failover off, for those who want to see one.
//!
//! Invariant: it is for administrators, and nothing is sent unless they are allowed to act.

use athena_cache_core::backend::{Class, Failure};
use tokio::time::Instant;

use super::state::OperationsState;
use crate::link::{Batch, Spare, inside_runtime};

/// What sets a failover off; see [`Redis::trigger`](crate::Redis::trigger).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailoverTrigger {
    /// A sentinel replaces the primary (`SENTINEL FAILOVER`), which goes on taking writes for a while.
    Sentinel,
    /// A replica takes over from its primary (`CLUSTER FAILOVER`), and loses nothing.
    Cluster,
    /// Every connection of a client to a node that serves is cut (`CLIENT KILL TYPE normal`).
    KillClients,
}

impl OperationsState {
    pub(super) async fn trigger(&self, trigger: FailoverTrigger) -> Result<(), Failure> {
        inside_runtime()?;
        match trigger {
            FailoverTrigger::Sentinel => self.have_replaced().await,
            FailoverTrigger::Cluster => self.have_taken_over().await,
            FailoverTrigger::KillClients => self.kill_clients().await,
        }
    }

    /// By the first sentinel that does it.
    async fn have_replaced(&self) -> Result<(), Failure> {
        let known = self.known_nodes(self.limit()).await;
        let service = known.service.as_deref().unwrap_or_default();
        let mut batch = Batch::new();
        batch.command("SENTINEL").arg("FAILOVER").arg(service);
        let mut failure = nobody(
            "there are no sentinels: they are named by a url such as `redis-sentinel://…#mymaster`",
        );
        let spares = self.sentinels.as_ref();
        for spare in known.sentinels.iter().filter_map(|it| Some(spares?.to(it))) {
            match self.act(&spare, &batch).await {
                Ok(()) => return Ok(()),
                Err(failed) => failure = failed,
            }
        }
        Err(failure)
    }

    /// By the first replica that does it.
    async fn have_taken_over(&self) -> Result<(), Failure> {
        let known = self.known_nodes(self.limit()).await;
        let mut batch = Batch::new();
        batch.command("CLUSTER").arg("FAILOVER");
        let mut failure = nobody("no replica of a cluster is known");
        let replicas =
            known.nodes.iter().filter(|it| it.is_replica == Some(true) && it.is_to_be_asked);
        for replica in replicas {
            match self.act(&self.nodes.to(&replica.endpoint), &batch).await {
                Ok(()) => return Ok(()),
                Err(failed) => failure = failed,
            }
        }
        Err(failure)
    }

    async fn kill_clients(&self) -> Result<(), Failure> {
        let mut batch = Batch::new();
        batch.command("CLIENT").args(["KILL", "TYPE", "normal"]);
        for node in self.topology.nodes() {
            self.act(&*self.spare_to(node)?, &batch).await?;
        }
        Ok(())
    }

    /// Once: it may have been done by one that does not answer.
    async fn act(&self, spare: &Spare, batch: &Batch) -> Result<(), Failure> {
        let replies = spare.exchange(batch, Instant::now() + self.limit()).await?;
        spare.refusal(&replies).map_or(Ok(()), Err)
    }
}

fn nobody(message: &str) -> Failure {
    Failure::new(Class::Unreachable, message)
}
