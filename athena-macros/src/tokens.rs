//! Looks for single tokens in what this crate leaves unparsed.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// The place of `tokens`, with names that no code of the user can see.
pub(crate) fn hidden_at(tokens: impl ToTokens) -> Span {
    let first = tokens.to_token_stream().into_iter().next();
    let place = first.map_or_else(Span::call_site, |token| token.span());
    Span::mixed_site().located_at(place)
}

/// The first `word` among `tokens`, groups included.
pub(crate) fn find(tokens: impl ToTokens, word: &str) -> Option<Ident> {
    tokens.to_token_stream().into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == word => Some(ident),
        TokenTree::Group(group) => find(group.stream(), word),
        _ => None,
    })
}

/// Where an expression reads a variable: not a field or a path of this name, nor a function.
pub(crate) fn variable(tokens: impl ToTokens, name: &Ident) -> Option<Ident> {
    let mut tokens = tokens.to_token_stream().into_iter().peekable();
    let mut is_rest = false;
    while let Some(token) = tokens.next() {
        let joins = |next: &TokenTree| match next {
            TokenTree::Punct(punct) => matches!(punct.as_char(), ':' | '!'),
            TokenTree::Group(group) => group.delimiter() == Delimiter::Parenthesis,
            _ => false,
        };
        let is_it = matches!(&token, TokenTree::Ident(ident) if ident == name) && !is_rest;
        let found = match &token {
            TokenTree::Ident(ident) if is_it => {
                Some(ident.clone()).filter(|_| !tokens.peek().is_some_and(joins))
            }
            TokenTree::Group(group) => variable(group.stream(), name),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        is_rest = matches!(&token, TokenTree::Punct(punct) if matches!(punct.as_char(), '.' | ':'));
    }
    None
}

/// Whether there is a name among `tokens`, groups included.
pub(crate) fn any_name(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Group(group) => any_name(group.stream()),
        _ => false,
    })
}

/// Whether a type shows a reference or a lifetime other than `'static`.
pub(crate) fn borrows(ty: impl ToTokens) -> bool {
    stream_borrows(ty.to_token_stream())
}

fn stream_borrows(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match token {
            TokenTree::Group(group) => stream_borrows(group.stream()),
            TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                !matches!(tokens.peek(), Some(TokenTree::Ident(name)) if name == "static")
            }
            TokenTree::Punct(punct) if punct.as_char() == '&' => {
                !matches!(tokens.peek(), Some(TokenTree::Punct(quote)) if quote.as_char() == '\'')
            }
            _ => false,
        };
        if found {
            return true;
        }
    }
    false
}

/// A type whose lifetimes are to be inferred.
pub(crate) fn without_lifetimes(ty: impl ToTokens) -> TokenStream {
    let mut is_lifetime = false;
    let tokens = ty.to_token_stream().into_iter().map(|token| match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), without_lifetimes(group.stream()));
            inner.set_span(group.span());
            inner.into()
        }
        TokenTree::Ident(name) if is_lifetime && name != "static" => {
            is_lifetime = false;
            Ident::new("_", name.span()).into()
        }
        token => {
            is_lifetime = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
            token
        }
    });
    tokens.collect()
}

/// A type as people write it, without the spaces that tokens have.
pub(crate) fn show(ty: impl ToTokens) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (spaced, tight) in [
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        ("& ", "&"),
        ("! (", "!("),
        (" ::", "::"),
        (":: ", "::"),
        (" ,", ","),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn only_types_that_show_a_borrow_borrow() {
        for (ty, expected) in [
            (quote!(String), false),
            (quote!(Vec<(u8, Option<T>)>), false),
            (quote!(&'static str), false),
            (quote!(Cow<'static, str>), false),
            (quote!(&str), true),
            (quote!(Option<&str>), true),
            (quote!([&u8; 3]), true),
            (quote!(Cow<'a, str>), true),
            (quote!(Guard<'_>), true),
        ] {
            assert_eq!(borrows(&ty), expected, "{ty}");
        }
    }

    #[test]
    fn a_type_is_shown_without_extra_spaces() {
        let ty = quote!(std::collections::HashMap<&'a str, Option<u8>>);
        assert_eq!(show(ty), "std::collections::HashMap<&'a str, Option<u8>>");
    }

    #[test]
    fn lifetimes_are_taken_out_of_types() {
        let ty = quote!(
            Pin<Box<dyn Future<Output = (&'static str, Cow<'a, u8>)> + Send + 'async_trait>>
        );
        let expected = "Pin<Box<dyn Future<Output = (&'static str, Cow<'_, u8>)> + Send + '_>>";
        assert_eq!(show(without_lifetimes(ty)), expected);
    }

    #[test]
    fn a_word_is_found_in_groups() {
        assert!(find(quote!(a { b(Self::new) }), "Self").is_some());
        assert!(find(quote!(a { b(self) }), "Self").is_none());
    }
}
