//! `functions = [products, "shop::Catalog::books"]`: functions whose entries are all invalidated.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{LitStr, Path, Token};

use crate::fault::Faults;
use crate::literal;
use crate::runtime::Runtime;
use crate::tokens;

/// How a function is named.
pub(crate) enum Named {
    /// By what leads to it here.
    Path(Path),
    /// By its name, as a method is.
    Text(LitStr),
}

const EXPECTED: &str = "expected a list of functions such as `[products, shop::orders]`, or of their names, \
                        such as `[\"shop::Catalog::books\"]`";

/// The list; all that is wrong in it is reported.
pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Vec<Named>> {
    if !input.peek(syn::token::Bracket) {
        return Err(literal::mismatch(input, EXPECTED));
    }
    let content;
    let bracket = syn::bracketed!(content in input);
    let named = Punctuated::<Named, Token![,]>::parse_terminated_with(&content, one);
    // What is left unread would be a fault of its own.
    let named = named.inspect_err(|_| drop(content.parse::<TokenStream>()))?;
    let mut faults = Faults::default();
    if named.is_empty() {
        let message = format!("`functions` is empty: {EXPECTED}");
        faults.add(syn::Error::new(bracket.span.join(), message));
    }
    for named in &named {
        if let Named::Path(path) = named {
            check(path, &mut faults);
        }
    }
    faults.or(named.into_iter().collect())
}

fn one(input: ParseStream<'_>) -> syn::Result<Named> {
    if input.peek(LitStr) {
        return literal::name(input).map(Named::Text);
    }
    if input.peek(syn::Ident) || input.peek(Token![::]) || is_keyword_of_path(input) {
        return input.parse().map(Named::Path);
    }
    Err(literal::mismatch(input, EXPECTED))
}

fn is_keyword_of_path(input: ParseStream<'_>) -> bool {
    input.peek(Token![crate])
        || input.peek(Token![self])
        || input.peek(Token![super])
        || input.peek(Token![Self])
}

/// What names no free function.
fn check(path: &Path, faults: &mut Faults) {
    let shown = tokens::show(path);
    if path.segments.iter().any(|segment| !segment.arguments.is_empty()) {
        let message = format!(
            "`{shown}` is one instance of a function, and all are invalidated: write it without its types"
        );
        faults.at(path, message);
        return;
    }
    let owner = path.segments.iter().rev().nth(1).map(|segment| segment.ident.to_string());
    if owner.is_some_and(|owner| owner.starts_with(char::is_uppercase)) {
        let message = format!(
            "`{shown}` is a method, which goes by its name: write the full path of its type in quotes, as in \
             `\"shop::Catalog::books\"`, or what its `name = \"…\"` says"
        );
        faults.at(path, message);
    }
}

impl Named {
    pub(crate) fn render(&self, runtime: &Runtime) -> TokenStream {
        match self {
            Self::Text(name) => {
                quote_spanned!(Span::mixed_site()=> sweep.function_named(#name);)
            }
            Self::Path(path) => {
                let (private, place) = (runtime.private(), tokens::hidden_at(path));
                // A path that leads to no type leaves the one of the glob.
                quote_spanned!(place=> {
                    #[allow(unused_imports, clippy::wildcard_imports)]
                    use #private::ungrouped::*;
                    #[allow(unused_imports)]
                    use #path as AthenaFunction;
                    sweep.function::<AthenaFunction>();
                })
            }
        }
    }
}
