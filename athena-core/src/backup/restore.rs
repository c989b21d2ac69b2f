//! Puts the values of a backup back.
//!
//! Invariant: nothing is written before all of the file was read once and found whole.

mod places;
mod source;

use std::path::PathBuf;

use serde::Serialize;
use tokio::sync::mpsc::channel;

use self::places::{PresentValue, ReturningWrite, wanted};
use self::source::{Whole, check, hand_out};
use super::file::BackupRecord;
use super::held::HeldGenerations;
use super::judge::{Reason, RestoredAs, ReturningValue, StoreFate};
use super::pace::Pace;
use super::progress::ProgressListener;
use crate::backend::Failure;
use crate::backend::operate::{Operator, RawValue};
use crate::clock::unix_millis;
use crate::envelope::Opened;
use crate::error::Error;
use crate::excerpt::Excerpt;
use crate::inspect::summary;
use crate::remote::{FoundGeneration, Missing, Remote};
use crate::tasks::in_thread;

/// How much of a value that is there is compared before it is replaced; of most it is all.
const COMPARED: usize = 16 << 10;
/// Pages that wait for the store at most.
const WAITING: usize = 2;

/// What becomes of values that are there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RestoreMode {
    /// They stay.
    #[default]
    SkipExisting,
    /// They stay if they are younger than those of the backup, and are replaced else.
    YoungerWins,
    /// They are replaced.
    Replace,
}

/// What became of the values of a backup: from [`Restore::run`](crate::Restore::run).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Restored {
    /// How many values are in the backup.
    pub read: u64,
    /// How many were written; of a dry run, how many would have been.
    pub written: u64,
    /// How many were past their life.
    pub expired: u64,
    /// How many were there already, and stayed as they were.
    pub existing: u64,
    /// How many had been invalidated.
    pub outdated: u64,
    /// How many have no grace, so that they would answer nobody.
    pub without_grace: u64,
    /// How many were none of their name, or not written by this version.
    pub unreadable: u64,
}

impl Restored {
    fn skip(&mut self, reason: Reason) {
        match reason {
            Reason::Expired => self.expired += 1,
            Reason::WithoutGrace => self.without_grace += 1,
            Reason::Outdated => self.outdated += 1,
            Reason::Unreadable => self.unreadable += 1,
        }
    }
}

/// A backup to be put back.
pub(crate) struct RestoreTask<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) operator: &'a dyn Operator,
    pub(crate) prefix: &'a str,
    pub(crate) mode: RestoreMode,
    pub(crate) standing: RestoredAs,
    pub(crate) fate: StoreFate,
    pub(crate) rate: u32,
    pub(crate) dry_run: bool,
    pub(crate) listener: ProgressListener,
}

impl RestoreTask<'_> {
    pub(crate) async fn run(self, path: PathBuf) -> Result<Restored, Error> {
        let whole = in_thread(move || check(&path)).await.map_err(Error::backup)?;
        let Whole { file, head, foot, held } = whole;
        let namespace = self.prefix.strip_suffix(':').unwrap_or(self.prefix);
        if head.namespace != namespace {
            let other = Excerpt::of(&head.namespace);
            return Err(Error::backup(format_args!(
                "is of the namespace `{other}`, and this cache is `{namespace}`"
            )));
        }
        let (to_store, mut pages) = channel(WAITING);
        let reading = in_thread(move || hand_out(file, &to_store));
        let writing = async {
            let mut done = Restored { read: foot.values, ..Restored::default() };
            let (mut pace, mut past) = (Pace::new(self.rate), 0);
            while let Some(page) = pages.recv().await {
                let count = Vec::len(&page);
                pace.names(count).await;
                if let Err(failure) = self.page(page, &held, &mut done).await {
                    pages.close();
                    return Err(stopped(&done, &failure));
                }
                past += count as u64;
                self.listener.tell(past, Some(foot.values));
            }
            Ok(done)
        };
        let (read, written) = futures_util::future::join(reading, writing).await;
        let done = written?;
        read.map_err(Error::backup)?;
        Ok(done)
    }

    async fn page(
        &self,
        page: Vec<BackupRecord>,
        held: &HeldGenerations,
        done: &mut Restored,
    ) -> Result<(), Failure> {
        let candidates = self.candidates(page, held, done);
        let found = self.found(&candidates).await?;
        let writes = self.writes(candidates, &found, done).await?;
        if self.dry_run {
            done.written += writes.len() as u64;
            return Ok(());
        }
        let changes: Vec<_> = writes.iter().map(ReturningWrite::change).collect();
        for was_done in self.operator.change(&changes).await? {
            if was_done {
                done.written += 1;
            } else {
                done.existing += 1;
            }
        }
        Ok(())
    }

    /// Those that may come back, by what can be said without asking the store.
    fn candidates(
        &self,
        page: Vec<BackupRecord>,
        held: &HeldGenerations,
        done: &mut Restored,
    ) -> Vec<ReturningValue> {
        let (now, mut candidates) = (unix_millis(), Vec::new());
        for record in page {
            let names =
                |opened: &Opened, owner: &str| self.remote.generations_of(&opened.envelope, owner);
            match ReturningValue::of(record, now, self.standing, names, held) {
                Ok(candidate) => candidates.push(candidate),
                Err(reason) => done.skip(reason),
            }
        }
        candidates
    }

    /// What is to be written of them, stamped with the generations that hold now.
    async fn writes<'f>(
        &self,
        candidates: Vec<ReturningValue>,
        found: &'f [Option<PresentValue>],
        done: &mut Restored,
    ) -> Result<Vec<ReturningWrite<'f>>, Failure> {
        let returning = candidates.iter().zip(found).filter(|(_, found)| found.is_some());
        let wanted = wanted(returning.map(|(candidate, _)| candidate));
        let missing = if self.dry_run { Missing::Stays } else { Missing::IsCreated };
        let generations = self.remote.find_generations(&wanted, missing).await?;
        let mut writes = Vec::new();
        for (candidate, found) in candidates.into_iter().zip(found) {
            let Some(found) = found else {
                done.existing += 1;
                continue;
            };
            let names = candidate.generations.iter();
            let found_generations: Vec<FoundGeneration> =
                names.filter_map(|name| generations.get(name)).copied().collect();
            let (name, life) = (candidate.name.clone(), candidate.life);
            let history = self.remote.history_at(&name);
            match candidate.stamped(&found_generations, (self.standing, self.fate), history) {
                Ok(Some(bytes)) => writes.push(ReturningWrite { name, bytes, life, found }),
                // A dry run creates nothing: with its generations it would come back.
                Ok(None) => done.written += 1,
                Err(reason) => done.skip(reason),
            }
        }
        Ok(writes)
    }

    /// What is there in the place of each candidate; `None` where that stays.
    async fn found(
        &self,
        candidates: &[ReturningValue],
    ) -> Result<Vec<Option<PresentValue>>, Failure> {
        if self.mode == RestoreMode::Replace {
            return Ok(candidates.iter().map(|_| Some(PresentValue::Whatever)).collect());
        }
        let names: Vec<_> = candidates.iter().map(|candidate| candidate.name.clone()).collect();
        let stored = self.operator.stored(&names, COMPARED).await?;
        let judge = |(candidate, stored): (&ReturningValue, Option<RawValue>)| {
            let Some(stored) = stored else { return Some(PresentValue::Nothing) };
            if self.mode == RestoreMode::SkipExisting {
                return None;
            }
            let bytes = stored.bytes.unwrap_or_default();
            let age = summary(&bytes, stored.remaining).ok().and_then(|summary| summary.age);
            // What cannot be read answers nobody.
            let is_older = age.is_none_or(|age| age > candidate.age());
            is_older.then(|| PresentValue::Bytes(bytes, stored.length.unwrap_or(0)))
        };
        Ok(candidates.iter().zip(stored).map(judge).collect())
    }
}

fn stopped(done: &Restored, failure: &Failure) -> Error {
    Error::backup_stopped(
        format_args!(
            "is restored in part, {} of {} values: {failure}; run it again: what is there by now is left out, unless it is to be replaced",
            done.written, done.read
        ),
        failure.class(),
    )
}
