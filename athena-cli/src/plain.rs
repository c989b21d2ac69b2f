//! Texts as a terminal, a reader of JSON and a shell may be given them.
//!
//! Invariant: whatever went in, nothing that comes out acts on a terminal, beside the marks of [`MARKS`], or turns the
//! order of others; a word for the shell is one word there.

use std::fmt::Write;

use athena_cache_core::backend::Excerpt;

/// What marks words: colours, and their end.
pub(crate) const MARKS: [&str; 5] =
    ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[31m", "\u{1b}[2m", "\u{1b}[0m"];

/// Lines for people.
pub(crate) fn lines(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            plain.push_str(mark);
            rest = &rest[mark.len()..];
            continue;
        }
        rest = &rest[character.len_utf8()..];
        match character {
            '\n' => plain.push(character),
            _ if acts(character) => plain.extend(character.escape_debug()),
            _ => plain.push(character),
        }
    }
    plain
}

/// One line for people.
pub(crate) fn line(text: &str) -> String {
    lines(text).replace('\n', "\\n")
}

/// A document: what is escaped stands in its texts, and means the same there.
pub(crate) fn json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if !acts(character) {
            plain.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a text does not fail.
            let _ = write!(plain, "\\u{unit:04x}");
        }
    }
    plain
}

/// A word as it is written in a shell.
pub(crate) fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+,~#".contains(&byte);
    let begins_plain = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins_plain && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    // What no terminal takes cannot be written in a shell either: it is shown.
    format!("'{}'", Excerpt::of(text).as_str().replace('\'', r"'\''"))
}

/// How many places it takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    let marks: usize =
        MARKS.iter().map(|mark| text.matches(mark).count() * mark.chars().count()).sum();
    text.chars().count().saturating_sub(marks)
}

/// Whether a character does something else than to be seen.
fn acts(character: char) -> bool {
    let is_seen = matches!(character, '"' | '\'' | '\\') || character.escape_debug().count() == 1;
    !is_seen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_is_shown_and_marks_stay() {
        assert_eq!(lines("a\u{1b}[2Jb\nc\u{9b}31m\u{202e}"), "a\\u{1b}[2Jb\nc\\u{9b}31m\\u{202e}");
        assert_eq!(lines("\u{1b}[31mbad\u{1b}[0m"), "\u{1b}[31mbad\u{1b}[0m");
        assert_eq!(line("one\ntwo"), "one\\ntwo");
        assert_eq!(width("\u{1b}[31mbad\u{1b}[0m"), 3);
    }

    #[test]
    fn a_word_for_the_shell_is_quoted_where_it_has_to_be() {
        for (text, expected) in [
            ("f:shop::products#a~b", "f:shop::products#a~b"),
            ("k:a$20b", "'k:a$20b'"),
            ("it's", r"'it'\''s'"),
            ("--all", "'--all'"),
            ("", "''"),
            ("~root", "'~root'"),
            ("a\u{1b}b", r"'a\u{1b}b'"),
        ] {
            assert_eq!(word(text), expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_shown_acts_on_nothing(text in "\\PC{0,8}[\u{0}-\u{ff}]{0,20}\\p{Cf}{0,3}") {
            for plain in [lines(&text), json(&text), word(&text)] {
                let without = MARKS.iter().fold(plain, |it, mark| it.replace(mark, ""));
                prop_assert!(!without.chars().any(|it| it != '\n' && acts(it)), "{without:?}");
            }
            let document = serde_json::json!({ "text": &text }).to_string();
            let read: serde_json::Value = serde_json::from_str(&json(&document)).unwrap();
            prop_assert_eq!(&read["text"], &text);
        }

        #[test]
        fn a_shell_reads_one_word_back(text in "[ -~]{0,40}") {
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", word(&text))])
                .output()
                .unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}
