//! What a name in a backend belongs to, and which names belong to an entry.

use serde::Serialize;

use crate::error::Error;
use crate::excerpt::Excerpt;
use crate::key::Key;
use crate::key::name::{EntryName, LANES, Namespace};
use crate::tag::Tag;

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum NameKind {
    /// A value of an entry.
    Value,
    /// The lease of an entry.
    Lease,
    /// The generation of a tag.
    Tag,
    /// The generation that changes with every tag.
    AnyTag,
    /// A generation of the namespace, or of a part of it.
    Namespace,
    /// The roster of the fleet, what a process says of itself, or what a check leaves for a moment.
    Process,
    /// Nothing that a cache writes.
    Foreign,
}

impl NameKind {
    /// Whether it is of a generation, whatever depends on that.
    pub fn is_generation(self) -> bool {
        matches!(self, Self::Tag | Self::AnyTag | Self::Namespace)
    }
}

/// What a name says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SeenName {
    /// What it is of.
    pub kind: NameKind,
    /// The function whose entry it is, if it is of one.
    pub site: Option<String>,
    /// The key as it stands in names, as `k:product:42`; of a tag, the tag as it stands there.
    pub key: Option<String>,
    /// The key that was given by hand, or the tag, as it was given; `None` of a digest.
    pub given: Option<String>,
    /// Of a value: its lane.
    pub lane: Option<u8>,
    /// Whether it is named by a digest, because it would be too long.
    pub is_digest: bool,
}

/// The names of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryNameSet {
    /// What all of them begin with.
    pub entry: String,
    /// Those of its values, one for each lane.
    pub values: Vec<String>,
    /// That of its lease.
    pub lease: String,
}

/// What a name in a namespace is; `None` if it is of another one.
pub fn see(namespace: &str, name: &str) -> Option<SeenName> {
    let rest = name.strip_prefix(namespace)?.strip_prefix(':')?;
    let seen = match rest.as_bytes().first()? {
        b'#' if rest.len() == 1 => bare(NameKind::AnyTag),
        b'#' => labelled(NameKind::Tag, &rest[1..]),
        b'*' if rest.len() == 1 => bare(NameKind::Namespace),
        b'@' => bare(NameKind::Process),
        b'{' => braced(&rest[1..]),
        // As of a namespace that begins with this one.
        _ => return None,
    };
    Some(seen)
}

/// What stands behind `{`.
fn braced(rest: &str) -> SeenName {
    let Some((inside, behind)) = rest.split_once('}') else { return bare(NameKind::Foreign) };
    if inside == "@" || behind.starts_with('@') {
        return bare(NameKind::Process);
    }
    if behind == "*" {
        return bare(NameKind::Namespace);
    }
    let kind = match behind {
        ":l" => NameKind::Lease,
        _ => NameKind::Value,
    };
    let lane = behind.strip_prefix(':').and_then(|lane| lane.parse().ok());
    let lane = lane.filter(|lane| u64::from(*lane) < LANES && behind.len() == 2);
    let is_of_entry = inside.starts_with("f:") || inside.starts_with("k:");
    if !is_of_entry || (kind == NameKind::Value && lane.is_none()) {
        return bare(NameKind::Foreign);
    }
    let mut seen = labelled(kind, &inside[2..]);
    seen.lane = lane;
    seen.key = Some(inside.to_owned());
    if let Some(function) = inside.strip_prefix("f:") {
        let site = function.split(['#', '~']).next().unwrap_or_default();
        (seen.site, seen.given) = (Some(unescaped(site)), None);
    }
    seen
}

fn bare(kind: NameKind) -> SeenName {
    SeenName { kind, site: None, key: None, given: None, lane: None, is_digest: false }
}

fn labelled(kind: NameKind, text: &str) -> SeenName {
    let is_digest = text.contains('~');
    let given = (!is_digest).then(|| unescaped(text));
    SeenName { key: Some(text.to_owned()), given, is_digest, ..bare(kind) }
}

/// The text that was escaped: `$20` is a space.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let code = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(code) if *byte == b'$' => {
                bytes.push(code);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(*byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The names of the entry that a text means.
///
/// A name in the backend, or what stands in its braces (`f:…`, `k:…`), means that entry; any other text is a key
/// that was given by hand.
///
/// # Errors
///
/// The namespace cannot be one; or the text looks like a name, and is none of this namespace.
pub fn entry_names(namespace: &str, text: &str) -> Result<EntryNameSet, Error> {
    let checked = Namespace::new(namespace)?;
    let entry = match text.strip_prefix(&checked.prefix()) {
        Some(name) if name.starts_with('{') => {
            let inside = name[1..].split_once('}').map(|(inside, _)| inside);
            inside.filter(|inside| is_key(inside)).ok_or_else(|| none(text))?.to_owned()
        }
        _ if text.starts_with("f:") || text.starts_with("k:") => {
            if !is_key(text) {
                return Err(none(text));
            }
            text.to_owned()
        }
        _ => Key::named(text).readable(),
    };
    let entry = EntryName::from_readable(&checked, &entry);
    Ok(EntryNameSet {
        values: entry.lanes().collect(),
        lease: entry.lease(),
        entry: entry.as_str().to_owned(),
    })
}

fn none(text: &str) -> Error {
    Error::settings(format!(
        "`{}` is no key: expected what `keys` lists, such as `k:product:42` or `f:shop::products#…`, or a key \
         that was given by hand",
        Excerpt::of(text)
    ))
}

/// Whether a text may stand in the braces of a name.
fn is_key(text: &str) -> bool {
    let rest = text.strip_prefix("f:").or_else(|| text.strip_prefix("k:"));
    rest.is_some_and(|rest| {
        rest.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'*'))
    })
}

/// The name of a tag's generation.
///
/// # Errors
///
/// The namespace cannot be one.
pub fn tag_name(namespace: &str, tag: &str) -> Result<String, Error> {
    Ok(Namespace::new(namespace)?.tag(&Tag::new(tag)).to_string())
}

/// The name of the generation that all entries of a namespace depend on, or those of one
/// partition of the store if it has several.
///
/// # Errors
///
/// The namespace cannot be one.
pub fn namespace_name(namespace: &str, partition: Option<&str>) -> Result<String, Error> {
    Ok(Namespace::new(namespace)?.generation(partition).to_string())
}

#[cfg(test)]
mod tests;
