//! Invalidations of a region, together with what its log says of them.
//!
//! Invariant (regions 3 and 14): the primary acknowledges nothing that it has not logged; a secondary acknowledges
//! nothing that the primary waits for and that is not in its outbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Remote;
use super::journal::Target;
use super::pipeline::Operation;
use super::regional::{RegionRole, Regional};
use crate::backend::{
    Absent, Bump, ChangeLog, Failure, LogPosition, LogRecord, LoggedInvalidation, log_name,
    outbox_name,
};
use crate::coherence::guards::Guard;
use crate::resilience::class::Word;
use crate::resilience::deadline::Deadline;

/// How many records a log keeps at least: who is further behind begins anew.
pub(super) const MOST_RECORDS: u64 = 100_000;

/// What one part of a log is told of, and what for.
#[derive(Debug, Default)]
struct LoggedPart {
    targets: Vec<Target>,
    records: Vec<LogRecord>,
}

impl Remote {
    /// The parts of the log that this store keeps, by their names.
    pub(super) fn log_names(&self) -> Vec<String> {
        self.named_parts(log_name)
    }

    /// The same of its outbox.
    pub(super) fn outbox_names(&self) -> Vec<String> {
        self.named_parts(outbox_name)
    }

    fn named_parts(&self, name: fn(&str, &str) -> String) -> Vec<String> {
        let parts = self.backend.changes().map(ChangeLog::log_parts).unwrap_or_default();
        parts.iter().map(|part| name(self.namespace.as_str(), part)).collect()
    }

    /// Sends targets that one node serves, and has them logged that have to be.
    pub(super) async fn send_logged(
        &self,
        regional: &Regional,
        targets: &[Target],
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let Some(log) = self.backend.changes() else {
            return self.send_plain(targets, deadline).await;
        };
        let (recorded, plain): (Vec<_>, Vec<_>) =
            targets.iter().cloned().partition(|target| self.is_recorded(regional, target));
        // Coherence 10: before the tags, in the same request where one node has all of them.
        let rides = self.backend.partitions().is_empty() && !recorded.is_empty();
        let (riding, plain): (Vec<_>, Vec<_>) =
            plain.into_iter().partition(|target| rides && *target == Target::AnyTag);
        self.send_plain(&plain, deadline).await?;
        let mut parts: BTreeMap<usize, LoggedPart> = BTreeMap::new();
        for target in recorded {
            let part = parts.entry(log.log_part(&self.name_of(&target))).or_default();
            let record = record_of(&target);
            if !part.records.contains(&record) {
                part.records.push(record);
            }
            part.targets.push(target);
        }
        for (number, mut part) in parts {
            part.targets.extend(riding.iter().cloned());
            let position = self.execute_part((regional, log), number, &part, deadline).await?;
            if matches!(regional.role, RegionRole::Primary) {
                regional.executed(&part.targets, (number, position));
            }
        }
        Ok(())
    }

    /// Executes what one part of the log has records of.
    async fn execute_part(
        &self,
        (regional, log): (&Regional, &dyn ChangeLog),
        number: usize,
        LoggedPart { targets, records }: &LoggedPart,
        deadline: Deadline,
    ) -> Result<LogPosition, Failure> {
        let names_of_log = match &regional.role {
            RegionRole::Primary => self.log_names(),
            RegionRole::Secondary(_) => self.outbox_names(),
        };
        let log_name = names_of_log.get(number).map(String::as_str).unwrap_or_default();
        let (generations, names) = self.changes_of(targets);
        let execute = async || {
            let bumps: Vec<_> = generations
                .iter()
                .map(|(name, absent)| {
                    // As in `bump`: each attempt with numbers of its own (coherence 7).
                    Bump { name, generation: self.generation(), absent: *absent }
                })
                .collect();
            let (bumps, names, nonce) = (bumps.as_slice(), names.as_slice(), self.nonce());
            let (log_name, records) = (log_name, records.as_slice());
            let invalidation = LoggedInvalidation {
                bumps,
                names,
                log: log_name,
                records,
                nonce,
                cap: MOST_RECORDS,
            };
            log.execute(invalidation).await
        };
        let first = targets.first().map(|target| self.name_of(target)).unwrap_or_default();
        let executed = self.ask(Operation::write("invalidate"), &first, deadline, execute).await;
        if let Err(failure) = &executed
            && Word::of(failure.class()).may_remove
        {
            // A store that takes no writes still removes, and absent means changed (coherence 7). It waits all the
            // same, since nothing is logged.
            self.send_plain(targets, deadline).await?;
        }
        executed
    }

    /// The generations that targets change, the names that they remove.
    pub(super) fn changes_of(&self, targets: &[Target]) -> (Vec<(Arc<str>, Absent)>, Vec<String>) {
        let (mut generations, mut names) = (Vec::new(), Vec::new());
        for target in targets {
            match target {
                Target::Entry(entry) => {
                    names.extend(entry.lanes());
                    names.push(entry.lease());
                }
                // Coherence 10: first, and in any case.
                Target::AnyTag => generations.insert(0, (self.name_of(target), Absent::IsCreated)),
                Target::Tag(_) | Target::Namespace(_) => {
                    generations.push((self.name_of(target), Absent::Stays));
                }
            }
        }
        (generations, names)
    }

    /// Whether the log of a region has to say that a target was invalidated.
    fn is_recorded(&self, regional: &Regional, target: &Target) -> bool {
        match &regional.role {
            // The change of all tags goes with that of one.
            _ if *target == Target::AnyTag => false,
            RegionRole::Primary => true,
            // Regions 14: what the primary waits for.
            RegionRole::Secondary(secondary) => {
                secondary.waiting.awaits(target) && !self.guards.lacks(Guard::Outbox)
            }
        }
    }

    /// A number that no log had before.
    pub(super) fn nonce(&self) -> u64 {
        self.random.number().max(1)
    }
}

fn record_of(target: &Target) -> LogRecord {
    match target {
        Target::Entry(entry) => LogRecord::Entry(entry.as_str().to_owned()),
        Target::Tag(tag) => LogRecord::Tag(tag.as_str().to_owned()),
        // Of a part that has several partitions: all of them, which is more than was meant.
        Target::Namespace(_) | Target::AnyTag => LogRecord::Everything,
    }
}
