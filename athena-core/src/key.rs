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
/// than shared ones of the same name: a flag in the first byte tells them apart. Another flag says that a
/// digest stands in place of a text or arguments that are long, behind what the text begins with.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(SmallVec<[u8; 64]>);

const NAMED: u8 = 0;
const DERIVED: u8 = 1;
const LOCAL: u8 = 0x80;
const DIGESTED: u8 = 0x40;
/// Longest key that is kept as it is, in bytes: who asks may choose its arguments, and a key is kept for as
/// long as its entry, in several places.
const LONGEST: usize = 256;
/// So much of a long text is kept: by its first word people know what it names.
const BEGINNING: usize = 32;
/// Bytes of a SHA-256 digest that are kept.
const DIGEST: usize = 20;

impl Key {
    pub(crate) fn named(text: &str) -> Self {
        let mut bytes = SmallVec::new();
        bytes.push(NAMED);
        bytes.extend_from_slice(text.as_bytes());
        let mut key = Self(bytes);
        key.shorten();
        key
    }

    /// Has a digest stand in place of what is long; equal keys stay equal, and others different.
    ///
    /// Nothing is added afterwards, and [`given`](Self::given) is not known any more.
    #[inline]
    pub(crate) fn shorten(&mut self) {
        if self.0.len() > LONGEST {
            self.digest();
        }
    }

    #[cold]
    #[inline(never)]
    fn digest(&mut self) {
        let kind = self.0[0] | DIGESTED;
        let short: SmallVec<_> = match self.parts() {
            Parts::Named(text) => {
                let beginning = &text[..BEGINNING.min(text.len())];
                [&[kind][..], beginning, &name::digest(&[text])].concat().into()
            }
            Parts::Derived { site, arguments } => {
                let digest = name::digest(&[site::name(site).as_bytes(), arguments]);
                [&[kind][..], &site.to_le_bytes(), &digest].concat().into()
            }
            Parts::NamedDigest { .. } | Parts::DerivedDigest { .. } => return,
        };
        self.0 = short;
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
    NamedDigest { beginning: &'a [u8], digest: &'a [u8] },
    DerivedDigest { site: u32, digest: &'a [u8] },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &str) -> Key {
        let mut key = Key::derived(0);
        key.name().extend_from_slice(text.as_bytes());
        key
    }

    fn called(argument: &[u8]) -> Key {
        let mut key = Key::derived(0);
        key.arguments().extend_from_slice(argument);
        key
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
            assert!(short.len() <= 64, "{}", short.len());
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
