//! Values as bytes.
//!
//! Invariant: bytes are only ever read by the codec and the schema fingerprint that wrote them, and are
//! only written if they would be read as the same value. This module, with `binary`, is the one that names
//! postcard and JSON.
//!
//! | file | job |
//! |---|---|
//! | `binary` | postcard |
//! | `bounded`, `excess` | how deep and how numerous what is read may be |
//! | `watch` | writes a value while it is held against what its type reads |
//! | `notice` | what was noticed, and where |
//! | `room` | how long what is written may be |
//! | `likeness` | tells a value from the one that its bytes are read as |

mod binary;
mod bounded;
mod excess;
mod likeness;
mod notice;
mod room;
mod watch;

#[cfg(all(test, feature = "json"))]
mod tests;

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::notice::{FieldFinding, Notice, Trail, Watcher, Weight, short};
use self::room::Room;
use self::watch::Watched;
use crate::contained::contained;
use crate::excerpt::Excerpt;
use crate::lock::RwLock;
use crate::schema::{self, Fingerprint, Outline};
use crate::telemetry::log;

/// How values of one type are written and read; chosen with `codec = …`.
pub struct Wire<V> {
    coding: Coding,
    values: PhantomData<fn(V) -> V>,
}

impl<V> Clone for Wire<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Wire<V> {}

impl<V> fmt::Debug for Wire<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.coding.fmt(f)
    }
}

/// The same for those who do not know the type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coding {
    pub(crate) codec: Codec,
    name: fn() -> &'static str,
    fingerprint: fn(u32) -> Fingerprint,
    /// Writes what is of the type.
    encode: fn(&dyn Any, Room) -> Result<Vec<u8>, Unwritten>,
    /// Reads into an `Option` of the type.
    decode: fn(&[u8], &mut dyn Any) -> Result<(), String>,
}

/// Why there are no bytes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// They would be more than there is room for.
    TooLong,
    /// They would not be read as this value.
    Unfit(String),
}

impl From<String> for Unwritten {
    fn from(reason: String) -> Self {
        Self::Unfit(reason)
    }
}

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
        Self::new(Coding {
            codec: Codec::Postcard,
            name: type_name::<V>,
            fingerprint: fingerprint_of::<V>,
            encode: |value, room| to_postcard(typed::<V>(value)?, room),
            decode: |bytes, place| read_into(place, || binary::read::<V>(bytes)),
        })
    }

    /// JSON: for types that postcard cannot read back (untagged, flattened, `serde_json::Value`).
    #[cfg(feature = "json")]
    pub(crate) fn json() -> Self {
        Self::new(Coding {
            codec: Codec::Json,
            name: type_name::<V>,
            fingerprint: fingerprint_of::<V>,
            encode: |value, room| to_json(typed::<V>(value)?, room),
            decode: |bytes, place| read_into(place, || from_json::<V>(bytes)),
        })
    }

    fn new(coding: Coding) -> Self {
        Self { coding, values: PhantomData }
    }
}

/// A value of which only the type of this wire is known to come here.
fn typed<V: 'static>(value: &dyn Any) -> Result<&V, Unwritten> {
    value.downcast_ref().ok_or_else(|| Unwritten::Unfit(OTHER_TYPE.to_owned()))
}

fn read_into<V: 'static>(
    place: &mut dyn Any,
    read: impl FnOnce() -> Result<V, String>,
) -> Result<(), String> {
    let place: &mut Option<V> = place.downcast_mut().ok_or(OTHER_TYPE)?;
    *place = Some(read()?);
    Ok(())
}

/// Why a value is not written, or has no place where it is read.
const OTHER_TYPE: &str = "the entry is of another type";

fn to_postcard<V>(value: &V, mut room: Room) -> Result<Vec<u8>, Unwritten>
where
    V: Serialize + DeserializeOwned + 'static,
{
    let outline = outline_of::<V>(Codec::Postcard);
    let watcher = Watcher::new(&outline, FieldFinding::ByPosition);
    let trail = Trail::root(&watcher);
    let written = binary::write(&Watched::whole(value, &trail), &mut room);
    if room.is_exceeded() {
        return Err(Unwritten::TooLong);
    }
    let bytes = written.map(|()| room.into_bytes()).map_err(|error| excerpt(&error));
    let bytes = bytes.and_then(|bytes| excess::check(watcher.elements.get(), bytes));
    let written = Written { value, bytes, notice: watcher.into_notice() };
    Ok(written.judge(binary::read, false)?)
}

#[cfg(feature = "json")]
fn to_json<V>(value: &V, mut room: Room) -> Result<Vec<u8>, Unwritten>
where
    V: Serialize + DeserializeOwned + 'static,
{
    let outline = outline_of::<V>(Codec::Json);
    let watcher = Watcher::new(&outline, FieldFinding::ByName);
    let trail = Trail::root(&watcher);
    let written = serde_json::to_writer(&mut room, &Watched::whole(value, &trail));
    if room.is_exceeded() {
        return Err(Unwritten::TooLong);
    }
    let bytes = written.map(|()| room.into_bytes()).map_err(|error| excerpt(&error));
    let written = Written { value, bytes, notice: watcher.into_notice() };
    Ok(written.judge(from_json, true)?)
}

#[cfg(feature = "json")]
fn from_json<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, String> {
    serde_json::from_slice(bytes).map_err(|error| excerpt(&error))
}

/// Where to go with a value that postcard does not read back.
const FROM_POSTCARD: &str = "let both sides of the type agree, or use `codec = Json`";
/// Where to go with a value that JSON does not read back.
const FROM_JSON: &str = "let both sides of the type agree, or use `codec = Postcard`, which has a form for \
                         each value, or `tier = memory`";

/// A value that was written, and what was noticed meanwhile.
struct Written<'a, V> {
    value: &'a V,
    bytes: Result<Vec<u8>, String>,
    notice: Option<Notice>,
}

impl<V: Serialize> Written<'_, V> {
    /// The bytes, if they are read as the value that was written.
    fn judge(
        self,
        decode: fn(&[u8]) -> Result<V, String>,
        is_human_readable: bool,
    ) -> Result<Vec<u8>, String> {
        let name = type_name::<V>();
        let way_out = if is_human_readable { FROM_JSON } else { FROM_POSTCARD };
        let told = self.notice.as_ref().map(|notice| notice.tell(name));
        let (bytes, told) = match (self.bytes, told) {
            (_, Some(told)) if self.notice.is_some_and(|it| it.weight == Weight::Refused) => {
                return Err(told);
            }
            (Err(error), _) => {
                return Err(format!("`{}` cannot be written: {error}; {way_out}", short(name)));
            }
            (Ok(bytes), None) => return Ok(bytes),
            (Ok(bytes), Some(told)) => (bytes, told),
        };
        let again = match contained(|| decode(&bytes)) {
            Ok(Ok(again)) => again,
            Ok(Err(error)) => {
                return Err(format!("{told}, and cannot be read: {error}; {way_out}"));
            }
            Err(panic) => return Err(panicked("Deserialize", name, &panic)),
        };
        let likeness = |value| likeness::of(value, is_human_readable);
        let is_same = likeness(self.value).is_some_and(|it| likeness(&again) == Some(it));
        if is_same {
            Ok(bytes)
        } else {
            Err(format!("{told}, and is read as another value; {way_out}"))
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
        log::untraced(type_name::<V>());
    }
    let mut known = FINGERPRINTS.write();
    known.get_or_insert_default().insert(key, fingerprint);
    fingerprint
}

/// What the types of this process read, by codec.
type Outlines = HashMap<(TypeId, Codec), Arc<Outline>, FixedState>;

static OUTLINES: RwLock<Option<Outlines>> = RwLock::new(None);

fn outline_of<V: DeserializeOwned + 'static>(codec: Codec) -> Arc<Outline> {
    let key = (TypeId::of::<V>(), codec);
    let known = OUTLINES.read();
    if let Some(outline) = known.as_ref().and_then(|known| known.get(&key)) {
        return Arc::clone(outline);
    }
    drop(known);
    let traced = contained(|| match codec {
        Codec::Postcard => schema::outline::<V>(),
        #[cfg(feature = "json")]
        Codec::Json => schema::outline_of_text::<V>(),
    });
    let outline = Arc::new(traced.unwrap_or_else(|_| Outline::blank()));
    OUTLINES.write().get_or_insert_default().insert(key, Arc::clone(&outline));
    outline
}

impl Coding {
    /// The fingerprint of the type, or why this codec cannot read it back.
    pub(crate) fn fingerprint(&self, version: u32) -> Result<u64, String> {
        let fingerprint = (self.fingerprint)(version);
        if self.codec == Codec::Postcard && fingerprint.is_self_describing() {
            return Err(format!(
                "postcard cannot read `{}` back, since it describes itself while it is read \
                 (`untagged`, `flatten` or a dynamic value); use `codec = Json`",
                (self.name)()
            ));
        }
        Ok(fingerprint.id())
    }

    /// The bytes of a value, no more than `most`; a `Serialize` that panics is a reason like others.
    pub(crate) fn encode(&self, value: &dyn Any, most: usize) -> Result<Vec<u8>, Unwritten> {
        contained(|| (self.encode)(value, Room::of(most)))
            .unwrap_or_else(|panic| Err(panicked("Serialize", (self.name)(), &panic).into()))
    }

    /// Puts the value of bytes into an `Option` of its type; a `Deserialize` that panics is a reason like others.
    pub(crate) fn decode(&self, bytes: &[u8], place: &mut dyn Any) -> Result<(), String> {
        match contained(|| (self.decode)(bytes, place)) {
            Ok(decoded) => decoded.map_err(|error| undecodable((self.name)(), &error)),
            Err(panic) => Err(panicked("Deserialize", (self.name)(), &panic)),
        }
    }
}

impl<V> Wire<V> {
    /// The same for those who do not know the type.
    pub(crate) fn erased(self) -> Coding {
        self.coding
    }
}

/// For benches and tests.
#[doc(hidden)]
impl<V: 'static> Wire<V> {
    /// How many bytes a value is, if they are read as this value.
    pub fn written(&self, value: &V) -> Option<usize> {
        self.encode(value, usize::MAX).ok().map(|bytes| bytes.len())
    }

    /// The value of bytes, if they are one.
    pub fn read(&self, bytes: &[u8]) -> Option<V> {
        self.decode(bytes).ok()
    }

    pub(crate) fn encode(&self, value: &V, most: usize) -> Result<Vec<u8>, Unwritten> {
        self.coding.encode(value, most)
    }

    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<V, String> {
        let mut place = None;
        self.coding.decode(bytes, &mut place)?;
        place.ok_or_else(|| OTHER_TYPE.to_owned())
    }
}

/// What `Serialize` or `Deserialize` of a type of users says, which may be what stands in a value.
fn excerpt(error: &impl fmt::Display) -> String {
    Excerpt::of(error).into()
}

fn undecodable(name: &'static str, error: &str) -> String {
    let name = short(name);
    format!(
        "`{name}` cannot be read back: {error}; does its `Deserialize` refuse what its `Serialize` \
        writes, or has it changed without another `version`?"
    )
}

fn panicked(side: &str, name: &'static str, panic: &str) -> String {
    format!("`{side}` of `{name}` panicked: {panic}")
}
