//! Writing values: under the lease of their load, or by hand.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::pipeline::Operation;
use super::{Address, Grant, Remote};
use crate::backend::{Failure, Fill, Filled, Item, LeaseRequest};
use crate::coherence::guards::Guard;
use crate::tag::Tags;

impl Remote {
    /// A permit for a write off the callers' path, if there is one.
    pub(crate) fn write_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.writes).try_acquire_owned().ok()
    }

    /// The same; waits for one, so that loads are no faster than writes can follow.
    pub(crate) async fn write_permit_within(
        &self,
        limit: Duration,
    ) -> Option<OwnedSemaphorePermit> {
        if let Some(permit) = self.write_permit() {
            return Some(permit);
        }
        let permit = Arc::clone(&self.writes).acquire_owned();
        self.clock.within(limit, permit).await?.ok()
    }

    /// Stores bytes under a lease (coherence 6).
    pub(crate) async fn fill(
        &self,
        address: &Address,
        bytes: &[u8],
        life: Duration,
        granted: &Grant,
    ) -> Result<Filled, Failure> {
        let lease = &address.entry.lease();
        let item = Item { value: &address.value, bytes, life };
        let fill = Fill { item, lease, token: granted.token, epoch: granted.epoch };
        if self.guards.lacks(Guard::Lease) {
            return self.fill_without_lease(fill).await;
        }
        let (deadline, operation) = (self.write_deadline(), Operation::write("fill"));
        let operation = operation.ending_a_lease();
        self.ask(operation, lease, deadline, || self.backend.fill(fill)).await
    }

    /// The same whoever holds the lease: the mutation that shows what leases are for.
    async fn fill_without_lease(&self, fill: Fill<'_>) -> Result<Filled, Failure> {
        let Fill { item, lease, token, .. } = fill;
        self.backend.remove(&[lease.to_owned()]).await?;
        let request = LeaseRequest { lease, token, life: item.life, generations: &[] };
        let epoch = self.backend.lease(request).await?.proof.epoch;
        self.backend.fill(Fill { epoch, ..fill }).await
    }

    /// Ends what there is of an entry, and its lease (coherence 12).
    pub(crate) async fn vacate(&self, address: &Address) -> Result<(), Failure> {
        let deadline = self.write_deadline();
        self.make_way(&address.entry, &Tags::default(), deadline).await?;
        let lease = address.entry.lease();
        let names: Vec<_> = address.entry.lanes().chain([lease.clone()]).collect();
        let remove = || self.backend.remove(&names);
        self.ask(Operation::remove("remove"), &lease, deadline, remove).await
    }
}
