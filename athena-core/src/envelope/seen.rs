//! An envelope read by somebody who knows neither the type nor what was asked for.
//!
//! Invariant: one parser reads envelopes; what it calls corrupt is corrupt here as well.

use std::time::Duration;

use crate::tag::Tag;

use super::{Cursor, EntryKind, Envelope, MAGIC, Oversized, Unreadable, VERSION};

/// An envelope, and what in it says for whom it was written.
#[derive(Debug)]
pub(crate) struct Opened {
    /// See [`Codec`](crate::codec::Codec).
    pub(crate) codec: u8,
    pub(crate) fingerprint: u64,
    /// Whether it was written for the name that it is under.
    pub(crate) is_own_name: bool,
    pub(crate) envelope: Envelope,
}

/// What stands at the beginning of an envelope.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) kind: EntryKind,
    pub(crate) codec: u8,
    pub(crate) fingerprint: u64,
    pub(crate) ttl: Duration,
    pub(crate) grace: Duration,
    /// Its tags, if the bytes reach so far.
    pub(crate) tags: Option<Vec<Tag>>,
}

impl Envelope {
    /// Reads whatever was written, for whomever.
    pub(crate) fn open(bytes: &[u8], name: &str) -> Result<Opened, Unreadable> {
        check_version(bytes)?;
        let mut cursor = Cursor::open(bytes).ok_or(Unreadable::Corrupt)?;
        let header = cursor.header().ok_or(Unreadable::Corrupt)?;
        let is_own_name = header.name == crc32fast::hash(name.as_bytes());
        let (codec, fingerprint) = (header.codec, header.fingerprint);
        let mut envelope = cursor.envelope(header.kind)?;
        envelope.payload = cursor.0.to_vec();
        Ok(Opened { codec, fingerprint, is_own_name, envelope })
    }
}

impl Opened {
    /// The bytes for the reader that it was written for.
    pub(crate) fn write(&self, name: &str) -> Result<Vec<u8>, Oversized> {
        self.envelope.write_for(name, self.codec, self.fingerprint)
    }
}

impl Beginning {
    /// How many bytes it has.
    pub(crate) const LENGTH: usize = 34;

    /// Reads it off bytes that may be cut short behind it; whether the rest is sound is not known by that.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        check_version(bytes)?;
        let mut cursor = Cursor(bytes.get(MAGIC.len() + 1..).unwrap_or_default());
        let header = cursor.header().ok_or(Unreadable::Corrupt)?;
        let mut time = || cursor.time().ok_or(Unreadable::Corrupt);
        let (ttl, grace) = (time()?, time()?);
        let mut tags = || {
            cursor.u64().zip(cursor.stamp())?;
            Some(cursor.tags().ok()?.into_iter().map(|(tag, _)| tag).collect())
        };
        Ok(Self {
            kind: header.kind,
            codec: header.codec,
            fingerprint: header.fingerprint,
            ttl,
            grace,
            tags: tags(),
        })
    }
}

fn check_version(bytes: &[u8]) -> Result<(), Unreadable> {
    let after_magic = bytes.strip_prefix(&MAGIC).ok_or(Unreadable::Foreign)?;
    match after_magic.first() {
        Some(&VERSION) => Ok(()),
        Some(&version) => Err(Unreadable::Newer(version)),
        None => Err(Unreadable::Corrupt),
    }
}
