//! Lists as options write them: `["a", "b"]` and `(a, b)`.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{LitStr, Token};

use crate::literal;
use crate::template::Template;

/// `["user:{id}", "users"]`; all wrong templates in it are reported.
pub(crate) fn templates(input: ParseStream<'_>) -> syn::Result<Vec<Template>> {
    if !input.peek(syn::token::Bracket) {
        return Err(literal::mismatch(
            input,
            "expected a list such as `[\"user:{id}\", \"users\"]`",
        ));
    }
    let content;
    syn::bracketed!(content in input);
    let literals = Punctuated::<LitStr, Token![,]>::parse_terminated_with(&content, |item| {
        literal::string(item, "a template such as `\"user:{id}\"`")
    })?;
    let mut templates = Vec::new();
    let mut faults = crate::fault::Faults::default();
    for literal in literals {
        templates.extend(faults.keep(Template::parse(literal)));
    }
    faults.or(templates)
}

/// `(db, self)`
pub(crate) fn names(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    let content;
    syn::parenthesized!(content in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(&content, Ident::parse_any)?;
    Ok(names.into_iter().collect())
}
