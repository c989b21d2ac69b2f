//! What is cached: a value that tells what it is, and takes its time to be decoded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::random::mix;

/// An item at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub(crate) struct Value {
    pub(crate) item: u32,
    pub(crate) version: u32,
    /// The longest that decoding it takes, in microseconds.
    decoding: u32,
    padding: Vec<u8>,
}

/// The same as it is written.
#[derive(Deserialize)]
struct Written {
    item: u32,
    version: u32,
    decoding: u32,
    padding: Vec<u8>,
}

/// Makes the time of each decoding another one.
static DECODED: AtomicU64 = AtomicU64::new(0);

impl Value {
    pub(crate) fn new(item: usize, version: u32, decoding: Duration) -> Self {
        let item = u32::try_from(item).expect("few items");
        let decoding = u32::try_from(decoding.as_micros()).expect("a short time");
        let padding = vec![b'.'; usize::try_from(version % 64).unwrap_or(0)];
        Self { item, version, decoding, padding }
    }
}

impl From<Written> for Value {
    /// Others change things meanwhile.
    fn from(Written { item, version, decoding, padding }: Written) -> Self {
        let count = DECODED.fetch_add(1, Ordering::Relaxed);
        let pause = mix((u64::from(item) << 32) ^ u64::from(version) ^ mix(count));
        std::thread::sleep(Duration::from_micros(pause % (u64::from(decoding) + 1)));
        Self { item, version, decoding, padding }
    }
}
