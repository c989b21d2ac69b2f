//! The full name of one entry inside a cache.
//!
//! Invariant: two keys are equal only if site and arguments are, or if both were named by hand with
//! the same text, which two functions do only where both say so (`claims`).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub(crate) mod claims;
pub(crate) mod compact;
pub(crate) mod draft;
pub(crate) mod encode;
pub(crate) mod group;
pub(crate) mod labels;
pub(crate) mod name;
mod near;
pub(crate) mod part;
pub(crate) mod secret;
pub(crate) mod site;

/// Bytes that name an entry in this process; all that name one share them.
///
/// `0` and the text for an entry named by hand; `1`, the site's number and the encoded arguments
/// for one named by a function and its arguments. Entries that are kept in this process alone are others
/// than shared ones of the same name: a flag in the first byte tells them apart. Another flag says that a
/// digest stands in place of a text or arguments that are long, behind what the text begins with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key(Arc<[u8]>);

const NAMED: u8 = 0;
const DERIVED: u8 = 1;
const LOCAL: u8 = 0x80;
const DIGESTED: u8 = 0x40;
/// Longest key that is kept as it is, in bytes: who asks may choose its arguments, and a key is kept for as
/// long as its entry.
const LONGEST: usize = 256;
/// So much of a long text is kept: by its first word people know what it names.
const BEGINNING: usize = 32;
/// Bytes of a SHA-256 digest that are kept.
const DIGEST: usize = 20;

impl Key {
    /// The bytes, by which it is found.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Has a digest stand in place of what is long; equal keys stay equal, and others different.
    ///
    /// Then [`given`](Self::given) is not known any more.
    pub(crate) fn shorten(&mut self) {
        if let Some(short) = shortened(&self.0) {
            self.0 = short.into();
        }
    }

    /// The entry of this name that is kept in this process alone.
    pub(crate) fn local(self) -> Self {
        self.with_kind(|kind| kind | LOCAL)
    }

    /// The entry of this name that is shared through a backend.
    pub(crate) fn shared(self) -> Self {
        self.with_kind(|kind| kind & !LOCAL)
    }

    /// Whether it is that of an entry that is kept in this process alone.
    pub(crate) fn is_local(&self) -> bool {
        self.0.first().is_some_and(|kind| kind & LOCAL != 0)
    }

    fn with_kind(self, change: impl Fn(u8) -> u8) -> Self {
        match self.0.first() {
            Some(kind) if change(*kind) != *kind => {
                let mut bytes = self.0.to_vec();
                bytes[0] = change(bytes[0]);
                Self(bytes.into())
            }
            _ => self,
        }
    }

    fn parts(&self) -> Parts<'_> {
        parts(&self.0)
    }
}

/// As [`find`](crate::memory::MemoryTier::find) does by the bytes alone.
impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// Shows nothing of what it is made of.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

/// What stands in place of a key that is long.
#[inline]
fn shortened(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() > LONGEST { digested(bytes) } else { None }
}

#[cold]
#[inline(never)]
fn digested(bytes: &[u8]) -> Option<Vec<u8>> {
    let kind = bytes[0] | DIGESTED;
    match parts(bytes) {
        Parts::Named(text) => {
            let beginning = &text[..BEGINNING.min(text.len())];
            Some([&[kind][..], beginning, &name::digest(&[text])].concat())
        }
        Parts::Derived { site, arguments } => {
            let digest = name::digest(&[site::name(site).as_bytes(), arguments]);
            Some([&[kind][..], &site.to_le_bytes(), &digest].concat())
        }
        Parts::NamedDigest { .. } | Parts::DerivedDigest { .. } => None,
    }
}

enum Parts<'a> {
    Named(&'a [u8]),
    Derived { site: u32, arguments: &'a [u8] },
    NamedDigest { beginning: &'a [u8], digest: &'a [u8] },
    DerivedDigest { site: u32, digest: &'a [u8] },
}

fn parts(bytes: &[u8]) -> Parts<'_> {
    match bytes {
        [kind, a, b, c, d, arguments @ ..] if kind & !(LOCAL | DIGESTED) == DERIVED => {
            let site = u32::from_le_bytes([*a, *b, *c, *d]);
            match kind & DIGESTED {
                0 => Parts::Derived { site, arguments },
                _ => Parts::DerivedDigest { site, digest: arguments },
            }
        }
        [kind, text @ ..] if kind & DIGESTED != 0 => {
            let (beginning, digest) = text.split_at(text.len().saturating_sub(DIGEST));
            Parts::NamedDigest { beginning, digest }
        }
        [_, text @ ..] => Parts::Named(text),
        [] => Parts::Named(&[]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::draft::KeyDraft;
    use super::encode::Sink;
    use super::*;

    fn whole(text: &str) -> Key {
        let mut key = KeyDraft::derived(0, false);
        key.begin_name();
        key.put(text.as_bytes());
        key.whole()
    }

    fn called(argument: &[u8]) -> Key {
        let mut key = KeyDraft::derived(0, false);
        key.put(argument);
        key.whole()
    }

    fn shortened(mut key: Key) -> Key {
        key.shorten();
        key
    }

    #[test]
    fn a_long_key_is_kept_as_a_digest_under_the_same_name_in_a_backend() {
        let (text, argument) = (format!("user:{}", "x".repeat(100_000)), vec![7; 100_000]);
        for key in
            [whole(&text), called(&argument), whole(&text).local(), called(&argument).local()]
        {
            let short = shortened(key.clone());
            assert!(short.0.len() <= 64, "{}", short.0.len());
            assert_eq!(short.readable(), key.readable());
            assert_eq!(short.function(), key.function());
            assert_eq!(short.is_local(), key.is_local());
            assert_eq!(shortened(short.clone()).0, short.0, "once is enough");
            assert_eq!(short.clone().local().shared().0, short.shared().0);
        }
        let short = Key::named(&text);
        assert!(short.text().is_some_and(|it| it.starts_with("user:xx")));
        let cut = Key::named(&"ä".repeat(200));
        assert!(cut.text().is_some_and(|it| it.chars().all(|it| it == 'ä')));
    }

    #[test]
    fn a_key_that_is_not_long_is_kept_as_it_is() {
        let text = "x".repeat(LONGEST - 1);
        assert_eq!(Key::named(&text).given(), text);
        assert_eq!(
            Key::named(&format!("{text}x")).given(),
            Key::named(&format!("{text}x")).readable()
        );
    }

    proptest! {
        #[test]
        fn short_keys_are_equal_where_long_ones_are(
            a in "[a-c:]{250,262}", b in "[a-c:]{250,262}", same in any::<bool>()
        ) {
            let b = if same { &a } else { &b };
            prop_assert_eq!(Key::named(&a) == Key::named(b), a == *b);
            let [one, other] = [a.as_bytes(), b.as_bytes()].map(|it| shortened(called(it)));
            prop_assert_eq!(one == other, a == *b);
            prop_assert!(Key::named(&a).local() != Key::named(&a));
        }
    }
}
