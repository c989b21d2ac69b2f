//! Bytes of a file, in order, with what all of them so far add up to.
//!
//! Invariant: room for what a length claims grows with the bytes that are there.

use std::io::{self, Read};

use crc32fast::Hasher;
use sha2::{Digest, Sha256};

use super::flaw::Flaw;

/// Reads on, and adds up.
#[derive(Debug)]
pub(super) struct CheckedBytes<R> {
    from: R,
    digest: Sha256,
    /// Of the part under way.
    checksum: Hasher,
    position: u64,
}

impl<R: Read> CheckedBytes<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, digest: Sha256::new(), checksum: Hasher::new(), position: 0 }
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Begins a part with a checksum of its own.
    pub(super) fn begin_part(&mut self) {
        self.checksum.reset();
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        self.digest.update(bytes);
        self.checksum.update(&bytes);
        Ok(bytes)
    }

    pub(super) fn take_bytes(&mut self, length: usize) -> Result<Vec<u8>, Flaw> {
        let mut bytes = Vec::new();
        let read = (&mut self.from).take(length as u64).read_to_end(&mut bytes);
        self.position += bytes.len() as u64;
        if read.map_err(Flaw::Io)? < length {
            return Err(Flaw::Cut(self.position));
        }
        self.digest.update(&bytes);
        self.checksum.update(&bytes);
        Ok(bytes)
    }

    /// Reads the checksum of the part that began at a position.
    pub(super) fn end_part(&mut self, began: u64) -> Result<(), Flaw> {
        let sum = std::mem::take(&mut self.checksum).finalize();
        let written = u32::from_le_bytes(self.take()?);
        if sum == written { Ok(()) } else { Err(Flaw::Damaged(began)) }
    }

    /// Reads the digest of all before, and sees that nothing is behind it.
    pub(super) fn end(mut self) -> Result<(), Flaw> {
        let digest = std::mem::take(&mut self.digest).finalize();
        let mut written = [0; super::DIGEST];
        self.fill(&mut written)?;
        if *digest != written {
            return Err(Flaw::Damaged(0));
        }
        let mut more = [0];
        match self.from.read(&mut more) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Flaw::Trailing(self.position)),
            Err(error) => Err(Flaw::Io(error)),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Flaw> {
        match self.from.read_exact(bytes) {
            Ok(()) => self.position += bytes.len() as u64,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Flaw::Cut(self.position));
            }
            Err(error) => return Err(Flaw::Io(error)),
        }
        Ok(())
    }
}
