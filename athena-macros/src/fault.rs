//! Collects what is wrong, so that one compile reports all of it.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// The faults found so far, each on its own tokens.
#[derive(Default)]
pub(crate) struct Faults(Option<syn::Error>);

impl Faults {
    /// Records `message` about `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// Records an error that parsing gave.
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Unwraps `result`, or records its error.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// All faults, `last` at their end.
    pub(crate) fn and(mut self, last: syn::Error) -> syn::Error {
        match self.0.take() {
            Some(mut first) => {
                first.combine(last);
                first
            }
            None => last,
        }
    }

    /// `value` if nothing was wrong, else everything that was.
    pub(crate) fn or<T>(self, value: T) -> syn::Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}

/// The user's `item` as it was written, with the compile errors after it.
///
/// Without the item, every call of the function would be an error of its own. An argument that only
/// the attribute uses is unused without it, so no lint says anything about what is left.
pub(crate) fn give_back(item: TokenStream, faults: &syn::Error) -> TokenStream {
    let mut tokens = quote_spanned!(Span::mixed_site()=>
        #[allow(warnings, unused, clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]
    );
    tokens.extend(item);
    tokens.extend(faults.to_compile_error());
    tokens
}
