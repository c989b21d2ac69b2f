//! Options that people know from other libraries, and what stands for them here.

use syn::parse::ParseStream;
use syn::{LitInt, LitStr, Token};

/// Words for one thing that is said otherwise here, or needs no word.
pub(crate) struct Foreign {
    words: &'static [&'static str],
    instead: Instead,
}

enum Instead {
    /// What to do, in words.
    Advice(&'static str),
    /// The option that takes the same time, and what it is.
    Duration { option: &'static str, meaning: &'static str },
}

impl Foreign {
    /// Words to which `advice` is the answer.
    pub(crate) const fn word(words: &'static [&'static str], advice: &'static str) -> Self {
        Self { words, instead: Instead::Advice(advice) }
    }

    /// Words for the time that `option` takes.
    pub(crate) const fn duration(
        words: &'static [&'static str],
        option: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self { words, instead: Instead::Duration { option, meaning } }
    }

    #[cfg(test)]
    pub(crate) fn words(&self) -> impl Iterator<Item = &'static str> {
        self.words.iter().copied()
    }

    /// What to write instead of `found`, with the value that follows it in `input`.
    pub(crate) fn instead_of(&self, found: &str, input: ParseStream<'_>) -> Option<String> {
        if !self.words.contains(&found) {
            return None;
        }
        Some(match self.instead {
            Instead::Advice(advice) => advice.to_owned(),
            Instead::Duration { option, meaning } => {
                let value = duration(found, input).unwrap_or_else(|| "5m".to_owned());
                format!("{meaning} is written `{option} = \"{value}\"`")
            }
        })
    }
}

/// `60s` for `= 60`, and `5m` for `= "5m"`.
fn duration(word: &str, input: ParseStream<'_>) -> Option<String> {
    let fork = input.fork();
    fork.parse::<Token![=]>().ok()?;
    if fork.peek(LitStr) {
        let text: LitStr = fork.parse().ok()?;
        return humantime::parse_duration(&text.value()).ok().map(|_| text.value());
    }
    let number: u64 = fork.parse::<LitInt>().ok()?.base10_parse().ok()?;
    let unit = if word.ends_with("_ms") || word.ends_with("_millis") { "ms" } else { "s" };
    Some(format!("{number}{unit}"))
}

#[cfg(test)]
mod tests {
    use syn::parse::Parser;

    use super::*;

    const LIFE: Foreign = Foreign::duration(&["time", "time_ms"], "ttl", "the life of a value");

    fn instead(word: &'static str, rest: &str) -> Option<String> {
        let read = |input: ParseStream<'_>| {
            let instead = LIFE.instead_of(word, input);
            input.parse::<proc_macro2::TokenStream>()?;
            Ok(instead)
        };
        read.parse_str(rest).unwrap()
    }

    #[test]
    fn a_time_is_repeated_as_it_is_written_here() {
        for (word, rest, ttl) in [
            ("time", "= 60", "60s"),
            ("time_ms", "= 60, key", "60ms"),
            ("time", "= \"1h\"", "1h"),
            ("time", "= \"long\"", "5m"),
            ("time", "= a.b()", "5m"),
            ("time", "(60)", "5m"),
        ] {
            let expected = format!("the life of a value is written `ttl = \"{ttl}\"`");
            assert_eq!(instead(word, rest).unwrap(), expected, "{word} {rest}");
        }
    }

    #[test]
    fn other_words_are_not_foreign() {
        assert_eq!(instead("ttl", "= 60"), None);
    }
}
