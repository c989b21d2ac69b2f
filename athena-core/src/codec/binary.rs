//! postcard, within bounds that the bytes set, whatever the type.
//!
//! Bytes come from whoever can write into the backend. Two things in them are not bounded by how many there are: how
//! deep a value is nested, where its type contains itself, which costs stack and ends the process; and how
//! many elements a sequence claims, where an element may take no bytes, which costs time and memory.
//!
//! Invariant: what [`write`] makes of a value, [`read`] does not refuse for these bounds.

mod bounded;

use std::cell::Cell;
use std::fmt;

use postcard::{Deserializer, Error, Result, de_flavors, ser_flavors};
use serde::de::{self, DeserializeOwned};
use serde::ser::Serialize;

use self::bounded::Bounded;

/// Steps into a value, of which a thing inside of `Some` takes two, up to which it is written and read: each
/// takes some of the caller's stack, and overflowing that ends the process.
pub(super) const MAX_DEPTH: usize = 256;

/// So many elements of all the sequences and maps in one value may take no bytes, as `()` does.
const MOST_WEIGHTLESS: usize = 4_096;

/// How many elements without bytes one value may have still.
#[derive(Debug)]
pub(super) struct Weightless(Cell<usize>);

/// What reading one value may use up.
struct Budget<'de> {
    left: Cell<&'de [u8]>,
    /// For how many elements room may be made before they are there: all of them, on every level, are no
    /// more than the bytes.
    room: Cell<usize>,
    weightless: Weightless,
    excess: Cell<Option<Excess>>,
}

/// Why bytes are not read on.
#[derive(Debug, Clone, Copy)]
enum Excess {
    Depth,
    /// So many elements, with so many bytes left for them.
    Elements(usize, usize),
}

/// Reads and writes are counted where the format takes and gives its bytes.
struct Source<'de>(&'de Cell<&'de [u8]>);

struct Sink<'a> {
    bytes: Vec<u8>,
    written: &'a Cell<usize>,
}

/// The value that all the bytes are.
pub(super) fn read<V: DeserializeOwned>(bytes: &[u8]) -> std::result::Result<V, String> {
    let budget = Budget {
        left: Cell::new(bytes),
        room: Cell::new(bytes.len()),
        weightless: Weightless::default(),
        excess: Cell::new(None),
    };
    let mut format = Deserializer::from_flavor(Source(&budget.left));
    let read = V::deserialize(Bounded::whole(&mut format, &budget));
    match (read, budget.left.get()) {
        (Ok(value), []) => Ok(value),
        (Ok(_), rest) => Err(format!("{} bytes are left over", rest.len())),
        (Err(error), _) => Err(match budget.excess.get() {
            Some(excess) => excess.to_string(),
            None => error.to_string(),
        }),
    }
}

/// The bytes of a value; `written` tells meanwhile how many there are.
pub(super) fn write<V: Serialize + ?Sized>(value: &V, written: &Cell<usize>) -> Result<Vec<u8>> {
    postcard::serialize_with_flavor(value, Sink { bytes: Vec::new(), written })
}

impl Default for Weightless {
    fn default() -> Self {
        Self(Cell::new(MOST_WEIGHTLESS))
    }
}

impl Weightless {
    /// Whether there may be so many elements that have, or may have, so many bytes together.
    pub(super) fn allow(&self, elements: usize, bytes: usize) -> bool {
        let left = self.0.get().checked_sub(elements.saturating_sub(bytes));
        self.0.set(left.unwrap_or_default());
        left.is_some()
    }
}

impl Budget<'_> {
    #[inline]
    fn make_room(&self, claimed: usize) -> usize {
        let room = self.room.get();
        let granted = claimed.min(room);
        self.room.set(room - granted);
        granted
    }

    /// postcard keeps no words of an error.
    #[cold]
    fn refuse<E: de::Error>(&self, excess: Excess) -> E {
        self.excess.set(Some(excess));
        E::custom(excess)
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth => write!(f, "is nested deeper than {MAX_DEPTH} steps"),
            Self::Elements(claimed, left) => {
                write!(f, "claims {claimed} elements, with {left} bytes left for them")
            }
        }
    }
}

impl<'de> de_flavors::Flavor<'de> for Source<'de> {
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

impl ser_flavors::Flavor for Sink<'_> {
    type Output = Vec<u8>;

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(data);
        self.written.set(self.bytes.len());
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> Result<()> {
        self.bytes.push(data);
        self.written.set(self.bytes.len());
        Ok(())
    }

    fn finalize(self) -> Result<Vec<u8>> {
        Ok(self.bytes)
    }
}
