//! What reads bytes from outside, one function each, for tests and fuzzers that make bytes up.
//!
//! Each takes any bytes, and panics if they are read as what they are not.

#![allow(clippy::expect_used, reason = "that it panics is how it tells")]

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::{Codec, Wire};
use crate::envelope::{self, Envelope, Reader};
use crate::key::name::Namespace;
use crate::settings::Settings;

/// Reads bytes of one kind.
pub type FuzzTarget = fn(&[u8]);

/// All of them, by the names of their corpora.
pub const TARGETS: &[(&str, FuzzTarget)] = &[
    ("envelope", envelope),
    ("postcard", postcard),
    ("json", json),
    ("names", names),
    ("settings", settings),
];

const READER: Reader<'static> = Reader { name: "fuzz", codec: Codec::Postcard, fingerprint: 7 };

/// A type with everything in it, and itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Anything {
    Nothing,
    Numbers(u8, i64, u128),
    Text(String),
    Bytes(Vec<u8>),
    Marks(Vec<()>),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
    Maybe { it: Option<Box<Self>>, also: [bool; 3] },
    Char(char),
}

/// An entry of a backend, as it is and with a checksum that fits it.
pub fn envelope(bytes: &[u8]) {
    drop(Envelope::read(bytes.to_vec(), READER));
    Envelope::grace_of(bytes);
    let sealed = envelope::sealed(bytes, READER);
    Envelope::grace_of(&sealed);
    if let Ok(read) = Envelope::read(sealed, READER) {
        let again = read.write(READER).expect("what was read is within the bounds");
        assert_eq!(Envelope::read(again, READER).as_ref(), Ok(&read));
        read.age(Duration::from_millis(bytes.len() as u64));
    }
}

/// A value as postcard.
pub fn postcard(bytes: &[u8]) {
    value::<Anything>(Wire::postcard(), bytes);
    value::<HashMap<u16, Vec<Option<String>>>>(Wire::postcard(), bytes);
    value::<Vec<Vec<()>>>(Wire::postcard(), bytes);
}

/// A value as JSON.
pub fn json(bytes: &[u8]) {
    value::<Anything>(Wire::json(), bytes);
    value::<serde_json::Value>(Wire::json(), bytes);
}

/// What was read may be unwritable, and is else read again as it is.
fn value<V>(wire: Wire<V>, bytes: &[u8])
where
    V: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug + 'static,
{
    let value = match wire.decode(bytes) {
        Ok(value) => value,
        Err(reason) => return assert!(!reason.contains("panicked"), "{reason}"),
    };
    if let Ok(written) = wire.encode(&value, usize::MAX) {
        assert_eq!(wire.decode(&written).as_ref(), Ok(&value));
    }
}

/// A name that a server announces.
pub fn names(bytes: &[u8]) {
    let name = String::from_utf8_lossy(bytes);
    assert!(name.starts_with(Namespace::owner(&name)));
    assert!(name.starts_with(Namespace::subject(&name)));
    assert!(Namespace::new(Namespace::lenient(&name).as_str()).is_ok());
}

/// Settings.
pub fn settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(settings) = serde_json::from_str::<Settings>(&text)
        && settings.check().is_ok()
    {
        let written = serde_json::to_string(&settings).expect("settings can be written");
        assert_eq!(serde_json::from_str::<Settings>(&written).ok(), Some(settings));
    }
}
