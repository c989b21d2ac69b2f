//! The file of a restore, read twice.
//!
//! Invariant: what is handed out the second time is of a file that was whole the first time; if it has changed since,
//! that is told.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use tokio::sync::mpsc::Sender;

use crate::backup::file::{BackupFoot, BackupHead, BackupReader, BackupRecord, Flaw, RecordKind};
use crate::backup::held::HeldGenerations;

/// Values that are handed out at a time, and how many bytes at most, but for one that is larger.
const PAGE: usize = 200;
const ROOM: usize = 4 << 20;

/// A file that was found whole.
pub(super) struct Whole {
    pub(super) file: File,
    pub(super) head: BackupHead,
    pub(super) foot: BackupFoot,
    pub(super) held: HeldGenerations,
}

/// Reads all of a file.
pub(super) fn check(path: &Path) -> Result<Whole, Flaw> {
    let file = File::open(path).map_err(Flaw::Io)?;
    let reader = BackupReader::open(BufReader::new(&file))?;
    let head = reader.head().clone();
    let mut generations = HeldGenerations::default();
    let foot = reader.read(|record| {
        if record.kind == RecordKind::Generation {
            generations.add(&record);
        }
        Ok::<_, Flaw>(())
    })?;
    Ok(Whole { file, head, foot, held: generations })
}

/// Reads its values once more, and hands them on; ends early where nobody takes them.
pub(super) fn hand_out(mut file: File, to_store: &Sender<Vec<BackupRecord>>) -> Result<(), Flaw> {
    file.seek(SeekFrom::Start(0)).map_err(Flaw::Io)?;
    let (mut page, mut room) = (Vec::new(), 0);
    let read = BackupReader::open(BufReader::new(&file))?.read(|record| {
        if record.kind == RecordKind::Value {
            room += record.bytes.len();
            page.push(record);
        }
        if page.len() >= PAGE || room >= ROOM {
            room = 0;
            to_store
                .blocking_send(std::mem::take(&mut page))
                .map_err(|_| HandedOut::NobodyTakes)?;
        }
        Ok::<_, HandedOut>(())
    });
    match read {
        Ok(_) => {
            // Nobody takes it where something else went wrong, which is told there.
            let _ = to_store.blocking_send(page);
            Ok(())
        }
        Err(HandedOut::NobodyTakes) => Ok(()),
        Err(HandedOut::Flaw(flaw)) => Err(flaw),
    }
}

/// Why values were not handed out to the end.
enum HandedOut {
    NobodyTakes,
    Flaw(Flaw),
}

impl From<Flaw> for HandedOut {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}
