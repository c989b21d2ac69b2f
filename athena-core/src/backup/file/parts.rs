//! What is in a file, as values.

use serde::{Deserialize, Serialize};

/// What a backup says of itself before anything else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackupHead {
    /// What the names in it begin with, without the colon.
    pub namespace: String,
    /// The region that it was read from; `None` where there is one alone.
    pub region: Option<String>,
    /// When it was begun, in milliseconds since 1970.
    pub created: u64,
    /// The version of this library that wrote it.
    pub version: String,
    /// The nodes that were read: where each is, and its history.
    pub nodes: Vec<(String, u64)>,
}

impl BackupHead {
    /// Of a namespace, begun at a time.
    pub fn new(namespace: impl Into<String>, created: u64) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { namespace: namespace.into(), created, version, ..Self::default() }
    }
}

/// What a backup says of itself at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackupFoot {
    /// How many values are in it.
    pub values: u64,
    /// How many generations are in it.
    pub generations: u64,
    /// How many bytes the values have.
    pub bytes: u64,
    /// How many names of our form were left out, since what is under them is none of a cache: it has no end, is no
    /// bytes, or is too long.
    pub skipped: u64,
    /// The keys that were asked for most, as the exporting process knew them; the hottest first.
    pub hot: Vec<String>,
}

/// What a name holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordKind {
    /// A value of an entry.
    Value,
    /// The generation of a tag or of the namespace.
    Generation,
}

impl RecordKind {
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Value => 1,
            Self::Generation => 2,
        }
    }

    pub(super) fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Value),
            2 => Some(Self::Generation),
            _ => None,
        }
    }
}

/// One name, and what is under it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupRecord {
    /// What the name holds.
    pub kind: RecordKind,
    /// The name, namespace included.
    pub name: String,
    /// When it ends, in milliseconds since 1970; `None` if it does not.
    pub ends_at: Option<u64>,
    /// The bytes as stored.
    pub bytes: Vec<u8>,
}

impl BackupRecord {
    /// A value under a name, until then.
    pub fn value(name: impl Into<String>, ends_at: u64, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, bytes) = (name.into(), bytes.into());
        Self { kind: RecordKind::Value, name, ends_at: Some(ends_at), bytes }
    }

    /// A generation under a name.
    pub fn generation(
        name: impl Into<String>,
        ends_at: Option<u64>,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        Self { kind: RecordKind::Generation, name: name.into(), ends_at, bytes: bytes.into() }
    }
}
