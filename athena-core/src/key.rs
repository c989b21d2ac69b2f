//! The full name of one entry inside a cache.
//!
//! Invariant: two keys are equal only if site and arguments are, or if both were named by hand with
//! the same text, which two functions do only where both say so (`claims`).

use std::fmt;

use smallvec::SmallVec;

pub(crate) mod claims;
pub(crate) mod encode;
pub(crate) mod name;
pub(crate) mod part;
pub(crate) mod site;

/// Bytes that name an entry in this process; no allocation up to 64 of them.
///
/// `0` and the text for an entry named by hand; `1`, the site's number and the encoded arguments
/// for one named by a function and its arguments. Entries that are kept in this process alone are others
/// than shared ones of the same name: a flag in the first byte tells them apart.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(SmallVec<[u8; 64]>);

const NAMED: u8 = 0;
const DERIVED: u8 = 1;
const LOCAL: u8 = 0x80;

impl Key {
    pub(crate) fn named(text: &str) -> Self {
        let mut bytes = SmallVec::new();
        bytes.push(NAMED);
        bytes.extend_from_slice(text.as_bytes());
        Self(bytes)
    }

    #[inline]
    pub(crate) fn derived(site: u32) -> Self {
        let mut bytes = SmallVec::new();
        bytes.push(DERIVED);
        bytes.extend_from_slice(&site.to_le_bytes());
        Self(bytes)
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The entry of this name that is kept in this process alone.
    pub(crate) fn local(mut self) -> Self {
        self.kind(|kind| kind | LOCAL);
        self
    }

    /// The entry of this name that is shared through a backend.
    pub(crate) fn shared(mut self) -> Self {
        self.kind(|kind| kind & !LOCAL);
        self
    }

    /// Whether it is that of an entry that is kept in this process alone.
    pub(crate) fn is_local(&self) -> bool {
        self.0.first().is_some_and(|kind| kind & LOCAL != 0)
    }

    fn kind(&mut self, change: impl Fn(u8) -> u8) {
        if let Some(kind) = self.0.first_mut() {
            *kind = change(*kind);
        }
    }

    /// Where the encoded arguments go.
    pub(crate) fn arguments(&mut self) -> &mut SmallVec<[u8; 64]> {
        &mut self.0
    }

    /// Where the text of a name goes; what the key was derived from so far is forgotten.
    pub(crate) fn name(&mut self) -> &mut SmallVec<[u8; 64]> {
        let reach = self.0.first().map_or(0, |kind| kind & LOCAL);
        if self.0.first() != Some(&(NAMED | reach)) {
            self.0.clear();
            self.0.push(NAMED | reach);
        }
        &mut self.0
    }

    fn parts(&self) -> Parts<'_> {
        match self.0.as_slice() {
            [kind, a, b, c, d, arguments @ ..] if kind & !LOCAL == DERIVED => {
                Parts::Derived { site: u32::from_le_bytes([*a, *b, *c, *d]), arguments }
            }
            [_, text @ ..] => Parts::Named(text),
            [] => Parts::Named(&[]),
        }
    }
}

/// Shows nothing of what it is made of.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

enum Parts<'a> {
    Named(&'a [u8]),
    Derived { site: u32, arguments: &'a [u8] },
}
