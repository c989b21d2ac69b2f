//! Entries as somebody would write them who has read how they are made.

use std::ops::Range;

/// What stands in an entry, by its bytes; see the table in `athena-core/src/envelope.rs`.
const VERSION: usize = 3;
const CODEC: usize = 4;
const KIND: usize = 5;
const FINGERPRINT: Range<usize> = 6..14;
const TTL: Range<usize> = 18..26;
const GRACE: Range<usize> = 26..34;
const HISTORY: Range<usize> = 34..42;
const NAMESPACE: Range<usize> = 42..50;
const HEAD: Range<usize> = 0..58;

/// An entry that the cache wrote, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Forgery {
    head: Vec<u8>,
    /// How many there are, as it says, and what stands there.
    tags: (u16, Vec<u8>),
    payload: Vec<u8>,
}

/// Changes an entry so that it is one no more, whatever its payload is.
pub(super) type Forge = fn(&mut Forgery);

/// What is no entry for who reads it, with a checksum that fits.
pub(super) const UNREADABLE: [(&str, Forge); 22] = [
    ("boxes in boxes", |it| it.payload = [1, 1].repeat(20_000)),
    ("boxes without an end", |it| it.payload = [1, 1].repeat(200)),
    ("2^62 parts", |it| it.payload = [&[1, 1][..], &[255; 8], &[63]].concat()),
    ("2^64 parts", |it| it.payload = [&[1, 1][..], &[255; 9], &[1]].concat()),
    ("two million marks", |it| it.payload = vec![1, 1, 0, 255, 255, 127, 0]),
    ("2^62 labels", |it| it.payload = [&[1, 1, 0, 0][..], &[255; 8], &[63]].concat()),
    ("a label of 2^62 bytes", |it| it.payload = [&[1, 1, 0, 0, 1][..], &[255; 8], &[63]].concat()),
    ("a part that there is not", |it| it.payload = vec![1, 1, 1, 200, 0, 0]),
    ("a label that is no text", |it| it.payload = vec![1, 1, 0, 0, 1, 2, 255, 254, 0]),
    ("junk", |it| it.payload = b"\xde\xad\xbe\xef".repeat(2_000)),
    ("nothing", |it| it.payload.clear()),
    ("more than there is of it", |it| it.payload.extend([0; 7])),
    ("65 535 tags", |it| it.tags = (65_535, [&[0; 2][..], &[1; 16]].concat().repeat(65_535))),
    ("1 025 tags", |it| it.tags = (1_025, [&[0; 2][..], &[1; 16]].concat().repeat(1_025))),
    ("65 535 tags that are not there", |it| it.tags.0 = 65_535),
    ("a tag of 60 000 bytes", |it| {
        it.tags = (1, [&60_000_u16.to_le_bytes()[..], &[b'a'; 60_000], &[1; 16]].concat());
    }),
    ("a tag that is no text", |it| it.tags = (1, [&[1, 0, 255][..], &[1; 16]].concat())),
    ("another version", |it| it.head[VERSION] = 200),
    ("another codec", |it| it.head[CODEC] ^= 1),
    ("another kind", |it| it.head[KIND] = 77),
    ("another type", |it| it.head[FINGERPRINT].reverse()),
    ("no generation", |it| it.head[NAMESPACE].fill(0)),
];

/// What is one still, and claims something else about itself than its payload.
pub(super) const CLAIMS: [(&str, Forge); 7] = [
    ("that there is nothing", |it| (it.head[KIND], it.payload) = (2, Vec::new())),
    ("that the load failed", |it| (it.head[KIND], it.payload) = (3, b"\xffjunk".to_vec())),
    ("a life without an end", |it| it.head[TTL].fill(255)),
    ("no life", |it| it.head[TTL].fill(0)),
    ("grace without an end", |it| it.head[GRACE].fill(255)),
    ("another history", |it| it.head[HISTORY].fill(7)),
    ("another generation", |it| it.head[NAMESPACE].fill(7)),
];

impl Forgery {
    /// Takes apart what the cache wrote; nothing of what is something else.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let bytes = without_term(bytes);
        let body = bytes.get(..bytes.len().checked_sub(4)?)?;
        let is_whole = body.starts_with(b"AtC\x03") && bytes[body.len()..] == checksum(body);
        let head = body.get(HEAD).filter(|_| is_whole)?.to_vec();
        let mut rest = body.get(HEAD.end..)?;
        let count = u16::from_le_bytes(take(&mut rest, 2)?.try_into().ok()?);
        let mut tags = Vec::new();
        for _ in 0..count {
            let length = take(&mut rest, 2)?;
            tags.extend(length);
            tags.extend(take(&mut rest, usize::from(u16::from_le_bytes(length.try_into().ok()?)))?);
            tags.extend(take(&mut rest, 16)?);
        }
        let payload = rest.get(4..)?.to_vec();
        Some(Self { head, tags: (count, tags), payload })
    }

    /// Its bytes, with lengths and a checksum that fit.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a length");
        let count = self.tags.0.to_le_bytes();
        let parts = [&self.head, &count[..], &self.tags.1, &length.to_le_bytes(), &self.payload];
        let mut bytes = parts.concat();
        bytes.extend(checksum(&bytes));
        bytes
    }
}

/// An entry without what Redis is told behind it of its end (`athena-redis/src/backend/term.rs`).
fn without_term(bytes: &[u8]) -> &[u8] {
    let is_told = bytes.ends_with(b"AtE") || bytes.ends_with(b"AtS");
    let end = bytes.len().checked_sub(27).filter(|_| is_told);
    end.map_or(bytes, |end| &bytes[..end])
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// The checksum that an entry ends with (CRC-32 as of IEEE 802.3).
fn checksum(bytes: &[u8]) -> [u8; 4] {
    const OF_BYTES: [u32; 256] = of_bytes();
    let crc = bytes.iter().fold(u32::MAX, |crc, &byte| {
        let [low, ..] = crc.to_le_bytes();
        (crc >> 8) ^ OF_BYTES[usize::from(low ^ byte)]
    });
    (!crc).to_le_bytes()
}

/// The checksums of single bytes.
const fn of_bytes() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte: u32 = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte, 0);
        while bit < 8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xedb8_8320 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}
