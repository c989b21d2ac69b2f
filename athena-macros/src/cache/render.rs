//! Writes the expansion of a plan: a few lines that call the runtime.
//!
//! Our names are spanned at `mixed_site`, so the user's `key` is not our
//! `key`. Each step stands where its errors belong: at an argument, at the
//! return type, at an option.

mod ask;
mod background;
mod each;
mod group;
mod site;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use crate::attribute::Written;
use crate::bound::Exposure;
use crate::cache::plan::{CachePlan, Key, Load};
use crate::function::Body;
use crate::origin::AsyncForm;
use crate::runtime::Runtime;
use crate::tokens::hidden_at;

/// The whole expansion.
pub(crate) fn render(plan: &CachePlan) -> TokenStream {
    let runtime = Runtime::new(plan.options.root.as_ref());
    let (body, content, beside) = match &plan.load {
        Load::InPlace => {
            let load = plan.origin.load();
            let run = quote_spanned!(hidden()=> ::core::pin::pin!(#load));
            let run = if plan.origin.form == AsyncForm::Blocking {
                quote_spanned!(hidden_at(&plan.origin.output)=> ask.block(#run))
            } else {
                quote_spanned!(hidden_at(&plan.origin.output)=> ask.run(#run).await)
            };
            (Body::Here, one(None, &run, plan, &runtime), None)
        }
        Load::Background(load) => {
            let before = background::inner(load, &plan.origin);
            let run = background::run(load, &plan.origin, &runtime);
            let content = one(before.as_ref(), &run, plan, &runtime);
            (Body::Moved, content, background::sibling(load, &plan.origin))
        }
        Load::Each(list) => (Body::Moved, each::render(list, plan, &runtime), None),
    };
    let function = plan.origin.emit(body, &content);
    let group = group::marker(plan, &runtime);
    quote_spanned!(hidden()=> #function #beside #group)
}

/// All that stands in a function with one entry.
fn one(
    before: Option<&TokenStream>,
    run: &TokenStream,
    plan: &CachePlan,
    runtime: &Runtime,
) -> TokenStream {
    let (look, ask) = (look(plan, runtime), ask::render(plan, runtime));
    quote_spanned!(hidden()=> #before #look #ask #run)
}

/// The site, and a call that is not named yet.
fn opening(plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let site = site::render(plan, runtime);
    let call = call(plan, runtime);
    let when = plan.options.when.as_ref().map(|when| {
        let condition = &when.value;
        quote_spanned!(hidden_at(condition)=> call.when(#condition);)
    });
    quote_spanned!(hidden()=>
        let site = #site;
        #call
        #when
    )
}

/// From the site to the question whether the answer is already here.
fn look(plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let private = runtime.private();
    let opening = opening(plan, runtime);
    let key = key(plan, runtime);
    let shape = runtime.shape(&plan.origin.output);
    // Errors point at the result, as do those of the same kind when the call runs.
    let place = hidden_at(&plan.origin.output);
    let look = if plan.origin.form == AsyncForm::Blocking {
        quote_spanned!(place=> call.look_blocking(shape))
    } else {
        quote_spanned!(place=> call.look(shape))
    };
    quote_spanned!(hidden()=>
        #opening
        #key
        #shape
        let ask = match #look {
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
fn key(plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let instance = quote_spanned!(hidden()=> ::core::any::type_name_of_val(&|| ()));
    match &plan.naming.key {
        Key::Written(text) => {
            let call = Ident::new("call", hidden());
            let text = text.write_key(&call, runtime);
            quote_spanned!(hidden()=> call.key_of(#instance); #text)
        }
        Key::Derived(taken) => {
            let arguments = taken.iter().map(|(position, exposure)| {
                let local = &plan.origin.arguments[*position].local;
                let place = hidden_at(local);
                let add = match exposure {
                    Exposure::Readable => Ident::new("arg", place),
                    Exposure::Secret => Ident::new("secret", place),
                };
                // With `each` it is an element by reference.
                let is_element =
                    matches!(&plan.load, Load::Each(list) if list.position == *position);
                let by_reference = (!is_element).then(|| quote_spanned!(place=> &));
                quote_spanned!(place=>
                    #[allow(clippy::used_underscore_binding)]
                    call.#add(#by_reference #local);
                )
            });
            quote_spanned!(hidden()=>
                call.type_part(#instance);
                #(#arguments)*
            )
        }
    }
}

fn hidden() -> Span {
    Span::mixed_site()
}
