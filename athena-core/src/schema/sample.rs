//! Made-up values, the plainest first.
//!
//! They never reach a digest: adding one cannot change a fingerprint, unless a type refuses all
//! others and hides something behind that.

use super::shape::Scalar;

/// Lengths of made-up sequences and maps.
pub(super) const LENGTHS: [usize; 12] = [0, 1, 2, 3, 4, 8, 12, 16, 20, 24, 32, 64];

const INTEGERS: [i64; 28] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    10,
    12,
    16,
    24,
    31,
    32,
    60,
    64,
    100,
    127,
    -1,
    255,
    1_000,
    1_970,
    2_000,
    65_535,
    1_000_000,
    1_000_000_000,
    1_000_000_000_000,
];

const FLOATS: [f32; 6] = [0.0, 1.0, 0.5, 2.0, 100.0, -1.0];

const CHARS: [char; 6] = ['a', 'A', '0', ' ', '-', 'é'];

const STRINGS: [&str; 54] = [
    "",
    "0",
    "a",
    "1",
    "A",
    "aa",
    "2000-01-01T00:00:00Z",
    "2000-01-01",
    "00:00:00",
    "2000-01-01T00:00:00",
    "2000-01-01T00:00:00+00:00[UTC]",
    "2000-01-01 00:00:00",
    "2000-01-01 00:00:00.0 +00:00:00",
    "Sat, 01 Jan 2000 00:00:00 GMT",
    "UTC",
    "+00:00",
    "Europe/Berlin",
    "1s",
    "PT1S",
    "127.0.0.1",
    "::1",
    "127.0.0.1:80",
    "[::1]:80",
    "127.0.0.0/8",
    "::/0",
    "00:00:00:00:00:00",
    "00000000-0000-0000-0000-000000000000",
    "00000000000000000000000000",
    "000000000000000000000000",
    "00000000000000000000000000000000",
    "0000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "http://a/",
    "https://example.com/",
    "example.com",
    "a@example.com",
    "mailto:a@example.com",
    "+12025550100",
    "1.0.0",
    "1.0",
    "*",
    "text/plain",
    "US",
    "USA",
    "USD",
    "en",
    "en-US",
    "#000000",
    "0x0",
    "0000",
    "AAAA",
    "/a",
    "true",
    "GET",
];

const ZEROS: [u8; 64] = [0; 64];

/// Bytes are zeros, in these numbers.
const BYTES: [usize; 12] = [0, 16, 4, 1, 2, 3, 8, 12, 20, 24, 32, 64];

/// How many samples there are for `scalar`.
pub(super) fn count(scalar: Scalar) -> usize {
    match scalar {
        Scalar::Bool => 2,
        Scalar::I8 => integers::<i8>().count(),
        Scalar::I16 => integers::<i16>().count(),
        Scalar::I32 => integers::<i32>().count(),
        Scalar::U8 => integers::<u8>().count(),
        Scalar::U16 => integers::<u16>().count(),
        Scalar::U32 => integers::<u32>().count(),
        Scalar::U64 | Scalar::U128 => integers::<u64>().count(),
        Scalar::I64 | Scalar::I128 => INTEGERS.len(),
        Scalar::F32 | Scalar::F64 => FLOATS.len(),
        Scalar::Char => CHARS.len(),
        Scalar::Str => STRINGS.len(),
        Scalar::Bytes => BYTES.len(),
    }
}

pub(super) fn boolean(at: usize) -> bool {
    at == 1
}

/// Sample `at` among those that fit into `T`.
pub(super) fn integer<T: TryFrom<i64> + Default>(at: usize) -> T {
    integers().nth(at).unwrap_or_default()
}

pub(super) fn float(at: usize) -> f32 {
    FLOATS.get(at).copied().unwrap_or_default()
}

pub(super) fn character(at: usize) -> char {
    CHARS.get(at).copied().unwrap_or('a')
}

pub(super) fn string(at: usize) -> &'static str {
    STRINGS.get(at).copied().unwrap_or_default()
}

pub(super) fn bytes(at: usize) -> &'static [u8] {
    BYTES.get(at).and_then(|&len| ZEROS.get(..len)).unwrap_or_default()
}

fn integers<T: TryFrom<i64>>() -> impl Iterator<Item = T> {
    INTEGERS.iter().filter_map(|&value| T::try_from(value).ok())
}
