//! Writing values: under the lease of their load, or by hand.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::announcements::Announcements;
use super::heavy::{Hold, LARGE, Trouble};
use super::pipeline::Operation;
use super::{Address, Grant, Remote};
use crate::backend::{Class, Failure, Fill, Filled, Item, LeaseRequest};
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
        let life = self.life_left(life, granted.asked);
        let item = Item { value: &address.value, bytes, life };
        let fill = Fill { item, lease, token: granted.token, epoch: granted.epoch };
        if self.guards.lacks(Guard::Lease) {
            return self.fill_without_lease(fill).await;
        }
        let (deadline, began) = (self.write_deadline(), self.clock.now());
        let (name, size) = (&*address.value, bytes.len() as u64);
        let operation = if size < LARGE { Operation::write } else { Operation::large_write };
        let operation = operation("fill").ending_a_lease();
        let work = async || match self.held_off(name) {
            Some(failure) => Err(failure),
            None => self.backend.fill(fill).await,
        };
        let filled = self.ask(operation, lease, deadline, work).await;
        self.note_fill(name, size, &filled, self.clock.now().since(began));
        filled
    }

    fn note_fill(&self, name: &str, size: u64, filled: &Result<Filled, Failure>, took: Duration) {
        let Announcements { revisions, heavy, .. } = &*self.announcements;
        let is_overwritten = self.hold(name).is_some_and(|hold| self.is_unreadable(name, hold));
        let name = revisions.name(name);
        match filled.as_ref().map_err(Failure::class) {
            Ok(Filled::Stored) => {
                if is_overwritten {
                    heavy.overwritten(name);
                }
                heavy.stored(name, size);
            }
            Err(Class::Timeout | Class::Slow | Class::Disconnected) if size >= LARGE => {
                heavy.give_up(name, size, Trouble::Slow(took));
            }
            Ok(Filled::Refused) | Err(_) => {}
        }
    }

    /// Why nothing is asked about a value now, nor written, if so. What can never be read is overwritten.
    pub(crate) fn held_off(&self, name: &str) -> Option<Failure> {
        let hold = self.hold(name).filter(|hold| !self.is_unreadable(name, *hold));
        hold.map(|hold| hold.failure())
    }

    /// Why a value is left alone now, if it is.
    pub(super) fn hold(&self, name: &str) -> Option<Hold> {
        let Announcements { revisions, heavy, .. } = &*self.announcements;
        heavy.hold(revisions.name(name))
    }

    /// Whether a value is more than its node lets us have as one: somebody else has written it.
    pub(super) fn is_unreadable(&self, name: &str, hold: Hold) -> bool {
        hold.is_beyond(self.backend.max_value(self.backend.node(name)))
    }

    /// The most bytes that are sent as the value of an entry.
    pub(crate) fn max_value(&self, address: &Address) -> usize {
        let node = self.backend.node(&address.value);
        let most = self.settings.load().max_value.min(self.backend.max_value(node));
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// Why no more than [`max_value`](Self::max_value) is sent as the value of an entry. It is left alone for a
    /// while then: a lease for it would be for nothing.
    pub(crate) fn refuse_size(&self, address: &Address) -> String {
        let node = self.backend.node(&address.value);
        let (ours, theirs) = (self.settings.load().max_value, self.backend.max_value(node));
        let Announcements { revisions, heavy, .. } = &*self.announcements;
        let size = ours.min(theirs).saturating_add(1);
        heavy.give_up(revisions.name(&address.value), size, Trouble::TooLarge);
        let limit = match self.backend.max_value_setting(node) {
            _ if ours <= theirs => format!("`resilience.max_value`, {ours} bytes"),
            Some(setting) => format!("what {setting} lets back in, {theirs} bytes"),
            None => format!("what {} takes, {theirs} bytes", self.endpoint(node)),
        };
        format!("it is larger than {limit}")
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
