//! Values of options: shares, words of a list, names, numbers, paths.

use std::ops::RangeInclusive;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, Lit, LitInt, LitStr, Path, Token};

use crate::{choice, tokens};

/// The name of an argument.
pub(crate) fn argument(input: ParseStream<'_>) -> syn::Result<Ident> {
    const EXPECTED: &str = "expected the name of an argument such as `ids`";
    if !input.peek(Ident::peek_any) {
        return Err(mismatch(input, EXPECTED));
    }
    input.call(Ident::parse_any)
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
    if let Some(fault) = dressed_word(input, &words) {
        return Err(fault);
    }
    if !input.peek(Ident::peek_any) {
        return Err(mismatch(input, &choice::listed(&words)));
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

/// `Fallback::ServeStale` and `"ServeStale"` have a word in them that stands alone here.
fn dressed_word(input: ParseStream<'_>, words: &[&str]) -> Option<syn::Error> {
    let fork = input.fork();
    let meant = if fork.peek(LitStr) {
        fork.parse::<LitStr>().ok()?.value()
    } else {
        let path = fork.call(Path::parse_mod_style).ok()?;
        let last = path.segments.last().filter(|_| path.segments.len() > 1)?;
        last.ident.to_string()
    };
    let meant = words.iter().find(|word| **word == meant)?;
    let found = upcoming(input).ok()?;
    let shown = tokens::show(&found);
    let message =
        format!("{}, found `{shown}`; write the word alone, `{meant}`", choice::listed(words));
    Some(syn::Error::new_spanned(found, message))
}

/// `my::athena_cache`
pub(crate) fn path(input: ParseStream<'_>) -> syn::Result<Path> {
    const EXPECTED: &str = "a path such as `my::athena_cache`";
    if !input.peek(LitStr) {
        return input.call(Path::parse_mod_style);
    }
    let text: LitStr = input.parse()?;
    let fix = text
        .parse_with(Path::parse_mod_style)
        .map(|path| format!("; write it without quotes, `{}`", tokens::show(path)));
    let message =
        format!("expected {EXPECTED}, found `{}`{}", text.token(), fix.unwrap_or_default());
    Err(syn::Error::new(text.span(), message))
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

/// What is asked of each value: a closure, or what leads to a function.
pub(crate) fn closure(input: ParseStream<'_>, example: &str) -> syn::Result<Expr> {
    if input.peek(Lit) || input.peek(syn::token::Bracket) {
        return Err(mismatch(input, &format!("expected a closure such as `{example}`")));
    }
    input.parse()
}

/// What stands in `input` up to the next comma is not what was `expected`.
pub(crate) fn mismatch(input: ParseStream<'_>, expected: &str) -> syn::Error {
    match upcoming(input) {
        Ok(found) => {
            let message = format!("{expected}, found `{}`", tokens::show(&found));
            syn::Error::new_spanned(found, message)
        }
        Err(error) => error,
    }
}

/// What stands in `input` up to the next comma; it stays there.
pub(crate) fn upcoming(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut found = TokenStream::new();
    let fork = input.fork();
    while !fork.is_empty() && !fork.peek(Token![,]) {
        found.extend([fork.parse::<TokenTree>()?]);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use syn::parse::Parser;

    use super::*;

    fn fault<T>(read: impl Parser<Output = T>, text: &str) -> String {
        read.parse_str(text).err().unwrap().to_string()
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
        for found in ["\"Json\"", "Codec::Json", "athena_cache::Codec::Json"] {
            assert_eq!(
                fault(read, found),
                format!(
                    "expected one of `Json`, `Postcard`, found `{found}`; write the word alone, `Json`"
                )
            );
        }
        assert_eq!(fault(read, "\"json\""), "expected one of `Json`, `Postcard`, found `\"json\"`");
    }

    #[test]
    fn a_path_stands_without_quotes() {
        assert_eq!(path.parse_str("a::b").unwrap().segments.len(), 2);
        assert_eq!(
            fault(path, r#""a::b""#),
            "expected a path such as `my::athena_cache`, found `\"a::b\"`; write it without quotes, `a::b`"
        );
        assert!(fault(path, r#""a b""#).ends_with(r#"found `"a b"`"#));
    }

    #[test]
    fn a_number_must_fit() {
        assert_eq!(number.parse_str("3").unwrap(), 3);
        for text in ["-1", "4294967296", "\"3\""] {
            assert!(fault(number, text).ends_with(&format!("found `{text}`")), "{text}");
        }
    }
}
