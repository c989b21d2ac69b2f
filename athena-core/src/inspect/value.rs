//! What a value in a backend says of itself.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::envelope::{Beginning, EntryKind, Envelope, Opened, Stamp};
use crate::key::name::Namespace;

/// A generation as a value has it, and the history of the node that it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SeenStamp {
    /// As [`Generation`](crate::backend::Generation) reads it.
    #[serde(serialize_with = "hex")]
    pub generation: u64,
    /// See [`Proof::history`](crate::backend::Proof::history).
    #[serde(serialize_with = "hex")]
    pub history: u64,
}

/// A tag of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SeenTag {
    /// The tag.
    pub tag: String,
    /// What it was before the load.
    pub stamp: SeenStamp,
}

/// A value, without its type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenValue {
    /// What it remembers: `value`, `absent`, `failed`.
    pub kind: &'static str,
    /// How its payload is written: `postcard`, `json`, or `unknown`.
    pub codec: &'static str,
    /// Of its type.
    pub fingerprint: u64,
    /// How long it is fresh.
    pub ttl: Duration,
    /// For how long it may be served stale after that.
    pub grace: Duration,
    /// Its age, by the life that is left for it; `None` if that is more than it was given.
    pub age: Option<Duration>,
    /// Whether it was written for the name that it is under.
    pub is_own_name: bool,
    /// Of the node that it was written to.
    pub history: u64,
    /// Of the namespace.
    pub namespace: SeenStamp,
    /// Its tags.
    pub tags: Vec<SeenTag>,
    /// The value as bytes.
    pub payload: Vec<u8>,
}

/// What the beginning of a value says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// As in [`SeenValue`].
    pub kind: &'static str,
    /// As in [`SeenValue`].
    pub codec: &'static str,
    /// As in [`SeenValue`].
    pub fingerprint: u64,
    /// As in [`SeenValue`].
    pub ttl: Duration,
    /// As in [`SeenValue`].
    pub grace: Duration,
    /// As in [`SeenValue`].
    pub age: Option<Duration>,
    /// Its tags; `None` if the bytes do not reach so far.
    pub tags: Option<Vec<String>>,
}

impl Summary {
    /// How many bytes of a value suffice for all but the tags.
    pub const LENGTH: usize = Beginning::LENGTH;
}

/// Reads a value that is under a name and lives on for `remaining`; else says why it is none.
pub fn look(name: &str, bytes: &[u8], remaining: Option<Duration>) -> Result<SeenValue, String> {
    let Opened { codec, fingerprint, is_own_name, envelope } =
        Envelope::open(bytes, Namespace::owner(name))
            .map_err(|unreadable| unreadable.to_string())?;
    let age = remaining.and_then(|remaining| envelope.age(remaining));
    let tags = envelope.tags.iter();
    let tags =
        tags.map(|(tag, stamp)| SeenTag { tag: tag.as_str().to_owned(), stamp: seen(*stamp) });
    Ok(SeenValue {
        kind: kind_name(envelope.kind),
        codec: codec_name(codec),
        fingerprint,
        ttl: envelope.ttl,
        grace: envelope.grace,
        age,
        is_own_name,
        history: envelope.history,
        namespace: seen(envelope.namespace),
        tags: tags.collect(),
        payload: envelope.payload,
    })
}

/// Reads the beginning of a value, of which the rest need not be there; else says why it is none.
pub fn summary(bytes: &[u8], remaining: Option<Duration>) -> Result<Summary, String> {
    let Beginning { kind, codec, fingerprint, ttl, grace, tags } =
        Beginning::read(bytes).map_err(|unreadable| unreadable.to_string())?;
    let age = remaining.and_then(|remaining| Envelope::age_of((ttl, grace), remaining));
    let tags = tags.map(|tags| tags.iter().map(|tag| tag.as_str().to_owned()).collect());
    let (kind, codec) = (kind_name(kind), codec_name(codec));
    Ok(Summary { kind, codec, fingerprint, ttl, grace, age, tags })
}

fn seen(stamp: Stamp) -> SeenStamp {
    SeenStamp { generation: stamp.generation.get(), history: stamp.history }
}

fn kind_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Value => "value",
        EntryKind::Absent => "absent",
        EntryKind::Failed => "failed",
    }
}

/// By number: a tool reads what it was built without the codec of as well.
fn codec_name(codec: u8) -> &'static str {
    match codec {
        1 => "postcard",
        2 => "json",
        _ => "unknown",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn hex<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{number:016x}"))
}
