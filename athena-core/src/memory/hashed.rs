//! An entry's name as moka knows it: the hash of its key.
//!
//! Invariant: it is hashed to itself, so that moka and the front tell entries apart by the same number.

use std::hash::Hasher;

/// What moka knows of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct HashedKey(pub(super) u64);

/// Of what is a hash already.
#[derive(Debug, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
