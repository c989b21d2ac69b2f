//! What of an entry goes to a backend as bytes, and the rehearsal of it where there is none.

use super::{Ask, Confinement, Destination};
use crate::codec::{Coding, Unwritten};
use crate::entry::Slot;
use crate::envelope::EntryKind;
use crate::shape::KeptErrors;
use crate::tag::{TagExcess, Tags};

/// The bytes of an entry's value or error, no more than `most`.
pub(super) fn payload(
    slot: &Slot,
    coding: Coding,
    of_errors: Option<Coding>,
    most: usize,
) -> Result<Vec<u8>, Unwritten> {
    let (value, _) = slot.value();
    match slot.meta().kind {
        EntryKind::Absent => Ok(Vec::new()),
        EntryKind::Value => coding.encode(value, most),
        EntryKind::Failed => match of_errors {
            Some(coding) => coding.encode(value, most),
            None => Err("errors are not remembered".to_owned().into()),
        },
    }
}

impl Ask {
    /// Writes and reads an entry as with a backend where the cache has none, and tells what would not go
    /// there: what passes every test of a service must not stay in one process in production.
    ///
    /// The entry itself is kept as it is.
    pub(super) fn rehearse(&self, slot: &Slot) {
        let Self { runtime, key, site, .. } = self;
        let Destination::Rehearsed(coding) = self.destination else { return };
        let ty = self.typing.value.id;
        if runtime.fingerprint(coding, ty, key, *site, self.policy.version).is_err() {
            return;
        }
        let of_errors = self.coding_of_errors();
        if slot.meta().kind == EntryKind::Failed && of_errors.is_none() {
            return;
        }
        let most = runtime.settings.resilience.max_value;
        match payload(slot, coding, of_errors, usize::try_from(most).unwrap_or(usize::MAX)) {
            // It is for whoever has a backend to tell how much that takes.
            Err(Unwritten::TooLong) => {}
            Err(Unwritten::Unfit(reason)) => {
                runtime.unwritable(ty, *site, &runtime.telemetry.topic(key, *site), &reason);
            }
            Ok(bytes) => {
                if let Err(reason) = self.read_again(slot.meta().kind, coding, &bytes) {
                    runtime.undecodable(ty, *site, &runtime.telemetry.topic(key, *site), &reason);
                }
            }
        }
    }

    /// Tells of tags that no backend keeps with an entry, unless its value never goes to one.
    pub(super) fn check_tags(&self, tags: &Tags) {
        let may_travel = match &self.destination {
            Destination::Rehearsed(_) | Destination::Backend { .. } => true,
            Destination::Confined(confinement) => matches!(confinement, Confinement::Tags(_)),
            Destination::Here => false,
        };
        if let Err(excess) = tags.check()
            && may_travel
        {
            self.tell_excess(excess);
        }
    }

    pub(super) fn tell_excess(&self, excess: TagExcess) {
        self.runtime.overlabelled(self.typing.value.id, self.site, &self.topic(), excess);
    }

    /// How remembered errors go to a backend, if they do.
    pub(super) fn coding_of_errors(&self) -> Option<Coding> {
        self.typing.remembered.and_then(|remembered| remembered.coding)
    }

    fn read_again(&self, kind: EntryKind, coding: Coding, bytes: &[u8]) -> Result<(), String> {
        match (kind, self.typing.remembered) {
            (EntryKind::Value, _) => self.typing.value.rehearse(coding, bytes),
            (EntryKind::Failed, Some(KeptErrors { ty, coding: Some(coding) })) => {
                ty.rehearse(coding, bytes)
            }
            (EntryKind::Absent | EntryKind::Failed, _) => Ok(()),
        }
    }
}
