//! Reads a backup from its head to its foot.
//!
//! Invariant: a record is handed out only after its checksum was found to fit; that the file is whole is known at
//! its end alone.

use std::io::Read;

use serde::de::DeserializeOwned;

use super::checked::CheckedBytes;
use super::flaw::Flaw;
use super::parts::{BackupFoot, BackupHead, BackupRecord, RecordKind};
use super::{END, FORMAT, LONGEST_NAME, LONGEST_PART, LONGEST_VALUE, MAGIC};

/// Reads a backup, record by record.
#[derive(Debug)]
pub struct BackupReader<R> {
    from: CheckedBytes<R>,
    head: BackupHead,
    /// What was read so far, to be compared with the foot.
    values: u64,
    generations: u64,
    bytes: u64,
}

/// What is next in a file.
#[derive(Debug)]
enum NextPart {
    Record(BackupRecord),
    Foot(BackupFoot),
}

impl<R: Read> BackupReader<R> {
    /// Reads the head.
    ///
    /// # Errors
    ///
    /// It is no backup, of another format, or damaged.
    pub fn open(from: R) -> Result<Self, Flaw> {
        let mut from = CheckedBytes::new(from);
        match from.take::<3>() {
            Ok(MAGIC) => {}
            Ok(_) | Err(Flaw::Cut(_)) => return Err(Flaw::Foreign),
            Err(flaw) => return Err(flaw),
        }
        match from.take()? {
            [FORMAT] => {}
            [newer] => return Err(Flaw::Newer(newer)),
        }
        let head = part(&mut from)?;
        from.end_part(0)?;
        Ok(Self { from, head: decoded(&head, 0)?, values: 0, generations: 0, bytes: 0 })
    }

    /// What the backup says of itself.
    pub fn head(&self) -> &BackupHead {
        &self.head
    }

    /// Reads all of it, and hands out each record; answers the foot.
    ///
    /// # Errors
    ///
    /// It is not whole; what was handed out until then is.
    pub fn read<E: From<Flaw>>(
        mut self,
        mut each: impl FnMut(BackupRecord) -> Result<(), E>,
    ) -> Result<BackupFoot, E> {
        loop {
            match self.next()? {
                NextPart::Record(record) => each(record)?,
                NextPart::Foot(foot) => {
                    let at = self.from.position();
                    let claimed = (foot.values, foot.generations, foot.bytes);
                    if claimed != (self.values, self.generations, self.bytes) {
                        return Err(Flaw::Damaged(at).into());
                    }
                    self.from.end()?;
                    return Ok(foot);
                }
            }
        }
    }

    fn next(&mut self) -> Result<NextPart, Flaw> {
        let began = self.from.position();
        self.from.begin_part();
        let [kind] = self.from.take()?;
        if kind == END {
            let foot = part(&mut self.from)?;
            return decoded(&foot, began).map(NextPart::Foot);
        }
        let damaged = || Flaw::Damaged(began);
        let kind = RecordKind::of(kind).ok_or_else(damaged)?;
        let length = usize::from(u16::from_le_bytes(self.from.take()?));
        if length > LONGEST_NAME {
            return Err(damaged());
        }
        let name = self.from.take_bytes(length)?;
        let ends_at = u64::from_le_bytes(self.from.take()?);
        let length = u32::from_le_bytes(self.from.take()?);
        if length > LONGEST_VALUE {
            return Err(damaged());
        }
        let bytes = self.from.take_bytes(length as usize)?;
        self.from.end_part(began)?;
        let name = String::from_utf8(name).map_err(|_| damaged())?;
        match kind {
            RecordKind::Value => {
                self.values += 1;
                self.bytes += u64::from(length);
            }
            RecordKind::Generation => self.generations += 1,
        }
        let ends_at = (ends_at != 0).then_some(ends_at);
        Ok(NextPart::Record(BackupRecord { kind, name, ends_at, bytes }))
    }
}

/// The bytes of a head or a foot.
fn part<R: Read>(from: &mut CheckedBytes<R>) -> Result<Vec<u8>, Flaw> {
    let began = from.position();
    let length = u32::from_le_bytes(from.take()?);
    if length > LONGEST_PART {
        return Err(Flaw::Damaged(began));
    }
    from.take_bytes(length as usize)
}

fn decoded<T: DeserializeOwned>(bytes: &[u8], began: u64) -> Result<T, Flaw> {
    match postcard::take_from_bytes(bytes) {
        Ok((part, [])) => Ok(part),
        _ => Err(Flaw::Damaged(began)),
    }
}
