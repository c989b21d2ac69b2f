//! The file: a head, one record for each name, a foot.
//!
//! ```text
//! "AtB"  format  head length:4  head  crc32:4
//! kind:1  name length:2  name  ends at:8  length:4  bytes  crc32:4      for each name
//! 0  foot length:4  foot  SHA-256 of all before:32        integers little endian, times in milliseconds since 1970
//! ```
//!
//! Head and foot are encoded by postcard. A record is a value (kind 1) as the store held it, without what it had
//! written behind it, or a generation (kind 2). An end of 0 is none.
//!
//! Invariant: bytes that are no whole backup of this format are a [`Flaw`], never a panic, and nothing is held
//! for a claim of a length before its bytes are there.

mod checked;
mod flaw;
mod parts;
mod reader;
mod writer;

pub use self::flaw::Flaw;
pub use self::parts::{BackupFoot, BackupHead, BackupRecord, RecordKind};
pub use self::reader::BackupReader;
pub use self::writer::BackupWriter;

const MAGIC: [u8; 3] = *b"AtB";
const FORMAT: u8 = 1;
/// What ends the records.
const END: u8 = 0;
/// What a head and a foot may have at most.
const LONGEST_PART: u32 = 4 << 20;
/// Names are about 400 bytes at most.
const LONGEST_NAME: usize = 4096;
/// As servers take at most.
const LONGEST_VALUE: u32 = 512 << 20;
const DIGEST: usize = 32;

#[cfg(test)]
mod tests;
