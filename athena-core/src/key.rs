//! The full name of one entry inside a cache.
//!
//! Invariant: two keys are equal only if site and arguments are, or if both were named by hand with
//! the same text.

use smallvec::SmallVec;

pub(crate) mod encode;
pub(crate) mod name;
pub(crate) mod site;

/// Bytes that name an entry in this process; no allocation up to 64 of them.
///
/// `0` and the text for an entry named by hand; `1`, the site's number and the encoded arguments
/// for one named by a function and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(SmallVec<[u8; 64]>);

const NAMED: u8 = 0;
const DERIVED: u8 = 1;

impl Key {
    pub(crate) fn named(text: &str) -> Self {
        let mut bytes = SmallVec::new();
        bytes.push(NAMED);
        bytes.extend_from_slice(text.as_bytes());
        Self(bytes)
    }

    pub(crate) fn derived(site: u32) -> Self {
        let mut bytes = SmallVec::new();
        bytes.push(DERIVED);
        bytes.extend_from_slice(&site.to_le_bytes());
        Self(bytes)
    }

    /// Where the encoded arguments go.
    pub(crate) fn arguments(&mut self) -> &mut SmallVec<[u8; 64]> {
        &mut self.0
    }

    /// Where the text of a name goes; what the key was derived from so far is forgotten.
    pub(crate) fn name(&mut self) -> &mut SmallVec<[u8; 64]> {
        if self.0.first() != Some(&NAMED) {
            self.0.clear();
            self.0.push(NAMED);
        }
        &mut self.0
    }

    fn parts(&self) -> Parts<'_> {
        match self.0.as_slice() {
            [DERIVED, a, b, c, d, arguments @ ..] => {
                Parts::Derived { site: u32::from_le_bytes([*a, *b, *c, *d]), arguments }
            }
            [_, text @ ..] => Parts::Named(text),
            [] => Parts::Named(&[]),
        }
    }
}

enum Parts<'a> {
    Named(&'a [u8]),
    Derived { site: u32, arguments: &'a [u8] },
}
