//! Durations as options write them: `"250ms"`, `"5m"`, `"1h 30m"`, `"unlimited"`, or a constant.

use std::time::Duration;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::parse::ParseStream;
use syn::{Expr, LitStr};

use crate::{literal, tokens};

const EXPECTED: &str =
    "a duration such as `\"250ms\"`, `\"5m\"` or `\"1h 30m\"`, or a constant that is one";

/// The word for no limit, as in settings.
const UNLIMITED: &str = "unlimited";

/// A duration as it was written.
pub(crate) enum Time {
    Known(Duration),
    /// An expression that rustc evaluates; what its value may be is checked then.
    Constant(Box<Expr>),
}

impl Time {
    /// Its length, if that is known here.
    pub(crate) fn known(&self) -> Option<Duration> {
        match self {
            Self::Known(duration) => Some(*duration),
            Self::Constant(_) => None,
        }
    }

    /// The first of these variables that it names.
    pub(crate) fn names(&self, variables: impl IntoIterator<Item = Ident>) -> Option<Ident> {
        let Self::Constant(expression) = self else { return None };
        let mut variables = variables.into_iter();
        variables.find_map(|variable| tokens::variable(expression, &variable))
    }
}

/// `"5m"`: whole milliseconds, up to what a `u64` of them holds, which is `"unlimited"`; or `TTL`.
pub(crate) fn read(input: ParseStream<'_>) -> syn::Result<Time> {
    if input.peek(LitStr) {
        return text(input).map(Time::Known);
    }
    if !names_something(input) {
        let fix = number(input).map(|number| format!("; did you mean `\"{number}s\"`?"));
        let fault = literal::mismatch(input, &format!("expected {EXPECTED}"));
        return Err(syn::Error::new(fault.span(), format!("{fault}{}", fix.unwrap_or_default())));
    }
    input.parse().map(|expression| Time::Constant(Box::new(expression)))
}

/// Whether there is a name in what comes: a number alone is no duration.
fn names_something(input: ParseStream<'_>) -> bool {
    let found = literal::upcoming(input).unwrap_or_default();
    tokens::any_name(found.into_token_stream())
}

fn text(input: ParseStream<'_>) -> syn::Result<Duration> {
    let literal = literal::string(input, EXPECTED)?;
    let written = literal.value();
    if written == UNLIMITED {
        return Ok(Duration::from_millis(u64::MAX));
    }
    if let Some(minutes) = with_minutes(&written) {
        let months = written.replace('M', "months");
        let why = format!(
            "`M` stands for months; were minutes meant? write `\"{minutes}\"`, or `\"{months}\"` for months"
        );
        return Err(fault(&literal, &why));
    }
    match humantime::parse_duration(&written) {
        Err(humantime::DurationError::UnknownUnit { unit, .. }) if !unit.is_empty() => {
            Err(fault(&literal, &format!("`{unit}` is no unit of time")))
        }
        Err(error) => Err(fault(&literal, &error.to_string())),
        Ok(duration) if duration.subsec_nanos() % 1_000_000 != 0 => {
            Err(fault(&literal, "the cache counts whole milliseconds"))
        }
        Ok(duration) if u64::try_from(duration.as_millis()).is_err() => {
            Err(fault(&literal, "it is too long"))
        }
        Ok(duration) => Ok(duration),
    }
}

/// A duration that is waited for: none at all would let nothing through.
pub(crate) fn limit(input: ParseStream<'_>) -> syn::Result<Time> {
    let found = literal::upcoming(input);
    let limit = read(input)?;
    if limit.known().is_some_and(|limit| limit.is_zero()) {
        let found = found?;
        let message = format!(
            "expected a duration of at least `\"1ms\"`, found `{found}`: no call could be answered within it; \
             leave the option out for no limit"
        );
        return Err(syn::Error::new_spanned(found, message));
    }
    Ok(limit)
}

/// A number in place of a text.
fn number(input: ParseStream<'_>) -> Option<u64> {
    input.fork().parse::<syn::LitInt>().ok()?.base10_parse().ok()
}

/// `"1h 5m"` for `"1h 5M"`, where `M` is the whole unit.
fn with_minutes(written: &str) -> Option<String> {
    let mut letters = written.chars().peekable();
    let mut before = ' ';
    let mut meant = String::new();
    while let Some(letter) = letters.next() {
        let is_unit = letter == 'M'
            && !before.is_alphabetic()
            && !letters.peek().is_some_and(|after| after.is_alphabetic());
        meant.push(if is_unit { 'm' } else { letter });
        before = letter;
    }
    (meant != written).then_some(meant)
}

fn fault(literal: &LitStr, why: &str) -> syn::Error {
    let written = literal.value();
    let message = format!("expected {EXPECTED}, found `\"{written}\"`: {why}");
    syn::Error::new(literal.span(), message)
}

#[cfg(test)]
mod tests {
    use syn::parse::Parser;

    use super::*;

    fn refused(reader: fn(ParseStream<'_>) -> syn::Result<Time>, text: &str) -> String {
        reader.parse_str(text).err().unwrap().to_string()
    }

    #[test]
    fn durations_are_read_to_the_millisecond() {
        let most = ("unlimited", u64::MAX);
        for (text, millis) in [("0s", 0), ("250ms", 250), ("1h 30m", 5_400_000), most] {
            let duration = read.parse_str(&format!("{text:?}")).unwrap();
            assert_eq!(duration.known(), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_wrong_duration_shows_what_was_found_and_examples() {
        for (text, why) in [
            (r#""5x""#, "`x` is no unit"),
            (r#""""#, "empty"),
            (r#""5us""#, "whole milliseconds"),
            (r#""500000000000y""#, "too long"),
            ("5", "found `5`; did you mean `\"5s\"`?"),
            ("5.0", "found `5.0`"),
            ("-5", "found `- 5`"),
            ("60 * 5", "found `60 * 5`"),
        ] {
            let fault = refused(read, text);
            assert!(fault.contains(why), "{fault}");
            assert!(fault.contains("`\"250ms\"`"), "{fault}");
        }
    }

    #[test]
    fn a_constant_is_left_to_rustc() {
        for text in
            ["TTL", "Duration::from_secs(60)", "times::TTL", "TTL.saturating_mul(2)", "{ TTL }"]
        {
            assert!(read.parse_str(text).unwrap().known().is_none(), "{text}");
        }
    }

    #[test]
    fn variables_of_a_constant_are_found() {
        let variables =
            || ["ms", "self"].map(|name| Ident::new(name, proc_macro2::Span::call_site()));
        for (text, found) in [
            ("Duration::from_millis(ms)", Some("ms")),
            ("self.ttl", Some("self")),
            ("times.ms", None),
            ("ms::TTL", None),
            ("times::ms", None),
            ("ms()", None),
            ("TTL", None),
        ] {
            let name = read.parse_str(text).unwrap().names(variables());
            assert_eq!(name.map(|name| name.to_string()).as_deref(), found, "{text}");
        }
    }

    #[test]
    fn months_by_their_letter_may_be_minutes() {
        for (text, minutes, months) in [
            ("5M", "5m", "5months"),
            ("1h 5M", "1h 5m", "1h 5months"),
            ("1M2s", "1m2s", "1months2s"),
        ] {
            let fault = refused(read, &format!("{text:?}"));
            let question =
                format!("were minutes meant? write `\"{minutes}\"`, or `\"{months}\"` for months");
            assert!(fault.ends_with(&question), "{fault}");
        }
        let months = read.parse_str(r#""5months""#).unwrap();
        assert_eq!(months.known(), Some(5 * Duration::from_secs(2_630_016)));
        assert!(refused(read, r#""5Min""#).contains("`Min` is no unit"));
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        let least = limit.parse_str(r#""1ms""#).unwrap();
        assert_eq!(least.known(), Some(Duration::from_millis(1)));
        assert!(refused(limit, r#""0s""#).contains("found `\"0s\"`: no call could be answered"));
    }
}
