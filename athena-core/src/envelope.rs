//! An entry as bytes in a backend.
//!
//! ```text
//! magic "AtC"  version  codec  kind  fingerprint:8  name:4
//! ttl:8  grace:8  history:8  namespace stamp:16  tags:2 { length:2 text stamp:16 }…
//! payload length:4  payload  crc32:4        integers little endian, times in milliseconds
//! ```
//!
//! A stamp is a generation and the history of the node that it was read from; the history in front is
//! that of the node which the value was written to.
//!
//! `name` is the CRC-32 of the entry's name: bytes copied to another name are foreign there. The
//! age is no part of it: it is `ttl + grace` less the life that the store has left for the value, so
//! that no two clocks are compared. A store may write behind it when that ends, by its own clock, and hands
//! the bytes out without; earlier versions, which would take that for damage, were written where none did.
//!
//! Invariant: bytes that this version did not write for this entry and type are an [`Unreadable`],
//! never a panic and never a value.

mod seen;

use std::fmt;
use std::ops::Range;
use std::time::Duration;

pub(crate) use self::seen::{Beginning, Opened};

use crate::backend::Generation;
use crate::clock::millis;
use crate::codec::Codec;
use crate::tag::{Tag, TagExcess};

const MAGIC: [u8; 3] = *b"AtC";
const VERSION: u8 = 3;
const CHECKSUM: usize = 4;
/// What a life may gain by rounding: each time is cut to milliseconds here, the sum in the store.
const ROUNDING: Duration = Duration::from_millis(2);

/// What an entry remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum EntryKind {
    /// A value.
    Value = 1,
    /// That there is none.
    Absent = 2,
    /// That the load failed, and how.
    Failed = 3,
}

/// An entry between codec and backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) kind: EntryKind,
    pub(crate) ttl: Duration,
    pub(crate) grace: Duration,
    /// Of the node that the value is written to; see [`Proof::history`](crate::backend::Proof).
    pub(crate) history: u64,
    pub(crate) namespace: Stamp,
    pub(crate) tags: Vec<(Tag, Stamp)>,
    pub(crate) payload: Vec<u8>,
}

/// A generation as it was before a load, and where it was read (coherence 7 and 8).
///
/// A node of another history may have lost a change of it, so the same number proves nothing there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) generation: Generation,
    pub(crate) history: u64,
}

/// Who reads: bytes for anybody else are foreign.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) name: &'a str,
    pub(crate) codec: Codec,
    pub(crate) fingerprint: u64,
}

/// Why bytes are not an entry for this reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Foreign,
    Newer(u8),
    Corrupt,
    /// It has more of something than is written: an earlier version of this library may have.
    Oversized(TagExcess),
    OtherName,
    OtherCodec,
    OtherSchema,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("not written by this library"),
            Self::Newer(version) => write!(f, "unknown version {version}"),
            Self::Corrupt => f.write_str("damaged or cut short"),
            Self::Oversized(excess) => fmt::Display::fmt(excess, f),
            Self::OtherName => f.write_str("written for another entry"),
            Self::OtherCodec => f.write_str("written with another codec"),
            Self::OtherSchema => f.write_str(
                "written for another type, as by another build of the program: while both run, each overwrites what \
                 the other has stored; with another `version` for one of them they mostly do not",
            ),
        }
    }
}

/// What there is too much of for an entry in a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oversized {
    Tags(TagExcess),
    Payload(usize),
}

impl fmt::Display for Oversized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags(excess) => fmt::Display::fmt(excess, f),
            Self::Payload(length) => write!(f, "it is {length} bytes, and at most 4 GiB are kept"),
        }
    }
}

impl Envelope {
    /// The age of a value that the store lets live on for `remaining`; nothing if it has more life than it
    /// was given, as when the store's clock stepped back: unknown is not fresh.
    pub(crate) fn age(&self, remaining: Duration) -> Option<Duration> {
        Self::age_of((self.ttl, self.grace), remaining)
    }

    /// The same by ttl and grace alone.
    pub(crate) fn age_of(
        (ttl, grace): (Duration, Duration),
        remaining: Duration,
    ) -> Option<Duration> {
        let given = ttl.saturating_add(grace);
        (remaining <= given.saturating_add(ROUNDING)).then(|| given.saturating_sub(remaining))
    }

    /// The generations that it was written with, the namespace's first.
    pub(crate) fn stamps(&self) -> impl Iterator<Item = Stamp> {
        std::iter::once(self.namespace).chain(self.tags.iter().map(|(_, stamp)| *stamp))
    }

    /// The bytes; an error if there is more of something than is read again.
    pub(crate) fn write(&self, reader: Reader<'_>) -> Result<Vec<u8>, Oversized> {
        let Reader { name, codec, fingerprint } = reader;
        self.write_for(name, codec as u8, fingerprint)
    }

    /// The same for a reader whose codec this build may not have.
    fn write_for(&self, name: &str, codec: u8, fingerprint: u64) -> Result<Vec<u8>, Oversized> {
        let mut bytes = Vec::with_capacity(80 + self.payload.len() + 40 * self.tags.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, codec, self.kind as u8]);
        bytes.extend_from_slice(&fingerprint.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(name.as_bytes()).to_le_bytes());
        bytes.extend_from_slice(&millis(self.ttl).to_le_bytes());
        bytes.extend_from_slice(&millis(self.grace).to_le_bytes());
        bytes.extend_from_slice(&self.history.to_le_bytes());
        self.namespace.write(&mut bytes);
        let count = TagExcess::check_count(self.tags.len()).map_err(Oversized::Tags)?;
        bytes.extend_from_slice(&count.to_le_bytes());
        for (tag, stamp) in &self.tags {
            let length = TagExcess::check_length(tag.as_str().len()).map_err(Oversized::Tags)?;
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(tag.as_str().as_bytes());
            stamp.write(&mut bytes);
        }
        let length = self.payload.len();
        let length = u32::try_from(length).map_err(|_| Oversized::Payload(length))?;
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&self.payload);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// What they say; the payload stays in their room.
    pub(crate) fn read(mut bytes: Vec<u8>, reader: Reader<'_>) -> Result<Self, Unreadable> {
        let (mut envelope, payload) = Self::read_around(&bytes, reader)?;
        bytes.truncate(payload.end);
        bytes.drain(..payload.start);
        envelope.payload = bytes;
        Ok(envelope)
    }

    /// All but the payload, and where that is.
    fn read_around(bytes: &[u8], reader: Reader<'_>) -> Result<(Self, Range<usize>), Unreadable> {
        let Some(after_magic) = bytes.strip_prefix(&MAGIC) else {
            return Err(Unreadable::Foreign);
        };
        match after_magic.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(Unreadable::Newer(version)),
            None => return Err(Unreadable::Corrupt),
        }
        let mut cursor = Cursor::open(bytes).ok_or(Unreadable::Corrupt)?;
        let header = cursor.header().ok_or(Unreadable::Corrupt)?;
        header.check(reader)?;
        let envelope = cursor.envelope(header.kind)?;
        let end = bytes.len() - CHECKSUM;
        Ok((envelope, end - cursor.0.len()..end))
    }

    /// The grace that an envelope was stored with, whoever it was written for.
    pub(crate) fn grace_of(bytes: &[u8]) -> Option<Duration> {
        let version = bytes.strip_prefix(&MAGIC)?.first()?;
        let mut cursor = Cursor::open(bytes).filter(|_| *version == VERSION)?;
        let header = cursor.header()?;
        cursor.envelope(header.kind).ok().map(|envelope| envelope.grace)
    }
}

impl Stamp {
    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.generation.get().to_le_bytes());
        bytes.extend_from_slice(&self.history.to_le_bytes());
    }
}

/// The bytes before the checksum, if it fits them.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    let checksum = u32::from_le_bytes(checksum.try_into().ok()?);
    (crc32fast::hash(body) == checksum).then_some(body)
}

/// For whom an envelope was written, and what it holds.
struct Header {
    codec: u8,
    kind: EntryKind,
    fingerprint: u64,
    name: u32,
}

impl Header {
    fn check(&self, reader: Reader<'_>) -> Result<(), Unreadable> {
        if self.name != crc32fast::hash(reader.name.as_bytes()) {
            return Err(Unreadable::OtherName);
        }
        if self.fingerprint != reader.fingerprint {
            return Err(Unreadable::OtherSchema);
        }
        if self.codec != reader.codec as u8 {
            return Err(Unreadable::OtherCodec);
        }
        Ok(())
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// What follows magic and version, if the checksum fits.
    fn open(bytes: &'a [u8]) -> Option<Self> {
        checked(bytes)?.get(MAGIC.len() + 1..).map(Self)
    }

    fn header(&mut self) -> Option<Header> {
        let [codec, kind] = self.array()?;
        let kind = match kind {
            1 => EntryKind::Value,
            2 => EntryKind::Absent,
            3 => EntryKind::Failed,
            _ => return None,
        };
        let fingerprint = self.u64()?;
        let name = u32::from_le_bytes(self.array()?);
        Some(Header { codec, kind, fingerprint, name })
    }

    /// All but the payload, which is what is left.
    fn envelope(&mut self, kind: EntryKind) -> Result<Envelope, Unreadable> {
        let ttl = self.time().ok_or(Unreadable::Corrupt)?;
        let grace = self.time().ok_or(Unreadable::Corrupt)?;
        let history = self.u64().ok_or(Unreadable::Corrupt)?;
        let namespace = self.stamp().ok_or(Unreadable::Corrupt)?;
        let tags = self.tags()?;
        self.payload().ok_or(Unreadable::Corrupt)?;
        Ok(Envelope { kind, ttl, grace, history, namespace, tags, payload: Vec::new() })
    }

    /// Claims of more than is written are refused before anything of it is read.
    fn tags(&mut self) -> Result<Vec<(Tag, Stamp)>, Unreadable> {
        let count = self.length16().ok_or(Unreadable::Corrupt)?;
        TagExcess::check_count(count).map_err(Unreadable::Oversized)?;
        (0..count).map(|_| self.tag()).collect()
    }

    fn tag(&mut self) -> Result<(Tag, Stamp), Unreadable> {
        let length = self.length16().ok_or(Unreadable::Corrupt)?;
        TagExcess::check_length(length).map_err(Unreadable::Oversized)?;
        let text = self.take(length).and_then(|text| std::str::from_utf8(text).ok());
        let (text, stamp) = text.zip(self.stamp()).ok_or(Unreadable::Corrupt)?;
        Ok((Tag::new(text), stamp))
    }

    /// Goes to the payload, which has to be all that is left.
    fn payload(&mut self) -> Option<()> {
        let length = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        (self.0.len() == length).then_some(())
    }

    fn time(&mut self) -> Option<Duration> {
        self.u64().map(Duration::from_millis)
    }

    fn stamp(&mut self) -> Option<Stamp> {
        let generation = self.u64().filter(|number| *number != 0).map(Generation::new)?;
        Some(Stamp { generation, history: self.u64()? })
    }

    fn length16(&mut self) -> Option<usize> {
        self.array().map(u16::from_le_bytes).map(usize::from)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

/// An envelope for a reader with the bytes behind its name as given, and a checksum that fits.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn sealed(bytes: &[u8], reader: Reader<'_>) -> Vec<u8> {
    let mut sealed = MAGIC.to_vec();
    sealed.extend_from_slice(&[VERSION, reader.codec as u8, EntryKind::Value as u8]);
    sealed.extend_from_slice(&reader.fingerprint.to_le_bytes());
    sealed.extend_from_slice(&crc32fast::hash(reader.name.as_bytes()).to_le_bytes());
    sealed.extend_from_slice(bytes);
    let checksum = crc32fast::hash(&sealed);
    sealed.extend_from_slice(&checksum.to_le_bytes());
    sealed
}

#[cfg(test)]
mod tests;
