//! Bytes as they are written, no more than there is room for.
//!
//! Whoever calls may hold a value that is many times as large as what a backend takes. So writing ends at the limit,
//! and not when all of it is there.
//!
//! Invariant: no more is held than there is room for, whatever the code of the value does with errors.

#[cfg(feature = "json")]
use std::io;

use postcard::{Error, Result, ser_flavors};

/// What a value is written into.
#[derive(Debug)]
pub(super) struct Room {
    bytes: Vec<u8>,
    most: usize,
    /// Whether more was to be written: a `Serialize` may go on as if it had been.
    is_exceeded: bool,
}

impl Room {
    pub(super) fn of(most: usize) -> Self {
        Self { bytes: Vec::new(), most, is_exceeded: false }
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Adds bytes, unless there is no room for them or was none for others.
    fn add(&mut self, more: &[u8]) -> bool {
        let left = self.most.saturating_sub(self.bytes.len());
        self.is_exceeded |= more.len() > left;
        if !self.is_exceeded {
            self.grow(more.len());
            self.bytes.extend_from_slice(more);
        }
        !self.is_exceeded
    }

    /// Twice as large each time, but not beyond the limit.
    fn grow(&mut self, more: usize) {
        let (len, needed) = (self.bytes.len(), self.bytes.len().saturating_add(more));
        if needed > self.bytes.capacity() {
            let doubled = self.bytes.capacity().saturating_mul(2).max(64).min(self.most);
            self.bytes.reserve_exact(doubled.max(needed) - len);
        }
    }
}

impl ser_flavors::Flavor for &mut Room {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> Result<()> {
        if self.add(data) { Ok(()) } else { Err(Error::SerializeBufferFull) }
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> Result<()> {
        Ok(())
    }
}

#[cfg(feature = "json")]
impl io::Write for &mut Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.add(bytes) { Ok(bytes.len()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_takes_what_it_has_room_for_and_holds_no_more() {
        for most in [0, 1, 63, 64, 65, 1_000] {
            for piece in [1, 7, 64, 2_000] {
                let mut room = Room::of(most);
                let mut taken = 0;
                while room.add(&vec![7; piece]) {
                    taken += piece;
                    assert!(room.bytes.capacity() <= most, "{most} {piece}");
                }
                assert_eq!(taken, most / piece * piece);
                assert!(room.is_exceeded() && !room.add(&[]), "nothing follows what is left out");
                assert_eq!(room.into_bytes().len(), taken);
            }
        }
    }
}
