//! Values of options: durations, shares, words of a list, numbers.

use std::ops::RangeInclusive;
use std::time::Duration;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{LitInt, LitStr, Token};

use crate::choice;

const DURATION: &str = "a duration such as `\"250ms\"`, `\"5m\"` or `\"1h 30m\"`";

/// The word for no limit, as in settings.
const UNLIMITED: &str = "unlimited";

/// `"5m"`: whole milliseconds, up to what a `u64` of them holds, which is `"unlimited"`.
pub(crate) fn duration(input: ParseStream<'_>) -> syn::Result<Duration> {
    let literal = string(input, DURATION)?;
    let written = literal.value();
    if written == UNLIMITED {
        return Ok(Duration::from_millis(u64::MAX));
    }
    let fail = |why: &str| {
        let message = format!("expected {DURATION}, found `\"{written}\"`: {why}");
        Err(syn::Error::new(literal.span(), message))
    };
    match humantime::parse_duration(&written) {
        Err(humantime::DurationError::UnknownUnit { unit, .. }) if !unit.is_empty() => {
            fail(&format!("`{unit}` is no unit of time"))
        }
        Err(error) => fail(&error.to_string()),
        Ok(duration) if duration.subsec_nanos() % 1_000_000 != 0 => {
            fail("the cache counts whole milliseconds")
        }
        Ok(duration) if u64::try_from(duration.as_millis()).is_err() => fail("it is too long"),
        Ok(duration) => Ok(duration),
    }
}

/// `"10%"`: whole percents within `allowed`.
pub(crate) fn share(input: ParseStream<'_>, allowed: RangeInclusive<u8>) -> syn::Result<u8> {
    let (low, high) = (allowed.start(), allowed.end());
    let expected = format!("a whole share from `\"{low}%\"` to `\"{high}%\"`");
    let literal = string(input, &expected)?;
    let written = literal.value();
    let percent = written.strip_suffix('%').and_then(|digits| digits.parse().ok());
    percent.filter(|percent| allowed.contains(percent)).ok_or_else(|| {
        let message = format!("expected {expected}, found `\"{written}\"`");
        syn::Error::new(literal.span(), message)
    })
}

/// One word out of `table`, and what it stands for.
pub(crate) fn word<T: Copy>(
    input: ParseStream<'_>,
    table: &[(&str, T)],
) -> syn::Result<(Ident, T)> {
    let words: Vec<_> = table.iter().map(|(word, _)| *word).collect();
    if !input.peek(Ident::peek_any) {
        return Err(mismatch(input, &choice::expected("", &words)));
    }
    let ident = input.call(Ident::parse_any)?;
    let written = ident.to_string();
    if let Some((_, meaning)) = table.iter().find(|(word, _)| *word == written) {
        return Ok((ident, *meaning));
    }
    let expected = choice::expected(&written, &words);
    let message = format!("unknown word `{written}`, {expected}");
    Err(syn::Error::new(ident.span(), message))
}

/// A name in quotes that is not empty.
pub(crate) fn name(input: ParseStream<'_>) -> syn::Result<LitStr> {
    let expected = "a name such as `\"shop::products\"`";
    let literal = string(input, expected)?;
    if literal.value().trim().is_empty() {
        let message = format!("expected {expected}, found an empty string");
        return Err(syn::Error::new(literal.span(), message));
    }
    Ok(literal)
}

/// A number without a sign that a `u32` holds.
pub(crate) fn number(input: ParseStream<'_>) -> syn::Result<u32> {
    let expected = "expected a whole number from 0 to 4294967295";
    if !input.peek(LitInt) {
        return Err(mismatch(input, expected));
    }
    let literal: LitInt = input.parse()?;
    literal.base10_parse().map_err(|_| {
        let message = format!("{expected}, found `{literal}`");
        syn::Error::new(literal.span(), message)
    })
}

/// A string literal, or an error that says what belongs in it.
pub(crate) fn string(input: ParseStream<'_>, expected: &str) -> syn::Result<LitStr> {
    if input.peek(LitStr) {
        return input.parse();
    }
    Err(mismatch(input, &format!("expected {expected}")))
}

/// What stands in `input` up to the next comma is not what was `expected`.
pub(crate) fn mismatch(input: ParseStream<'_>, expected: &str) -> syn::Error {
    let mut found = TokenStream::new();
    let fork = input.fork();
    while !fork.is_empty() && !fork.peek(Token![,]) {
        match fork.parse::<TokenTree>() {
            Ok(token) => found.extend([token]),
            Err(error) => return error,
        }
    }
    let message = format!("{expected}, found `{found}`");
    syn::Error::new_spanned(found, message)
}

#[cfg(test)]
mod tests {
    use syn::parse::Parser;

    use super::*;

    fn fault<T: std::fmt::Debug>(read: impl Parser<Output = T>, text: &str) -> String {
        read.parse_str(text).unwrap_err().to_string()
    }

    #[test]
    fn durations_are_read_to_the_millisecond() {
        let most = ("unlimited", u64::MAX);
        for (text, millis) in [("0s", 0), ("250ms", 250), ("1h 30m", 5_400_000), most] {
            let read = duration.parse_str(&format!("{text:?}")).unwrap();
            assert_eq!(read, Duration::from_millis(millis), "{text}");
        }
    }

    #[test]
    fn a_wrong_duration_shows_what_was_found_and_examples() {
        for (text, why) in [
            (r#""5x""#, "`x` is no unit"),
            (r#""""#, "empty"),
            (r#""5us""#, "whole milliseconds"),
            (r#""500000000000y""#, "too long"),
            ("5", "found `5`"),
        ] {
            let fault = fault(duration, text);
            assert!(fault.contains(why), "{fault}");
            assert!(fault.contains("`\"250ms\"`"), "{fault}");
        }
    }

    #[test]
    fn a_share_outside_its_range_is_refused() {
        let read = |input: ParseStream<'_>| share(input, 1..=99);
        assert_eq!(read.parse_str(r#""80%""#).unwrap(), 80);
        for text in [r#""0%""#, r#""100%""#, r#""80""#, r#""0.5%""#, r#""-1%""#, "80"] {
            let fault = fault(read, text);
            assert!(fault.contains("from `\"1%\"` to `\"99%\"`"), "{fault}");
        }
    }

    #[test]
    fn a_word_outside_its_list_is_refused_with_the_nearest_one() {
        let read = |input: ParseStream<'_>| word(input, &[("Json", 1), ("Postcard", 2)]);
        assert_eq!(read.parse_str("Postcard").unwrap().1, 2);
        assert_eq!(
            fault(read, "json"),
            "unknown word `json`, expected one of `Json`, `Postcard`; did you mean `Json`?"
        );
        assert_eq!(fault(read, "\"Json\""), "expected one of `Json`, `Postcard`, found `\"Json\"`");
    }

    #[test]
    fn a_number_must_fit() {
        assert_eq!(number.parse_str("3").unwrap(), 3);
        for text in ["-1", "4294967296", "\"3\""] {
            assert!(fault(number, text).ends_with(&format!("found `{text}`")), "{text}");
        }
    }
}
