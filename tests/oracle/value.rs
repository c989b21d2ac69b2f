//! What is cached: a value that tells what it is, and takes its time to be decoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::random::mix;

/// An item at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub(crate) struct Value {
    pub(crate) item: u32,
    pub(crate) version: u32,
    /// The longest that decoding it takes, in microseconds.
    decoding: u32,
    /// Shared, so that a copy of a large value takes no time.
    #[serde(serialize_with = "as_text")]
    padding: Arc<str>,
    /// How long that is.
    bytes: u32,
}

/// The same as it is written.
#[derive(Deserialize)]
struct Written {
    item: u32,
    version: u32,
    decoding: u32,
    padding: String,
    bytes: u32,
}

/// Makes the time of each decoding another one.
static DECODED: AtomicU64 = AtomicU64::new(0);

impl Value {
    pub(crate) fn new(item: usize, version: u32, decoding: Duration, bytes: usize) -> Self {
        let item = u32::try_from(item).expect("few items");
        let decoding = u32::try_from(decoding.as_micros()).expect("a short time");
        let padding = letter(version).repeat(bytes).into();
        let bytes = u32::try_from(bytes).expect("a short text");
        Self { item, version, decoding, padding, bytes }
    }

    /// Whether it is as it was made, as far as its ends tell.
    pub(crate) fn is_whole(&self) -> bool {
        let (padding, letter) = (&self.padding, letter(self.version));
        let ends_well =
            padding.is_empty() || padding.starts_with(letter) && padding.ends_with(letter);
        ends_well && u32::try_from(padding.len()) == Ok(self.bytes)
    }
}

/// What the padding of a version is made of.
fn letter(version: u32) -> &'static str {
    ["a", "b", "c", "d", "e"][version as usize % 5]
}

fn as_text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl From<Written> for Value {
    /// Others change things meanwhile.
    fn from(Written { item, version, decoding, padding, bytes }: Written) -> Self {
        let count = DECODED.fetch_add(1, Ordering::Relaxed);
        let pause = mix((u64::from(item) << 32) ^ u64::from(version) ^ mix(count));
        std::thread::sleep(Duration::from_micros(pause % (u64::from(decoding) + 1)));
        Self { item, version, decoding, padding: padding.into(), bytes }
    }
}
