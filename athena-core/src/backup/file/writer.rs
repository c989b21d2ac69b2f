//! Writes a backup from its head to its foot.
//!
//! Invariant: the foot, without which no reader takes a file, is written by [`finish`](BackupWriter::finish)
//! alone, and says what was written.

use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::parts::{BackupFoot, BackupHead, BackupRecord, RecordKind};
use super::{END, FORMAT, LONGEST_NAME, LONGEST_PART, LONGEST_VALUE, MAGIC};

/// Writes a backup, record by record.
#[derive(Debug)]
pub struct BackupWriter<W> {
    to: W,
    digest: Sha256,
    foot: BackupFoot,
    /// One record; its room is used again.
    room: Vec<u8>,
}

impl<W: Write> BackupWriter<W> {
    /// Begins a backup.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn begin(to: W, head: &BackupHead) -> io::Result<Self> {
        let mut writer =
            Self { to, digest: Sha256::new(), foot: BackupFoot::default(), room: Vec::new() };
        let mut bytes = MAGIC.to_vec();
        bytes.push(FORMAT);
        put_part(&mut bytes, head)?;
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        writer.put(&bytes)?;
        Ok(writer)
    }

    /// Adds a name; whether it could be added: one that is longer than any that a cache writes cannot.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn record(&mut self, record: &BackupRecord) -> io::Result<bool> {
        let BackupRecord { kind, name, ends_at, bytes } = record;
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LONGEST_VALUE);
        let name_length = u16::try_from(name.len()).ok().filter(|_| name.len() <= LONGEST_NAME);
        let (Some(length), Some(name_length)) = (length, name_length) else {
            self.skipped(1);
            return Ok(false);
        };
        let mut room = std::mem::take(&mut self.room);
        room.clear();
        room.push(kind.byte());
        room.extend_from_slice(&name_length.to_le_bytes());
        room.extend_from_slice(name.as_bytes());
        room.extend_from_slice(&ends_at.unwrap_or(0).to_le_bytes());
        room.extend_from_slice(&length.to_le_bytes());
        room.extend_from_slice(bytes);
        let checksum = crc32fast::hash(&room);
        room.extend_from_slice(&checksum.to_le_bytes());
        let written = self.put(&room);
        room.shrink_to(1 << 20);
        self.room = room;
        written?;
        match kind {
            RecordKind::Value => {
                self.foot.values += 1;
                self.foot.bytes += u64::from(length);
            }
            RecordKind::Generation => self.foot.generations += 1,
        }
        Ok(true)
    }

    /// Counts names that were found and left out.
    pub fn skipped(&mut self, names: u64) {
        self.foot.skipped += names;
    }

    /// What the foot would say now.
    pub fn so_far(&self) -> &BackupFoot {
        &self.foot
    }

    /// Ends the backup; `hot` are the keys that were asked for most.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn finish(mut self, hot: Vec<String>) -> io::Result<(W, BackupFoot)> {
        self.foot.hot = hot;
        let mut bytes = vec![END];
        put_part(&mut bytes, &self.foot)?;
        self.put(&bytes)?;
        let digest = self.digest.finalize();
        self.to.write_all(&digest)?;
        self.to.flush()?;
        Ok((self.to, self.foot))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.to.write_all(bytes)
    }
}

fn put_part(to: &mut Vec<u8>, part: &impl Serialize) -> io::Result<()> {
    let bytes = postcard::to_allocvec(part).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LONGEST_PART);
    let length = length.ok_or_else(|| io::Error::other("a head or foot of more than 4 MiB"))?;
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(&bytes);
    Ok(())
}
