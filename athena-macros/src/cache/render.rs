//! Writes the expansion of a plan: a few lines that call the runtime.
//!
//! Our names are spanned at `mixed_site`, so the user's `key` is not our
//! `key`. Each step stands where its errors belong: at an argument, at the
//! return type, at an option.

mod background;
mod group;
mod site;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use crate::attribute::Written;
use crate::cache::options::{CacheOptions, Codec};
use crate::cache::plan::{CachePlan, Key, Load, Store};
use crate::function::Body;
use crate::runtime::Runtime;
use crate::tokens::hidden_at;

/// The whole expansion.
pub(crate) fn render(plan: &CachePlan) -> TokenStream {
    let runtime = Runtime::new(plan.options.root.as_ref());
    let look = look(plan, &runtime);
    let ask = ask(plan, &runtime);
    let (body, before, run, beside) = match &plan.load {
        Load::InPlace => {
            let load = plan.origin.load();
            let run = quote_spanned!(hidden()=> ask.run(::core::pin::pin!(#load)).await);
            (Body::Here, None, run, None)
        }
        Load::Background(load) => (
            Body::Moved,
            background::inner(load, &plan.origin),
            background::run(load, &plan.origin, &runtime),
            background::sibling(load, &plan.origin),
        ),
    };
    let content = quote_spanned!(hidden()=> #before #look #ask #run);
    let function = plan.origin.emit(body, &content);
    let group = group::marker(plan, &runtime);
    quote_spanned!(hidden()=> #function #beside #group)
}

/// From the site to the question whether the answer is already here.
fn look(plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let private = runtime.private();
    let site = site::render(plan, runtime);
    let call = call(plan, runtime);
    let when = plan.options.when.as_ref().map(|when| {
        let condition = &when.value;
        quote_spanned!(hidden_at(condition)=> call.when(#condition);)
    });
    let key = key(plan);
    let shape = runtime.shape(&plan.origin.output);
    quote_spanned!(hidden()=>
        let site = #site;
        #call
        #when
        #key
        #shape
        let ask = match call.look(shape) {
            #private::Look::Answer(answer) => return answer,
            #private::Look::Ask(ask) => ask,
        };
    )
}

/// The call, on the cache it is to use.
fn call(plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let private = runtime.private();
    let Some(Written { value: cache, .. }) = &plan.options.cache else {
        return quote_spanned!(hidden()=> let mut call = #private::Call::new(site););
    };
    // Errors point at the argument.
    let handle = plan.naming.handle.map(|position| {
        let local = &plan.origin.arguments[position].local;
        let private = runtime.private_at(hidden_at(local));
        quote_spanned!(hidden_at(local)=> #private::handle(&#local);)
    });
    // A name of its own keeps a cache alive that is made right here.
    quote_spanned!(hidden_at(cache)=>
        #handle
        let cache = &(#cache);
        let mut call = #private::Call::on(site, cache);
    )
}

/// What the call is named by.
///
/// The type of a closure names every type that the function was compiled
/// for: its own generic parameters, and those of the `impl` it may stand in.
fn key(plan: &CachePlan) -> TokenStream {
    let instance = quote_spanned!(hidden()=> ::core::any::type_name_of_val(&|| ()));
    match &plan.naming.key {
        Key::Written(text) => {
            let call = Ident::new("call", hidden());
            let text = text.write(&call, ["key_text", "key_hole"]);
            quote_spanned!(hidden()=> call.key_of(#instance); #text)
        }
        Key::Derived(taken) => {
            let arguments = taken.iter().map(|position| {
                let local = &plan.origin.arguments[*position].local;
                quote_spanned!(hidden_at(local)=>
                    #[allow(clippy::used_underscore_binding)]
                    call.arg(&#local);
                )
            });
            quote_spanned!(hidden()=>
                call.type_part(#instance);
                #(#arguments)*
            )
        }
    }
}

/// What the runtime has to know before it may load.
fn ask(plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let private = runtime.private();
    let output = hidden_at(&plan.origin.output);
    let store = match plan.store {
        Store::Memory => None,
        Store::Bytes(codec) => {
            let codec = codec_at(output, codec, runtime);
            Some(quote_spanned!(output=> let ask = ask.stored_as(#codec);))
        }
    };
    let carry = plan
        .carries_errors
        .map(|place| quote_spanned!(hidden().located_at(place)=> let ask = ask.carry_errors();));
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
        #carry
        #remember
        #(#tags)*
        #closures
    )
}

/// The codec, whose trait bounds fail at `place`.
fn codec_at(place: Span, codec: Codec, runtime: &Runtime) -> TokenStream {
    let private = runtime.private_at(place);
    match codec {
        Codec::Json => quote_spanned!(place=> #private::json()),
        Codec::Postcard => quote_spanned!(place=> #private::postcard()),
    }
}

/// `negative = err` keeps errors the way values are kept.
fn remember_errors(plan: &CachePlan, runtime: &Runtime) -> Option<TokenStream> {
    let negative = plan.options.negative.as_ref()?;
    let place = hidden_at(&negative.name);
    Some(match plan.store {
        Store::Memory => quote_spanned!(place=> let ask = ask.remember_errors_here();),
        Store::Bytes(codec) => {
            let codec = codec_at(place, codec, runtime);
            quote_spanned!(place=> let ask = ask.remember_errors(#codec);)
        }
    })
}

/// The closures that look at results, as they were written.
fn closures(options: &CacheOptions) -> TokenStream {
    let mut steps = TokenStream::new();
    for (step, option) in [
        ("tags_from", &options.tags_from),
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
