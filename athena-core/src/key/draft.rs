//! A key under construction, on the stack of its call.
//!
//! Invariant: nothing is allocated as long as it is short, and its bytes are at hand at every time, so that a hit
//! is found by them and no key is made for it.

use std::fmt;

use super::encode::Sink;
use super::{DERIVED, Key, LOCAL, NAMED, shortened};

/// Bytes that take no allocation.
const SHORT: usize = 64;

/// The bytes of a [`Key`], as far as they are written.
pub(crate) struct KeyDraft {
    short: [u8; SHORT],
    /// How many of the short ones are written.
    len: usize,
    /// All of them, once they are too many.
    long: Vec<u8>,
}

impl KeyDraft {
    /// That of a function; its arguments come next.
    #[inline]
    pub(crate) fn derived(site: u32, local: bool) -> Self {
        let mut draft = Self::empty();
        let [a, b, c, d] = site.to_le_bytes();
        let kind = if local { DERIVED | LOCAL } else { DERIVED };
        draft.short[..5].copy_from_slice(&[kind, a, b, c, d]);
        draft.len = 5;
        draft
    }

    /// That of an entry which is named by hand, shortened if it is long.
    #[inline]
    pub(crate) fn named(text: &str) -> Self {
        let mut draft = Self::empty();
        draft.push(NAMED);
        draft.put(text.as_bytes());
        draft.shorten();
        draft
    }

    #[inline]
    fn empty() -> Self {
        Self { short: [0; SHORT], len: 0, long: Vec::new() }
    }

    /// Begins the text of a name; what the key was derived from so far is forgotten.
    #[inline]
    pub(crate) fn begin_name(&mut self) {
        let reach = self.short[0] & LOCAL;
        self.long = Vec::new();
        self.short[0] = NAMED | reach;
        self.len = 1;
    }

    /// Has it name what is kept in this process alone, or what is shared.
    #[inline]
    pub(crate) fn set_local(&mut self, local: bool) {
        let reach = |kind: u8| if local { kind | LOCAL } else { kind & !LOCAL };
        self.short[0] = reach(self.short[0]);
        if let Some(kind) = self.long.first_mut() {
            *kind = reach(*kind);
        }
    }

    /// The bytes, by which it is found; of a long one only once it is [`shortened`](Self::shorten).
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.len] } else { &self.long }
    }

    /// Has a digest stand in place of what is long.
    #[inline]
    pub(crate) fn shorten(&mut self) {
        if let Some(short) = shortened(&self.long) {
            self.long = short;
        }
    }

    /// The key, with a digest in place of what is long.
    pub(crate) fn sealed(&mut self) -> Key {
        self.shorten();
        self.whole()
    }

    /// The key with all that was written.
    pub(crate) fn whole(&self) -> Key {
        Key(self.bytes().into())
    }

    #[cold]
    #[inline(never)]
    fn spill(&mut self, bytes: &[u8]) {
        if self.long.is_empty() {
            self.long.extend_from_slice(&self.short[..self.len]);
        }
        self.long.extend_from_slice(bytes);
    }
}

impl Key {
    /// That of an entry which is named by hand.
    pub(crate) fn named(text: &str) -> Self {
        KeyDraft::named(text).sealed()
    }
}

impl Sink for KeyDraft {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        match self.short.get_mut(self.len..self.len + bytes.len()) {
            Some(room) if self.long.is_empty() => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            _ => self.spill(bytes),
        }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        match self.short.get_mut(self.len) {
            Some(room) if self.long.is_empty() => {
                *room = byte;
                self.len += 1;
            }
            _ => self.spill(&[byte]),
        }
    }
}

impl fmt::Write for KeyDraft {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// Shows nothing of what it is made of.
impl fmt::Debug for KeyDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyDraft").finish_non_exhaustive()
    }
}
