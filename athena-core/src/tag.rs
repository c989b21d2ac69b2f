//! Labels for group invalidation, and the text that templates make.
//!
//! Invariant: a value interpolated into a template cannot contain its separators.

use std::fmt::{self, Display, Write};
use std::sync::Arc;

/// Most tags of an entry: each costs whoever reads it a question to the backend.
pub(crate) const MOST_TAGS: usize = 1_024;
/// In bytes.
pub(crate) const LONGEST_TAG: usize = 8 << 10;

/// A label shared by entries; any text, compared byte by byte.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tag(Arc<str>);

impl Tag {
    pub(crate) fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows nothing of its text: values are part of it.
impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tag").finish_non_exhaustive()
    }
}

/// Sorted, without repetitions, without the empty tag (which labels nothing).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tags(Vec<Tag>);

impl Tags {
    pub(crate) fn add(&mut self, tag: Tag) {
        if tag.as_str().is_empty() {
            return;
        }
        if let Err(place) = self.0.binary_search(&tag) {
            self.0.insert(place, tag);
        }
    }

    pub(crate) fn contains(&self, tag: &Tag) -> bool {
        self.0.binary_search(tag).is_ok()
    }

    /// Those that are not among others.
    pub(crate) fn beyond<'a>(&'a self, others: &'a Self) -> impl Iterator<Item = &'a Tag> {
        self.iter().filter(|tag| !others.contains(tag))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they can be kept with an entry in a backend.
    pub(crate) fn check(&self) -> Result<(), TagExcess> {
        TagExcess::check_count(self.0.len())?;
        self.iter().try_for_each(|tag| TagExcess::check_length(tag.as_str().len()).map(drop))
    }
}

/// What there is too much of in the tags of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagExcess {
    Count(usize),
    /// A tag of so many bytes.
    Length(usize),
}

impl TagExcess {
    /// A number of tags, unless no entry has so many.
    pub(crate) fn check_count(count: usize) -> Result<u16, Self> {
        let within = u16::try_from(count).ok().filter(|_| count <= MOST_TAGS);
        within.ok_or(Self::Count(count))
    }

    /// A number of bytes, unless no tag has so many.
    pub(crate) fn check_length(length: usize) -> Result<u16, Self> {
        let within = u16::try_from(length).ok().filter(|_| length <= LONGEST_TAG);
        within.ok_or(Self::Length(length))
    }
}

impl fmt::Display for TagExcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(
                f,
                "it has {count} tags, and at most {MOST_TAGS} are kept with an entry: let one tag stand for \
                 several of them"
            ),
            Self::Length(length) => write!(
                f,
                "it has a tag of {length} bytes, and a tag has at most {LONGEST_TAG}: let it hold a digest"
            ),
        }
    }
}

/// Text under construction from a template: literal parts and interpolated values.
#[derive(Debug)]
pub struct Text(String);

/// Bytes that most texts have room in.
const ROOM: usize = 48;

/// With room, so that it seldom has to move.
impl Default for Text {
    fn default() -> Self {
        Self(String::with_capacity(ROOM))
    }
}

impl Text {
    /// Appends a literal part as it is.
    pub fn text(&mut self, literal: &str) {
        self.0.push_str(literal);
    }

    /// Appends a value, escaped as by [`escape`](crate::escape).
    pub fn hole(&mut self, value: &(impl Display + ?Sized)) {
        // A `Display` that fails leaves what it wrote; `EscapedTo` itself never fails.
        let _ = write!(EscapedTo(&mut self.0), "{value}");
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Escapes a value the way key and tag templates do.
///
/// Letters, digits (of any script) and `_ . ~ -` stay; every other byte becomes `%` and two
/// hexadecimal digits. Needed only to name, by hand, a tag or key whose interpolated value holds
/// other characters.
///
/// ```
/// assert_eq!(athena_cache_core::escape("a:b"), "a%3Ab");
/// ```
pub fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let _ = EscapedTo(&mut escaped).write_str(value);
    escaped
}

/// The tag that the template `"label:{value}"` makes; for `tags_from` and invalidations by hand.
///
/// ```
/// assert_eq!(athena_cache_core::tag("category", "tools & more"), "category:tools%20%26%20more");
/// ```
pub fn tag(label: &str, value: impl Display) -> String {
    let mut text = Text::default();
    text.text(label);
    text.text(":");
    text.hole(&value);
    text.into_string()
}

/// Where the first character is that needs an escape.
#[inline]
fn first_escaped(text: &str) -> Option<usize> {
    let (chunks, _) = text.as_bytes().as_chunks::<CHUNK>();
    let all_stay =
        |chunk: &&[u8; CHUNK]| chunk.iter().fold(true, |all, byte| all & is_plain(*byte));
    let chunks = chunks.iter().take_while(all_stay).count() * CHUNK;
    let rest = text.as_bytes().get(chunks..)?.iter();
    let plain = chunks + rest.take_while(|byte| is_plain(**byte)).count();
    if plain == text.len() {
        return None;
    }
    let rest = text.get(plain..)?;
    rest.find(|character: char| !stays(character)).map(|at| plain + at)
}

/// Bytes that are looked at together, since a branch for each of them costs more than its look.
const CHUNK: usize = 8;

#[inline]
fn is_plain(byte: u8) -> bool {
    PLAIN[usize::from(byte)]
}

/// Which bytes are ASCII characters that need no escape.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        plain[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'~' | b'-');
        byte += 1;
    }
    plain
};

/// Whether a character needs no escape.
#[inline]
fn stays(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | '~' | '-')
}

/// Writes to something, escaping on the way.
pub(crate) struct EscapedTo<'a, W>(pub(crate) &'a mut W);

impl<W: Write> Write for EscapedTo<'_, W> {
    #[inline]
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        while let Some(at) = first_escaped(text) {
            let (plain, rest) = text.split_at(at);
            self.0.write_str(plain)?;
            let mut rest = rest.chars();
            let mut bytes = [0; 4];
            let escaped = rest.next().map(|character| &*character.encode_utf8(&mut bytes));
            for byte in escaped.unwrap_or_default().bytes() {
                write!(self.0, "%{byte:02X}")?;
            }
            text = rest.as_str();
        }
        self.0.write_str(text)
    }
}
