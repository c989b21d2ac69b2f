//! How much of a value is read and written, by the number of its bytes, whatever its type.
//!
//! Bytes come from whoever can write into the backend. Two things in them are not bounded by how many there are:
//! how deep a value is nested, where its type contains itself, which costs stack and ends the process; and
//! how many elements a sequence claims, where an element may take no bytes, which costs time and memory.
//!
//! Invariant: what is written within these bounds is not refused for them when it is read.

use std::cell::Cell;
use std::fmt;

use serde::de;

/// Steps into a value, of which a thing inside of `Some` takes two, up to which it is written and read: each
/// takes some of the caller's stack, and overflowing that ends the process.
pub(super) const MAX_DEPTH: usize = 256;

/// So many elements of all the sequences and maps in one value may take no bytes, as `()` does.
const MOST_WEIGHTLESS: usize = 4_096;

/// How many elements all the sequences and maps have together, on every level, in so many bytes at most: one that
/// has bytes has one for itself, be it the length of a sequence in it.
fn most_elements(bytes: usize) -> usize {
    bytes.saturating_add(MOST_WEIGHTLESS)
}

/// The bytes of so many elements, unless they are too few to be read as so many.
pub(super) fn check(elements: usize, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let (len, most) = (bytes.len(), most_elements(bytes.len()));
    if elements <= most {
        return Ok(bytes);
    }
    Err(format!("it has {elements} elements, and of {len} bytes no more than {most} are read"))
}

/// What reading one value may use up.
pub(super) struct ReadingBudget<'de> {
    pub(super) left: Cell<&'de [u8]>,
    /// How many elements may be claimed still.
    elements: Cell<usize>,
    /// For how many of them room may be made before they are there.
    room: Cell<usize>,
    excess: Cell<Option<Excess>>,
}

/// Why bytes are not read on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Excess {
    Depth,
    /// So many elements, with so many bytes left for them.
    Elements(usize, usize),
}

impl<'de> ReadingBudget<'de> {
    pub(super) fn of(bytes: &'de [u8]) -> Self {
        Self {
            left: Cell::new(bytes),
            elements: Cell::new(most_elements(bytes.len())),
            room: Cell::new(bytes.len()),
            excess: Cell::new(None),
        }
    }

    /// Refuses more elements than the bytes can be.
    #[inline]
    pub(super) fn allow<E: de::Error>(&self, claimed: usize) -> Result<(), E> {
        let Some(left) = self.elements.get().checked_sub(claimed) else {
            return Err(self.refuse(Excess::Elements(claimed, self.left.get().len())));
        };
        self.elements.set(left);
        Ok(())
    }

    #[inline]
    pub(super) fn make_room(&self, claimed: usize) -> usize {
        let room = self.room.get();
        let granted = claimed.min(room);
        self.room.set(room - granted);
        granted
    }

    /// A format may keep no words of an error.
    #[cold]
    pub(super) fn refuse<E: de::Error>(&self, excess: Excess) -> E {
        self.excess.set(Some(excess));
        E::custom(excess)
    }

    /// Why it was refused, if it was.
    pub(super) fn excess(&self) -> Option<Excess> {
        self.excess.get()
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
