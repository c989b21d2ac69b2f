//! Writes what the runtime has to know before it may load.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use crate::attribute::Written;
use crate::cache::options::{CacheOptions, Codec};
use crate::cache::plan::{CachePlan, Store};
use crate::runtime::Runtime;
use crate::tokens::hidden_at;

/// Steps of `ask`, each where its errors belong.
pub(super) fn render(plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let private = runtime.private();
    let store = stored(plan, runtime);
    let carry = plan
        .carries_errors
        .map(|place| quote_spanned!(hidden().located_at(place)=> let ask = ask.carry_errors();));
    let absent = absent(plan, runtime);
    let failing = failing(plan, runtime);
    let remember = remember_errors(plan, runtime);
    let tags = plan.tags.iter().map(|tag| {
        let tag = tag.closure();
        quote_spanned!(hidden()=> let ask = ask.tag(#tag);)
    });
    let closures = closures(&plan.options);
    quote_spanned!(hidden()=>
        let errors = {
            use #private::errors::*;
            (&&ask.errors()).kind()
        };
        let ask = ask.share_errors(errors);
        #store
        #absent
        #failing
        #carry
        #remember
        #(#tags)*
        #closures
    )
}

/// How values become bytes, where they do.
pub(super) fn stored(plan: &CachePlan, runtime: &Runtime) -> Option<TokenStream> {
    let output = hidden_at(&plan.origin.output);
    bytes(plan, output, "value_bytes", runtime)
        .map(|wire| quote_spanned!(output=> #wire let ask = ask.stored_as(wire);))
}

/// `let wire = …;`: how values or errors become bytes, where they do; what they lack for it is told at `place`.
fn bytes(plan: &CachePlan, place: Span, of: &str, runtime: &Runtime) -> Option<TokenStream> {
    let Store::Bytes(codec) = plan.store else {
        return None;
    };
    let (of, private) = (Ident::new(of, place), runtime.private_at(place));
    let codec = match codec {
        Codec::Json => Ident::new("json", place),
        Codec::Postcard => Ident::new("postcard", place),
    };
    Some(quote_spanned!(place=>
        let wire = {
            use #private::wires::*;
            (&&&ask.#of()).#codec()
        };
    ))
}

/// `negative_ttl` is about results that can say that there is nothing, or about errors.
fn absent(plan: &CachePlan, runtime: &Runtime) -> Option<TokenStream> {
    let negative_ttl = plan.options.negative_ttl.as_ref()?;
    if plan.options.negative.is_some() {
        return None;
    }
    let place = hidden_at(&negative_ttl.name);
    let (private, output) = (runtime.private_at(place), &plan.origin.output);
    Some(quote_spanned!(place=> #private::may_be_absent::<#output>();))
}

/// Options about errors are about results that have some.
fn failing(plan: &CachePlan, runtime: &Runtime) -> Option<TokenStream> {
    let options = &plan.options;
    let place = None
        .or(options.negative.as_ref().map(|negative| negative.name.span()))
        .or(options.grace_unless.as_ref().map(|judge| judge.name.span()))
        .or(plan.carries_errors)?;
    let place = hidden().located_at(place);
    let private = runtime.private_at(place);
    Some(quote_spanned!(place=>
        let ask = {
            use #private::failures::*;
            (&&probe).failing(ask)
        };
    ))
}

/// `negative = err` keeps errors the way values are kept.
fn remember_errors(plan: &CachePlan, runtime: &Runtime) -> Option<TokenStream> {
    let negative = plan.options.negative.as_ref()?;
    let place = hidden_at(&negative.name);
    let wire = bytes(plan, place, "error_bytes", runtime)
        .unwrap_or_else(|| quote_spanned!(place=> let wire = ::core::option::Option::None;));
    Some(quote_spanned!(place=> #wire let ask = ask.remember_errors(wire);))
}

/// The closures that look at results, as they were written.
pub(super) fn closures(options: &CacheOptions) -> TokenStream {
    let mut steps = TokenStream::new();
    for (step, option) in [
        ("tags_from", &options.tags_from),
        ("ttl_from", &options.ttl_from),
        ("unless", &options.unless),
        ("grace_unless", &options.grace_unless),
    ] {
        if let Some(Written { name, value }) = option {
            let step = Ident::new(step, hidden_at(name));
            steps.extend(quote_spanned!(hidden_at(value)=> let ask = ask.#step(#value);));
        }
    }
    steps
}

fn hidden() -> Span {
    Span::mixed_site()
}
