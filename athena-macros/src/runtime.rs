//! Where expansions find the runtime.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Path, Type};

use crate::attribute::Written;
use crate::tokens::hidden_at;

/// The crate that expansions name: `::athena_cache`, or what `crate = …` says.
pub(crate) struct Runtime(Option<Path>);

impl Runtime {
    pub(crate) fn new(root: Option<&Written<Path>>) -> Self {
        Self(root.map(|root| root.value.clone()))
    }

    /// The path of everything that expansions may name.
    pub(crate) fn private(&self) -> TokenStream {
        self.private_at(Span::mixed_site())
    }

    /// That path where it can be the subject of an error.
    pub(crate) fn private_at(&self, place: Span) -> TokenStream {
        let Some(root) = &self.0 else {
            return quote_spanned!(place=> ::athena_cache::__private);
        };
        let root = root.to_token_stream().into_iter().map(|mut token| {
            token.set_span(place.resolved_at(token.span()));
            token
        });
        let root: TokenStream = root.collect();
        quote_spanned!(place=> #root::__private)
    }

    /// `let shape = …;`: what the type `output` is made of.
    ///
    /// The imported traits stand in a block of their own, out of which they
    /// cannot hide the user's names.
    pub(crate) fn shape(&self, output: &Type) -> TokenStream {
        let place = hidden_at(output);
        let private = self.private_at(place);
        quote_spanned!(place=>
            let probe = #private::ReturnProbe::<#output>::new();
            let shape = {
                use #private::shapes::*;
                (&&&&probe).shape()
            };
        )
    }
}
