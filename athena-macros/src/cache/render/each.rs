//! Writes the expansion of a function with `each`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::{ask, key, opening};
use crate::cache::each::{EachList, ListForm};
use crate::cache::plan::CachePlan;
use crate::function::Argument;
use crate::origin::Origin;
use crate::runtime::Runtime;
use crate::tokens::hidden_at;

/// All that stands in the function.
pub(super) fn render(list: &EachList, plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let (hidden, private) = (Span::mixed_site(), runtime.private());
    let (opening, key) = (opening(plan, runtime), key(plan, runtime));
    let (origin, output) = (&plan.origin, &plan.origin.output);
    // Errors point at the result, as do those of the same kind when the call runs.
    let place = hidden_at(output);
    let ids = &origin.arguments[list.position].local;
    let tags = plan.tags.iter().map(|tag| {
        let tag = tag.closure();
        quote_spanned!(hidden=> tags.add(#tag);)
    });
    let stored = ask::stored(plan, runtime);
    let closures = ask::closures(&plan.options);
    let load = load(list, origin, runtime);
    let named = quote_spanned!(place=> call.each);
    let all = quote_spanned!(place=> &#ids[..]);
    let result = runtime.private_at(place);
    let result = quote_spanned!(place=> let result = #result::ReturnProbe::<#output>::new(););
    let probe = Ident::new("result", place);
    let run = quote_spanned!(place=> ask.run(load).await);
    quote_spanned!(hidden=>
        #opening
        #result
        #[allow(unused_variables, clippy::used_underscore_binding)]
        let ask = #named(#probe, #all, |call, tags, #ids| { #key #(#tags)* });
        #stored
        #closures
        let feed = ask.feed();
        #[allow(clippy::used_underscore_binding)]
        let load = ::core::pin::pin!(async move {
            while let ::core::option::Option::Some(missing) = #private::Feed::next(&feed).await {
                #load
            }
        });
        #run
    )
}

/// One run of the body, with the elements that are missing in place of the list.
fn load(list: &EachList, origin: &Origin, runtime: &Runtime) -> TokenStream {
    let hidden = Span::mixed_site();
    let others = origin.arguments.iter().enumerate().filter(|(at, _)| *at != list.position);
    let others = others.map(|(_, argument)| {
        let (local, place) = (&argument.local, hidden_at(&argument.local));
        let (bound, private) = (bound(argument), runtime.private_at(place));
        quote_spanned!(place=> let #bound = #private::again(&#local);)
    });
    let argument = &origin.arguments[list.position];
    let bound = bound(argument);
    let missing = match list.form {
        ListForm::Slice => quote_spanned!(hidden=> let #bound = &missing[..];),
        ListForm::Owned => quote_spanned!(hidden=> let #bound = missing;),
    };
    // Some arguments may serve the key alone.
    let names = origin.arguments.iter().filter_map(Argument::name);
    let load = origin.load_again();
    quote_spanned!(hidden=>
        #(#others)*
        #missing
        #(let _ = &#names;)*
        feed.give(#load.await);
    )
}

/// What an argument is bound to for the body: what the user wrote, where that is a name, with its `mut`.
fn bound(argument: &Argument) -> TokenStream {
    match argument.name() {
        Some(_) => argument.pattern.to_token_stream(),
        None => argument.local.to_token_stream(),
    }
}
