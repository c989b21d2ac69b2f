//! Writes what is stored into a backup.
//!
//! Invariant: who asks waits for no disk, and the thread that writes ends with whoever asks: without the last word,
//! which says that all was handed over, nothing is left of the file.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::file::{BackupFoot, BackupHead, BackupRecord, BackupWriter};
use super::pace::Pace;
use super::partial::PartialFile;
use super::pieces::{FoundName, Pieces};
use super::progress::ProgressListener;
use crate::backend::Failure;
use crate::backend::operate::Operator;
use crate::clock::{millis, unix_millis};
use crate::error::Error;
use crate::inspect::NameKind;
use crate::tasks::in_thread;

/// Pieces that wait for the disk at most.
const WAITING: usize = 2;

/// Where a backup goes.
pub(crate) enum BackupPlace {
    File(PathBuf),
    Pipe(Box<dyn Write + Send>),
}

/// A backup to be written.
pub(crate) struct Export<'a> {
    pub(crate) operator: &'a dyn Operator,
    pub(crate) prefix: &'a str,
    pub(crate) rate: u32,
    pub(crate) head: BackupHead,
    pub(crate) hot: Vec<String>,
    pub(crate) listener: ProgressListener,
}

/// What the thread that writes is handed.
enum ExportPart {
    Records { records: Vec<BackupRecord>, skipped: u64 },
    End { hot: Vec<String> },
}

/// Why one half of an export ended.
enum Stopped {
    Failed(Failure),
    /// The other half has ended, and knows why.
    Other,
}

impl Export<'_> {
    pub(crate) async fn run(self, place: BackupPlace) -> Result<BackupFoot, Error> {
        let (to_disk, parts) = channel(WAITING);
        let head = self.head.clone();
        let writing = in_thread(move || write(place, &head, parts));
        let (read, written) = futures_util::future::join(self.read(to_disk), writing).await;
        match (read, written) {
            (Err(Stopped::Failed(failure)), _) => Err(Error::backend(failure)),
            (_, Err(error)) => Err(Error::backup(format_args!("cannot be written: {error}"))),
            (_, Ok(foot)) => Ok(foot),
        }
    }

    async fn read(self, to_disk: Sender<ExportPart>) -> Result<(), Stopped> {
        let Self { operator, prefix, rate, .. } = self;
        let mut pace = Pace::new(rate);
        let mut done = 0;
        let rounds: [ExportRound; 2] =
            [(|kind| kind == NameKind::Value, value), (NameKind::is_generation, generation)];
        for (wanted, record) in rounds {
            let mut pieces = Pieces::new(operator, prefix, wanted, &mut pace);
            while let Some(found) = pieces.next().await.map_err(Stopped::Failed)? {
                let (now, all) = (unix_millis(), found.len());
                let records: Vec<_> =
                    found.into_iter().filter_map(|found| record(found, now)).collect();
                let skipped = (all - records.len()) as u64;
                let part = ExportPart::Records { records, skipped };
                to_disk.send(part).await.map_err(|_| Stopped::Other)?;
                done += all as u64;
                self.listener.tell(done, None);
            }
        }
        let end = ExportPart::End { hot: self.hot };
        to_disk.send(end).await.map_err(|_| Stopped::Other)
    }
}

/// Which names are read, and what becomes of each.
type ExportRound = (fn(NameKind) -> bool, fn(FoundName, u64) -> Option<BackupRecord>);

/// A value; one that has no end is none of a cache.
fn value(found: FoundName, now: u64) -> Option<BackupRecord> {
    let ends_at = now.saturating_add(millis(found.stored.remaining?));
    Some(BackupRecord::value(found.name, ends_at, found.stored.bytes?))
}

fn generation(found: FoundName, now: u64) -> Option<BackupRecord> {
    let ends_at = found.stored.remaining.map(|left| now.saturating_add(millis(left)));
    Some(BackupRecord::generation(found.name, ends_at, found.stored.bytes?))
}

fn write(
    place: BackupPlace,
    head: &BackupHead,
    parts: Receiver<ExportPart>,
) -> io::Result<BackupFoot> {
    match place {
        BackupPlace::File(path) => {
            let (partial, file) = PartialFile::create(&path)?;
            let (buffer, foot) = write_parts(BufWriter::new(file), head, parts)?;
            let file = buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
            partial.put_in_place(&file)?;
            Ok(foot)
        }
        BackupPlace::Pipe(pipe) => {
            write_parts(BufWriter::new(pipe), head, parts).map(|(_, foot)| foot)
        }
    }
}

fn write_parts<W: Write>(
    to: W,
    head: &BackupHead,
    mut parts: Receiver<ExportPart>,
) -> io::Result<(W, BackupFoot)> {
    let mut writer = BackupWriter::begin(to, head)?;
    while let Some(part) = parts.blocking_recv() {
        match part {
            ExportPart::Records { records, skipped } => {
                writer.skipped(skipped);
                for record in &records {
                    writer.record(record)?;
                }
            }
            ExportPart::End { hot } => return writer.finish(hot),
        }
    }
    Err(io::Error::other("it was given up"))
}
