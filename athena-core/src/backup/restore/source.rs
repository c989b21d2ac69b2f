//! The file of a restore, read twice.
//!
//! Invariant: what is handed out the second time is of a file that was whole the first time; if it has changed since,
//! that is told.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use foldhash::fast::RandomState;
use tokio::sync::mpsc::Sender;

use crate::backend::Generation;
use crate::backup::file::{BackupFoot, BackupHead, BackupReader, BackupRecord, Flaw, RecordKind};
use crate::envelope::Stamp;

/// Values that are handed out at a time, and how many bytes at most, but for one that is larger.
const PAGE: usize = 200;
const ROOM: usize = 4 << 20;

/// A file that was found whole.
pub(super) struct Whole {
    pub(super) file: File,
    pub(super) head: BackupHead,
    pub(super) foot: BackupFoot,
    pub(super) held: Held,
}

/// The generations in a backup: those of tags by a hash of their names, which are the same in every store.
///
/// How the namespace is divided, and so what its generations are called, is up to each store. Their numbers are random:
/// one that is there is the one that is meant.
#[derive(Default)]
pub(in crate::backup) struct Held {
    hasher: RandomState,
    tags: HashMap<u64, u64, RandomState>,
    namespaces: HashSet<u64>,
}

impl Held {
    fn add(&mut self, record: &BackupRecord) {
        let Some(generation) = Generation::parse(&record.bytes).map(Generation::get) else {
            return;
        };
        if record.name.ends_with('*') {
            self.namespaces.insert(generation);
        } else {
            self.tags.insert(self.hasher.hash_one(&*record.name), generation);
        }
    }

    /// Whether nothing had changed since these were noted; the names are those of the tags.
    pub(in crate::backup) fn hold<'n>(
        &self,
        mut stamps: impl Iterator<Item = Stamp>,
        tags: impl Iterator<Item = &'n str>,
    ) -> bool {
        let number = |stamp: Stamp| stamp.generation.get();
        let namespace = stamps.next().map(number);
        namespace.is_some_and(|number| self.namespaces.contains(&number))
            && tags.zip(stamps).all(|(name, stamp)| {
                self.tags.get(&self.hasher.hash_one(name)) == Some(&number(stamp))
            })
    }
}

/// Reads all of a file.
pub(super) fn check(path: &Path) -> Result<Whole, Flaw> {
    let file = File::open(path).map_err(Flaw::Io)?;
    let reader = BackupReader::open(BufReader::new(&file))?;
    let head = reader.head().clone();
    let mut generations = Held::default();
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
