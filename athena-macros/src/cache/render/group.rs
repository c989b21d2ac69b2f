//! Writes what stands for a function in `functions = […]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use crate::cache::plan::CachePlan;
use crate::runtime::Runtime;
use crate::tokens;

/// A type that is named like the function, and so comes along wherever that is imported.
///
/// A method has none: there is no room for a type beside it. That a function without `self` is one of a type can be told
/// by `Self` alone.
pub(crate) fn marker(plan: &CachePlan, runtime: &Runtime) -> Option<TokenStream> {
    let function = &plan.origin.function;
    let is_beside_a_type =
        function.receiver().is_some() || tokens::find(&function.sig, "Self").is_some();
    let grouped = plan.options.grouped.as_ref().filter(|_| !is_beside_a_type)?;
    // Errors about a type that may not stand here point at the option.
    let place = grouped.name.span();
    let (private, vis, ident) = (runtime.private(), &function.vis, &function.sig.ident);
    let cfgs = function.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    let cfgs: Vec<_> = cfgs.collect();
    // The path of the type is that of the function.
    let path = || quote_spanned!(place=> ::core::any::type_name::<Self>());
    let given = plan.options.name.as_ref();
    let name = given.map_or_else(path, |name| name.value.to_token_stream());
    Some(quote_spanned! {place=>
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(dead_code, missing_docs, missing_debug_implementations, missing_copy_implementations)]
        #[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
        #vis struct #ident {}
        #(#cfgs)*
        impl #private::Grouped for #ident {
            fn name() -> &'static str {
                #name
            }
        }
    })
}
