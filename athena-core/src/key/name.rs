//! Names as a backend sees them.
//!
//! ```text
//! shop:{f:app::products#$11$05books}:3      a value; 3 is its lane
//! shop:{k:product:42}:3                     the same, named by hand
//! shop:{f:app::products#$11$05books}:l      its lease, in the same slot
//! shop:#category:books                      the generation of a tag
//! shop:#f:app::products                     that of all entries of a function, which is `grouped`
//! shop:#                                    changes with every tag
//! shop:*                                    the generation of the namespace
//! shop:{1a}*                                the same for one partition of a store with several nodes
//! shop:{f:app::products~9c1…}:3             the same with arguments that are too long to be readable
//! shop:{all}>                               a log of invalidations, see `backend/changes/names.rs`
//! shop:{1a}@check:6f2a91                    what a health check writes and removes, in one partition
//! shop:{@}                                  the roster of the processes that use the namespace
//! shop:{@}:web-3-6f2a91                     what one of them says of itself
//! shop:{@}recovery                          which of them sees to the servers for all
//! ```
//!
//! Invariant: different keys have different names. What is too long to be readable is named by its
//! SHA-256 digest, behind a `~` that no readable name contains; the function stands in front of it.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{DIGEST, Key, Parts, site};
use crate::error::Error;
use crate::excerpt::Excerpt;
use crate::tag::Tag;

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Longest readable part of a name, in bytes.
const READABLE: usize = 160;

/// Values of different schema fingerprints live in different lanes of one key.
///
/// An invalidation removes every lane, so it needs no fingerprint and reaches the entries of every
/// binary version. Two fingerprints that share a lane (one pair in eight) replace each other's
/// entries; they never read them, the envelope tells them apart.
pub(crate) const LANES: u64 = 8;
const _: () = assert!(LANES <= 10, "a lane is one digit");

/// Longest namespace, in characters, all of them ASCII.
const LONGEST: usize = 64;

fn is_legal(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | ':' | '-')
}

/// The name of a generation.
pub(crate) type GenerationName = Arc<str>;

/// The prefix of everything a cache keeps in a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespace {
    text: String,
    /// The generation that `clear` changes, where the store has no partitions.
    whole: Arc<str>,
}

impl Namespace {
    /// Checks a namespace: 1 to 64 of `A-Z a-z 0-9 _ . : -`.
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.len() > LONGEST || !text.chars().all(is_legal) {
            return Err(Error::settings(format!(
                "invalid namespace `{}`: expected 1 to 64 of the characters A-Z a-z 0-9 _ . : -",
                Excerpt::of(text)
            )));
        }
        Ok(Self::of(text.to_owned()))
    }

    /// The nearest legal namespace.
    pub(crate) fn lenient(text: &str) -> Self {
        let legal = |character| if is_legal(character) { character } else { '_' };
        let text: String = text.chars().map(legal).take(LONGEST).collect();
        Self::of(if text.is_empty() { "_".to_owned() } else { text })
    }

    fn of(text: String) -> Self {
        let whole = format!("{text}:*").into();
        Self { text, whole }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// What every name begins with.
    pub(crate) fn prefix(&self) -> String {
        format!("{}:", self.text)
    }

    /// The generation that `clear` changes, in one partition of the store if it has several (coherence 12).
    pub(crate) fn generation(&self, partition: Option<&str>) -> Arc<str> {
        match partition {
            None => Arc::clone(&self.whole),
            Some(partition) => format!("{}:{{{partition}}}*", self.text).into(),
        }
    }

    /// A name for a health check, in one partition of the store if it has several; nothing else begins so.
    pub(crate) fn check(&self, partition: Option<&str>, number: u64) -> String {
        match partition {
            None => format!("{}:@check:{number:016x}", self.text),
            Some(partition) => format!("{}:{{{partition}}}@check:{number:016x}", self.text),
        }
    }

    /// The lease of the process that sees to the servers for all.
    pub(crate) fn recovery(&self) -> String {
        format!("{}:{{@}}recovery", self.text)
    }

    /// The generation that changes with every tag.
    pub(crate) fn any_tag(&self) -> String {
        format!("{}:#", self.text)
    }

    /// The generation of a tag.
    pub(crate) fn tag(&self, tag: &Tag) -> Arc<str> {
        shared(|name| {
            name.push_str(&self.text);
            name.push_str(":#");
            push_readable(name, &[tag.as_str().as_bytes()], "");
        })
    }

    /// The entry that a name in the backend belongs to; the name itself if it belongs to none.
    pub(crate) fn owner(name: &str) -> &str {
        match name.rfind('}') {
            Some(end) if !name.ends_with('*') => &name[..=end],
            _ => name,
        }
    }

    /// What changes with a name: an entry with its values, anything else by itself.
    pub(crate) fn subject(name: &str) -> &str {
        if name.ends_with(":l") { name } else { Self::owner(name) }
    }

    /// The names of an entry.
    pub(crate) fn entry(&self, key: &Key) -> EntryName {
        EntryName(shared(|name| {
            name.push_str(&self.text);
            name.push_str(":{");
            key.push_readable(name);
            name.push('}');
        }))
    }
}

thread_local! {
    /// Room for a name that is being written.
    static DRAFT: Cell<String> = const { Cell::new(String::new()) };
}

/// A name that is written where the last one was: how long it gets is not known before.
fn shared(write: impl FnOnce(&mut String)) -> Arc<str> {
    let mut name = DRAFT.take();
    name.clear();
    write(&mut name);
    let shared = Arc::from(name.as_str());
    DRAFT.set(name);
    shared
}

/// What all names of one entry share.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct EntryName(Arc<str>);

impl EntryName {
    /// By what stands in the braces.
    pub(crate) fn from_readable(namespace: &Namespace, readable: &str) -> Self {
        Self(format!("{}{{{readable}}}", namespace.prefix()).into())
    }

    /// By what all of its names begin with, as another process writes it; nothing if no entry is called so.
    pub(crate) fn of(namespace: &Namespace, text: &str) -> Option<Self> {
        let readable =
            text.strip_prefix(&namespace.prefix())?.strip_prefix('{')?.strip_suffix('}')?;
        let is_legal = !readable.is_empty()
            && readable.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}'));
        is_legal.then(|| Self(text.into()))
    }

    pub(crate) fn value(&self, fingerprint: u64) -> Arc<str> {
        shared(|name| self.push_lane(name, fingerprint % LANES))
    }

    pub(crate) fn lease(&self) -> String {
        [&*self.0, ":l"].concat()
    }

    /// Every value, whatever its fingerprint (coherence 12).
    pub(crate) fn lanes(&self) -> impl Iterator<Item = String> {
        (0..LANES).map(|lane| self.lane(lane))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn push_lane(&self, name: &mut String, lane: u64) {
        name.push_str(&self.0);
        name.push(':');
        name.extend(char::from_digit(u32::try_from(lane).unwrap_or_default(), 10));
    }

    fn lane(&self, lane: u64) -> String {
        let mut name = String::with_capacity(self.0.len() + ":0".len());
        self.push_lane(&mut name, lane);
        name
    }
}

/// Shows nothing of what it is made of.
impl fmt::Debug for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryName").finish_non_exhaustive()
    }
}

impl Key {
    /// The function that it was derived from, if it was not named by hand.
    pub(crate) fn function(&self) -> Option<&'static str> {
        match self.parts() {
            Parts::Named(_) | Parts::NamedDigest { .. } => None,
            Parts::Derived { site, .. } | Parts::DerivedDigest { site, .. } => {
                Some(site::name(site))
            }
        }
    }

    /// The text that it was named by, if it was; of a long one the beginning.
    pub(crate) fn text(&self) -> Option<&str> {
        match self.parts() {
            Parts::Named(text) | Parts::NamedDigest { beginning: text, .. } => {
                let valid = std::str::from_utf8(text);
                valid.or_else(|error| std::str::from_utf8(&text[..error.valid_up_to()])).ok()
            }
            Parts::Derived { .. } | Parts::DerivedDigest { .. } => None,
        }
    }

    /// The name as given, if it was; else as [`readable`](Self::readable).
    pub(crate) fn given(&self) -> String {
        match self.parts() {
            Parts::Named(text) => String::from_utf8_lossy(text).into_owned(),
            _ => self.readable(),
        }
    }

    /// The key for people: names in a backend, and logs where those are to show keys.
    pub(crate) fn readable(&self) -> String {
        let mut name = String::new();
        self.push_readable(&mut name);
        name
    }

    fn push_readable(&self, name: &mut String) {
        let parts = self.parts();
        name.push_str(match parts {
            Parts::Named(_) | Parts::NamedDigest { .. } => "k:",
            Parts::Derived { .. } | Parts::DerivedDigest { .. } => "f:",
        });
        match parts {
            Parts::Named(text) => push_readable(name, &[text], ""),
            Parts::Derived { site, arguments } => {
                let site = site::name(site);
                push_readable(name, &[site.as_bytes(), arguments], site);
            }
            Parts::NamedDigest { digest, .. } => push_digest(name, digest, ""),
            Parts::DerivedDigest { site, digest } => push_digest(name, digest, site::name(site)),
        }
    }
}

/// Appends parts as printable ASCII (`$20` for a space) with `#` between them, or a digest of them where that gets
/// long, behind what says to people whose it is.
fn push_readable(name: &mut String, parts: &[&[u8]], whose: &str) {
    let (begin, length) = (name.len(), parts.iter().map(|part| part.len()).sum::<usize>());
    if length <= READABLE {
        for (number, part) in parts.iter().enumerate() {
            name.push_str(if number > 0 { "#" } else { "" });
            push_escaped(name, part);
        }
        if name.len() - begin <= READABLE {
            return;
        }
        name.truncate(begin);
    }
    push_digest(name, &digest(parts), whose);
}

/// Appends a digest, and in front of it the function that it is of, if it is of one.
fn push_digest(name: &mut String, digest: &[u8], whose: &str) {
    let begin = name.len();
    push_escaped(name, whose.as_bytes());
    name.truncate(begin + READABLE);
    name.push('~');
    for byte in digest {
        // Writing to a text does not fail.
        let _ = write!(name, "{byte:02x}");
    }
}

/// Which bytes stand for themselves in a name: a table, since each byte of each name is looked up.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        plain[byte as usize] =
            byte.is_ascii_graphic() && !matches!(byte, b'$' | b'{' | b'}' | b'~' | b'#' | b'*');
        byte += 1;
    }
    plain
};

fn push_escaped(name: &mut String, mut part: &[u8]) {
    name.reserve(part.len());
    loop {
        let plain = part.iter().position(|byte| !PLAIN[usize::from(*byte)]);
        let (run, rest) = part.split_at(plain.unwrap_or(part.len()));
        name.push_str(str::from_utf8(run).unwrap_or_default());
        let Some((byte, rest)) = rest.split_first() else { return };
        name.push('$');
        for digit in [byte >> 4, byte & 15] {
            name.push(char::from(DIGITS[usize::from(digit)]));
        }
        part = rest;
    }
}

/// What stands for parts that are long.
pub(super) fn digest(parts: &[&[u8]]) -> [u8; DIGEST] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(&hasher.finalize()[..DIGEST]);
    digest
}
