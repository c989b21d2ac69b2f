//! Texts that are never shown.

use std::borrow::Cow;
use std::fmt;

use athena_cache_core::backend::{Excerpt, Line};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::url;

/// So many characters of a password tell that a text repeats it.
const TELLING: usize = 4;

/// A password; shows as `***`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

/// A URL; shows without what may be a secret, see [`url::shown`].
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct SecretUrl(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password itself, for the login.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// A text, escaped as it is to be shown, without the password and without its beginnings.
    ///
    /// Those are found from four characters on: texts are cut, by servers as well.
    pub(super) fn hide_in<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secret = Line::<{ usize::MAX }>::of(&self.0);
        let secret = secret.as_str();
        let end = secret.char_indices().nth(TELLING).map_or(secret.len(), |(end, _)| end);
        let telling = &secret[..end];
        if telling.is_empty() || !text.contains(telling) {
            return Cow::Borrowed(text);
        }
        let (mut shown, mut rest) = (String::new(), text);
        while let Some(at) = rest.find(telling) {
            shown.push_str(&rest[..at]);
            shown.push_str(url::HIDDEN);
            let found = &rest[at..];
            let same = found.chars().zip(secret.chars()).take_while(|(one, other)| one == other);
            rest = &found[same.map(|(one, _)| one.len_utf8()).sum()..];
        }
        shown.push_str(rest);
        Cow::Owned(shown)
    }
}

/// Says nothing of what was found in place of a text, which may be a password of digits.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_string(SecretVisitor)
    }
}

struct SecretVisitor;

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a password in quotes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret(text))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Err(no_text())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Err(no_text())
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Secret, E> {
        Err(no_text())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Err(no_text())
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Secret, E> {
        Err(no_text())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Err(no_text())
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Secret, E> {
        Err(no_text())
    }
}

fn no_text<E: Error>() -> E {
    E::custom("a password is no text here, write it in quotes")
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(url::HIDDEN)
    }
}

impl SecretUrl {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Excerpt::of(url::shown(&self.0)), f)
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&url::shown(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_wherever_a_text_repeats_it_or_begins_to() {
        for (secret, text, expected) in [
            ("hunter2", "unknown `hunter2`, `hunter2`", "unknown `***`, `***`"),
            ("hunter2", "it was hunt", "it was ***"),
            ("hunter2", "it was hunterhunter2", "it was ******"),
            ("hunter2", "a hun", "a hun"),
            ("pw", "pw!", "***!"),
            ("", "nothing", "nothing"),
            ("p\nw\u{202e}ä", r"it was p\nw\u{202e}ä!", "it was ***!"),
            ("äöüß€", "äöüx", "äöüx"),
            ("äöüß€", "äöüßx", "***x"),
        ] {
            assert_eq!(Secret::new(secret).hide_in(text), expected, "{secret:?}");
        }
    }
}
