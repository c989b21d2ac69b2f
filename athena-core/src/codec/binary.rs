//! postcard, within bounds.
//!
//! Invariant: what is written under watch is not refused for its bounds when it is read.

use std::cell::Cell;

use postcard::{Deserializer, Error, Result, de_flavors};
use serde::de::DeserializeOwned;
use serde::ser::Serialize;

use super::bounded::Bounded;
use super::excess::ReadingBudget;
use super::room::Room;

/// Bytes that are to be read; how many are left is seen by whoever bounds the reading.
struct Input<'de>(&'de Cell<&'de [u8]>);

/// The value that all the bytes are.
pub(super) fn read<V: DeserializeOwned>(bytes: &[u8]) -> std::result::Result<V, String> {
    let budget = ReadingBudget::of(bytes);
    let mut format = Deserializer::from_flavor(Input(&budget.left));
    let read = V::deserialize(Bounded::whole(&mut format, &budget));
    match (read, budget.left.get()) {
        (Ok(value), []) => Ok(value),
        (Ok(_), rest) => Err(format!("{} bytes are left over", rest.len())),
        (Err(error), _) => Err(match budget.excess() {
            Some(excess) => excess.to_string(),
            None => error.to_string(),
        }),
    }
}

/// Writes the bytes of a value, as far as there is room for them.
pub(super) fn write<V: Serialize + ?Sized>(value: &V, room: &mut Room) -> Result<()> {
    postcard::serialize_with_flavor(value, room)
}

impl<'de> de_flavors::Flavor<'de> for Input<'de> {
    type Remainder = ();
    type Source = ();

    #[inline]
    fn pop(&mut self) -> Result<u8> {
        let (first, rest) = self.0.get().split_first().ok_or(Error::DeserializeUnexpectedEnd)?;
        self.0.set(rest);
        Ok(*first)
    }

    #[inline]
    fn try_take_n(&mut self, count: usize) -> Result<&'de [u8]> {
        let taken = self.0.get().split_at_checked(count);
        let (taken, rest) = taken.ok_or(Error::DeserializeUnexpectedEnd)?;
        self.0.set(rest);
        Ok(taken)
    }

    fn finalize(self) -> Result<()> {
        Ok(())
    }
}
