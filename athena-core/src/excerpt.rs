//! Texts from outside, made fit to be shown: what servers say, what users name or choose, what their code
//! panics with.
//!
//! Invariant: whatever went in, what comes out is one line of a bounded number of characters, none of which
//! acts on a terminal or on the order of others; making it takes no more than what is kept.

use std::fmt::{self, Display, Write};

/// One line of at most `MOST` characters: what would act, or breaks lines, is escaped, what is too long is cut.
///
/// Control and format characters (such as those that turn the direction of writing) show as in a string of
/// Rust: `\n`, `\u{202e}`. Bytes that are no UTF-8 show as `\xff`. Quotes and `\` stay as they are, so that a
/// line of a line is the same. Where a text was cut, `…` stands for the rest.
///
/// ```
/// use athena_cache_core::backend::Excerpt;
///
/// assert_eq!(Excerpt::of("WRONGPASS\r\nall is well").as_str(), r"WRONGPASS\r\nall is well");
/// assert_eq!(Excerpt::of_bytes(b"\xff!").as_str(), r"\xff!");
/// assert_eq!(Excerpt::of("x".repeat(10_000_000)).as_str().chars().count(), 200);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line<const MOST: usize>(Box<str>);

/// A text from outside, as messages, errors, records, events and pages show it: at most 200 characters.
pub type Excerpt = Line<200>;

/// A message of ours that holds such texts, one or several: at most 2 000 characters.
pub type Message = Line<2_000>;

/// Stands for what was cut.
const CUT: char = '…';

impl<const MOST: usize> Line<MOST> {
    /// What a value displays as.
    pub fn of(text: impl Display) -> Self {
        let mut line = LineWriter::new(MOST);
        // It fails once it is full, or where the value does not display: what there is is shown.
        let _ = write!(line, "{text}");
        Self(line.finish())
    }

    /// The text that bytes are, as far as they are one.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut line = LineWriter::new(MOST);
        // It fails once it is full.
        let _ = bytes.utf8_chunks().try_for_each(|chunk| {
            line.write_str(chunk.valid())?;
            chunk.invalid().iter().try_for_each(|byte| line.put(format_args!("\\x{byte:02x}")))
        });
        Self(line.finish())
    }

    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> Display for Line<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In quotes, and not escaped again.
impl<const MOST: usize> fmt::Debug for Line<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl<const MOST: usize> From<&str> for Line<MOST> {
    fn from(text: &str) -> Self {
        Self::of(text)
    }
}

impl<const MOST: usize> From<Line<MOST>> for String {
    fn from(line: Line<MOST>) -> Self {
        line.0.into()
    }
}

/// A line under construction, which takes no more once it is full.
struct LineWriter {
    text: String,
    /// How many characters it may still have.
    room: usize,
    most: usize,
    is_cut: bool,
}

impl LineWriter {
    fn new(most: usize) -> Self {
        Self { text: String::new(), room: most, most, is_cut: false }
    }

    /// Adds what stands for one character, whole or not at all.
    fn put(&mut self, shown: impl Display) -> fmt::Result {
        let start = self.text.len();
        write!(self.text, "{shown}")?;
        let count = self.text[start..].chars().count();
        if count > self.room {
            self.text.truncate(start);
            self.room = 0;
            self.is_cut = true;
            return Err(fmt::Error);
        }
        self.room -= count;
        Ok(())
    }

    fn finish(mut self) -> Box<str> {
        if self.is_cut {
            if let Some((end, _)) = self.text.char_indices().nth(self.most.saturating_sub(1)) {
                self.text.truncate(end);
            }
            self.text.push(CUT);
        }
        self.text.into_boxed_str()
    }
}

impl Write for LineWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_cut {
            return Err(fmt::Error);
        }
        if text.len() <= self.room
            && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        {
            self.text.push_str(text);
            self.room -= text.len();
            return Ok(());
        }
        text.chars().try_for_each(|character| match character {
            '"' | '\'' | '\\' => self.put(character),
            _ => self.put(character.escape_debug()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Excerpt::of(text).into()
    }

    #[test]
    fn what_acts_or_breaks_lines_is_escaped_and_everything_else_stays() {
        for (text, expected) in [
            ("plain `text`, \"quoted\" and \\ more", "plain `text`, \"quoted\" and \\ more"),
            ("日本語 für Ωmega", "日本語 für Ωmega"),
            ("a\nb\r\n\tc\0", r"a\nb\r\n\tc\0"),
            ("\u{1b}[31mred", r"\u{1b}[31mred"),
            ("\u{85}\u{2028}\u{2029}", r"\u{85}\u{2028}\u{2029}"),
            ("\u{202e}\u{2066}\u{200b}\u{feff}\u{ad}", r"\u{202e}\u{2066}\u{200b}\u{feff}\u{ad}"),
            ("\u{e0041}\u{e000}", r"\u{e0041}\u{e000}"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(Excerpt::of_bytes(b"a\xffb\xc3\n").as_str(), r"a\xffb\xc3\n");
        assert_eq!(format!("{:?}", Excerpt::of("a\n\"b\"")), r#""a\n"b"""#);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(shown(&"ä".repeat(200)), "ä".repeat(200));
        assert_eq!(shown(&"ä".repeat(201)), format!("{}…", "ä".repeat(199)));
        assert_eq!(Message::of("x".repeat(2_000)).as_str().len(), 2_000);
        assert_eq!(Message::of("x".repeat(2_001)).as_str().chars().count(), 2_000);
    }

    #[test]
    fn an_endless_text_is_read_no_further_than_it_is_shown() {
        struct Endless;
        impl Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("on and on\n")?;
                }
            }
        }
        assert_eq!(Excerpt::of(Endless).as_str().chars().count(), 200);
    }

    #[test]
    fn whatever_bytes_come_one_bounded_line_results_and_stays_the_same() {
        let mut random = fastrand::Rng::with_seed(12);
        for round in 0..2_000 {
            let mut bytes: Vec<u8> = (0..random.usize(..600)).map(|_| random.u8(..)).collect();
            if round % 2 == 0 {
                let text: String = (0..random.usize(..300)).map(|_| random.char(..)).collect();
                bytes = text.into_bytes();
            }
            let line = Excerpt::of_bytes(&bytes);
            let text = line.as_str();
            assert!(text.chars().count() <= 200, "{text}");
            let acts = |c: char| !matches!(c, '"' | '\'' | '\\') && c.escape_debug().count() > 1;
            assert!(!text.contains(acts), "{text}");
            assert_eq!(Excerpt::of(text), line);
            assert_eq!(
                Excerpt::of(String::from_utf8_lossy(&bytes)).as_str().lines().count().max(1),
                1
            );
        }
    }
}
