//! Values as bytes.
//!
//! Invariant: bytes are only ever read by the codec and the schema fingerprint that wrote them. This
//! is the one module that names postcard and JSON.

use std::any::TypeId;
use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contained::contained;
use crate::lock::RwLock;
use crate::schema::{self, Fingerprint};
use crate::telemetry::log;

/// How values of one type are written and read; chosen with `codec = …`.
#[derive(Debug)]
pub struct Wire<V> {
    pub(crate) codec: Codec,
    fingerprint: fn(u32) -> Fingerprint,
    encode: fn(&V) -> Result<Vec<u8>, String>,
    decode: fn(&[u8]) -> Result<V, String>,
}

impl<V> Clone for Wire<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Wire<V> {}

/// The codecs there are; the number stands in the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Codec {
    Postcard = 1,
    #[cfg(feature = "json")]
    Json = 2,
}

impl<V: Serialize + DeserializeOwned + 'static> Wire<V> {
    /// postcard: compact; for types that do not need to describe themselves.
    pub(crate) fn postcard() -> Self {
        Self {
            codec: Codec::Postcard,
            fingerprint: fingerprint_of::<V>,
            encode: |value| postcard::to_allocvec(value).map_err(|error| error.to_string()),
            decode: |bytes| match postcard::take_from_bytes(bytes) {
                Ok((value, [])) => Ok(value),
                Ok((_, rest)) => Err(format!("{} bytes left over", rest.len())),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// JSON: for types that postcard cannot read back (untagged, flattened, `serde_json::Value`).
    #[cfg(feature = "json")]
    pub(crate) fn json() -> Self {
        Self {
            codec: Codec::Json,
            fingerprint: fingerprint_of::<V>,
            encode: |value| serde_json::to_vec(value).map_err(|error| error.to_string()),
            decode: |bytes| serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        }
    }
}

/// Fingerprints of the types of this process, by version; making one takes up to milliseconds.
type Fingerprints = HashMap<(TypeId, u32), Fingerprint>;

static FINGERPRINTS: RwLock<Option<Fingerprints>> = RwLock::new(None);

fn fingerprint_of<V: DeserializeOwned + 'static>(version: u32) -> Fingerprint {
    let key = (TypeId::of::<V>(), version);
    let known = FINGERPRINTS.read();
    if let Some(fingerprint) = known.as_ref().and_then(|known| known.get(&key)) {
        return *fingerprint;
    }
    drop(known);
    let traced = contained(|| schema::fingerprint::<V>(version));
    let fingerprint = traced.unwrap_or_else(|_| schema::untraced::<V>(version));
    if !fingerprint.is_traced() && !fingerprint.is_self_describing() {
        log::untraced(std::any::type_name::<V>());
    }
    let mut known = FINGERPRINTS.write();
    known.get_or_insert_default().insert(key, fingerprint);
    fingerprint
}

impl<V> Wire<V> {
    /// The fingerprint of the type, or why this codec cannot read it back.
    pub(crate) fn fingerprint(&self, version: u32) -> Result<u64, String> {
        let fingerprint = (self.fingerprint)(version);
        if self.codec == Codec::Postcard && fingerprint.is_self_describing() {
            return Err(format!(
                "postcard cannot read `{}` back, since it describes itself while it is read \
                 (`untagged`, `flatten` or a dynamic value); use `codec = Json`",
                std::any::type_name::<V>()
            ));
        }
        Ok(fingerprint.id())
    }

    /// The bytes of a value; a `Serialize` that panics is a reason like others.
    pub(crate) fn encode(&self, value: &V) -> Result<Vec<u8>, String> {
        contained(|| (self.encode)(value))
            .unwrap_or_else(|panic| Err(panicked::<V>("Serialize", &panic)))
    }

    /// The value of bytes; a `Deserialize` that panics is a reason like others.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<V, String> {
        contained(|| (self.decode)(bytes))
            .unwrap_or_else(|panic| Err(panicked::<V>("Deserialize", &panic)))
    }
}

fn panicked<V>(side: &str, panic: &str) -> String {
    format!("`{side}` of `{}` panicked: {panic}", std::any::type_name::<V>())
}
