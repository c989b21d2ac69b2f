//! What an event or an error is about, and what of it may be read by whoever reads logs.
//!
//! Invariant: unless keys are to be shown, what is shown stands in the program: no argument of a call, no
//! value in a key or a tag.

use std::fmt;

use crate::excerpt::Message;
use crate::key::Key;
use crate::key::site;
use crate::tag::Tag;

/// Longest word that the name of an entry begins with, in characters.
const LONGEST_WORD: usize = 24;

/// What an event is about: an entry, a tag, everything, or a function.
///
/// It displays, and shows in `Debug`, as what stands in the program: the function, `app::products`; of an entry
/// that [`Cache::entry`](crate::Cache::entry) names, the word in front of the first `:`, as in `user:…`, if it is
/// made of ASCII letters, `_`, `-` and `.` and has 24 of them at most; else as `an entry`, `a tag` or
/// `everything`. The rest, which arguments and values make, may be a token or somebody's address: it is in
/// [`key`](Self::key), for programs that know what to do with it.
///
/// With [`show_keys`](crate::Settings::show_keys) it displays as that key.
#[derive(Clone, PartialEq, Eq)]
pub struct Topic {
    key: Box<str>,
    title: Title,
    /// The number of the function, if it is about a call of one.
    site: Option<u32>,
    shows_key: bool,
}

/// What is shown where keys are not.
#[derive(Clone, PartialEq, Eq)]
enum Title {
    Function(&'static str),
    /// What the name of an entry begins with.
    Word(Box<str>),
    Entry,
    Tag,
    Everything,
}

impl Topic {
    /// The entry of a call of a function, or of one that is named by hand.
    pub(super) fn of_call(key: &Key, site: Option<u32>, shows_key: bool) -> Self {
        let title = match site {
            Some(site) => Title::Function(site::name(site)),
            None => key.text().and_then(word).map_or(Title::Entry, Title::Word),
        };
        Self { key: key.readable().into(), title, site, shows_key }
    }

    /// An entry by its key alone, in which nobody knows what stands in the program.
    pub(super) fn of_key(key: &Key, shows_key: bool) -> Self {
        let title = key.function().map_or(Title::Entry, Title::Function);
        Self { key: key.readable().into(), title, site: None, shows_key }
    }

    pub(super) fn of_tag(tag: &Tag, shows_key: bool) -> Self {
        let key = format!("#{}", tag.as_str()).into();
        Self { key, title: Title::Tag, site: None, shows_key }
    }

    pub(crate) fn everything() -> Self {
        Self { key: "*".into(), title: Title::Everything, site: None, shows_key: false }
    }

    pub(crate) fn of_function(name: &'static str) -> Self {
        Self { key: name.into(), title: Title::Function(name), site: None, shows_key: false }
    }

    /// A call of a function of which no key was made.
    pub(crate) fn of_keyless_call(name: &'static str, site: Option<u32>) -> Self {
        Self { site, ..Self::of_function(name) }
    }

    /// The number of the function, if it is about a call of one.
    pub(super) fn site(&self) -> Option<u32> {
        self.site
    }

    /// The readable key of the entry, without the namespace; `#tag`, `*` for everything, or a function.
    ///
    /// It holds what the arguments and values hold.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The function, if it is about one or an entry of one.
    pub fn function(&self) -> Option<&'static str> {
        match self.title {
            Title::Function(name) => Some(name),
            _ => None,
        }
    }

    /// Whether the function can be told by the key alone, as it can where arguments make that.
    fn names_function(&self) -> bool {
        self.key.starts_with("f:") || self.function() == Some(&*self.key)
    }

    /// Whether it displays as more than its function.
    pub(super) fn tells_more(&self) -> bool {
        self.shows_key || self.function().is_none()
    }
}

/// What stands in front of the first `:`, if it looks like a word that a program writes.
fn word(name: &str) -> Option<Box<str>> {
    let (word, _) = name.split_once(':')?;
    let is_plain = |byte: u8| byte.is_ascii_alphabetic() || b"_-.".contains(&byte);
    let is_word = !word.is_empty() && word.len() <= LONGEST_WORD && word.bytes().all(is_plain);
    is_word.then(|| word.into())
}

/// The alternate form has names in backticks, for sentences.
impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if f.alternate() { "`" } else { "" };
        match &self.title {
            Title::Function(name) if self.shows_key && !self.names_function() => {
                write!(f, "{quote}{}{quote} of {quote}{name}{quote}", Message::of(&self.key))
            }
            _ if self.shows_key => write!(f, "{quote}{}{quote}", Message::of(&self.key)),
            Title::Function(name) => write!(f, "{quote}{name}{quote}"),
            Title::Word(word) => write!(f, "{quote}{word}:…{quote}"),
            Title::Entry => f.write_str("an entry"),
            Title::Tag => f.write_str("a tag"),
            Title::Everything => f.write_str("everything"),
        }
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::draft::KeyDraft;
    use crate::key::encode::Sink;

    fn shown(name: &str) -> String {
        Topic::of_call(&Key::named(name), None, false).to_string()
    }

    #[test]
    fn of_a_name_given_by_hand_only_the_word_that_it_begins_with_is_shown() {
        assert_eq!(shown("user:tok3n"), "user:…");
        assert_eq!(shown("shop.user-view_x:1:2"), "shop.user-view_x:…");
        for name in [
            "",
            "tok3n",
            ":x",
            "tok3n:user",
            "ann@example.org:user",
            "a b:c",
            "café:1",
            "eyJhbGciOiJIUzINiIsInRpyAJ:user",
        ] {
            assert_eq!(shown(name), "an entry", "{name}");
        }
    }

    #[test]
    fn the_function_is_shown_with_a_key_that_does_not_tell_it() {
        let site = site::number("shop::topics", 1, site::Grouping::Single).unwrap();
        let long = "x".repeat(400);
        for (key, readable) in [(Key::named("user:7"), "k:user:7"), (Key::named(&long), "k:~")] {
            let topic = Topic::of_call(&key, Some(site), true);
            let (begin, end) = (format!("`{readable}"), "` of `shop::topics`");
            let shown = format!("{topic:#}");
            assert!(shown.starts_with(&begin) && shown.ends_with(end), "{shown}");
            assert_eq!(Topic::of_call(&key, Some(site), false).to_string(), "shop::topics");
        }
        let mut derived = KeyDraft::derived(site, false);
        derived.put(long.as_bytes());
        let shown = Topic::of_call(&derived.sealed(), Some(site), true).to_string();
        assert!(shown.starts_with("f:shop::topics~"), "{shown}");
        assert_eq!(Topic::of_function("shop::topics").to_string(), "shop::topics");
    }

    #[test]
    fn the_key_is_shown_where_that_was_asked_for() {
        let (key, tag) = (Key::named("user:tok3n"), Tag::new("of:tok3n\n"));
        let all = |shows| [Topic::of_call(&key, None, shows), Topic::of_key(&key, shows)];
        for topic in all(true) {
            assert_eq!(
                format!("{topic} {topic:#} {topic:?}"),
                "k:user:tok3n `k:user:tok3n` Topic(k:user:tok3n)"
            );
        }
        for topic in all(false).into_iter().chain([Topic::of_tag(&tag, false)]) {
            assert!(!format!("{topic} {topic:#} {topic:?}").contains("tok3n"), "{topic}");
            assert!(topic.key().contains("tok3n"));
        }
        assert_eq!(Topic::of_tag(&tag, true).to_string(), r"#of:tok3n\n");
    }
}
