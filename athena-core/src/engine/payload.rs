//! What of an entry goes to a backend as bytes, and the rehearsal of it where there is none.

use super::{Ask, Confinement, Destination};
use crate::codec::{Unwritten, Wire};
use crate::entry::{self, Slot};
use crate::envelope::EntryKind;
use crate::shape::Remember;
use crate::tag::{TagExcess, Tags};

/// The bytes of an entry's value or error, no more than `most`.
pub(super) fn payload<V: 'static, E: 'static>(
    slot: &Slot,
    wire: &Wire<V>,
    remember: Option<&Remember<E>>,
    most: usize,
) -> Result<Vec<u8>, Unwritten> {
    match slot.meta().kind {
        EntryKind::Absent => Ok(Vec::new()),
        EntryKind::Value => match entry::value::<V>(slot, EntryKind::Value) {
            Some(value) => wire.encode(value, most),
            None => Err("the entry is of another type".to_owned().into()),
        },
        EntryKind::Failed => {
            let error = remember.and_then(|remember| (remember.recall)(slot));
            let wire = remember.and_then(|remember| remember.wire);
            match (error, wire) {
                (Some(error), Some(wire)) => wire.encode(&error, most),
                _ => Err("errors are not remembered".to_owned().into()),
            }
        }
    }
}

impl<R, V, E> Ask<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    /// Writes and reads an entry as with a backend where the cache has none, and tells what would not go
    /// there: what passes every test of a service must not stay in one process in production.
    ///
    /// The entry itself is kept as it is.
    pub(super) fn rehearse(&self, slot: &Slot) {
        let Self { runtime, key, site, .. } = self;
        let Destination::Rehearsed(wire) = &self.destination else { return };
        if runtime.fingerprint(*wire, key, *site, self.policy.version).is_err() {
            return;
        }
        let remember = self.errors.remember.as_ref();
        if slot.meta().kind == EntryKind::Failed && remember.is_none_or(|it| it.wire.is_none()) {
            return;
        }
        let most = runtime.settings.resilience.max_value;
        match payload(slot, wire, remember, usize::try_from(most).unwrap_or(usize::MAX)) {
            // It is for whoever has a backend to tell how much that takes.
            Err(Unwritten::TooLong) => {}
            Err(Unwritten::Unfit(reason)) => {
                runtime.unwritable::<V>(*site, &runtime.telemetry.topic(key, *site), &reason);
            }
            Ok(bytes) => {
                if let Err(reason) = self.read_again(slot.meta().kind, wire, &bytes) {
                    runtime.undecodable::<V>(*site, &runtime.telemetry.topic(key, *site), &reason);
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
        self.runtime.overlabelled::<V>(self.site, &self.topic(), excess);
    }

    fn read_again(&self, kind: EntryKind, wire: &Wire<V>, bytes: &[u8]) -> Result<(), String> {
        match kind {
            EntryKind::Absent => Ok(()),
            EntryKind::Value => wire.decode(bytes).map(drop),
            EntryKind::Failed => {
                let remember = self.errors.remember.as_ref();
                let wire = remember.and_then(|remember| remember.wire);
                wire.map_or(Ok(()), |wire| wire.decode(bytes).map(drop))
            }
        }
    }
}
