//! Lists as options write them: `["a", "b"]` and `(a, b)`.

use proc_macro2::{Ident, TokenStream};
use syn::Token;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;

use crate::fault::Faults;
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
    let mut templates = Vec::new();
    let mut faults = Faults::default();
    while !content.is_empty() {
        match Template::read(&content, "user:{id}") {
            Ok(template) => templates.push(template),
            Err(fault) => {
                faults.add(fault);
                skip_item(&content)?;
            }
        }
        if !content.is_empty() && content.parse::<Option<Token![,]>>()?.is_none() {
            let fault = content.error("expected `,` between two templates");
            skip_item(&content)?;
            content.parse::<Option<Token![,]>>()?;
            faults.add(fault);
        }
    }
    faults.or(templates)
}

/// `(db, self)`
pub(crate) fn names(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    let content;
    syn::parenthesized!(content in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(&content, |item| {
        if item.peek(Ident::peek_any) {
            let whole = item.fork();
            let name = item.call(Ident::parse_any)?;
            if item.is_empty() || item.peek(Token![,]) {
                return Ok(name);
            }
            let fix = format!("expected the name of a whole argument, such as `{name}`");
            return Err(literal::mismatch(&whole, &fix));
        }
        Err(literal::mismatch(item, "expected the name of an argument, such as `db`"))
    });
    // What is left unread would be a fault of its own.
    content.parse::<TokenStream>()?;
    Ok(names?.into_iter().collect())
}

/// Goes on to the next comma of `list`.
fn skip_item(list: ParseStream<'_>) -> syn::Result<()> {
    while !list.is_empty() && !list.peek(Token![,]) {
        list.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}
