//! Writes the constants of an annotated function.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use crate::attribute::Written;
use crate::cache::plan::{CachePlan, Key, Store};
use crate::runtime::Runtime;

/// The constants of the function, in a block that hides their names.
pub(crate) fn render(plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let (private, hidden) = (runtime.private(), Span::mixed_site());
    let policy = policy(plan, runtime);
    quote_spanned!(hidden=> {
        fn here() {}
        static SITE: #private::Site = #private::Site::new(
            || ::core::any::type_name_of_val(&here),
            #private::SiteOptions { #policy ..#private::SiteOptions::NEW },
        );
        &SITE
    })
}

/// `ttl: Some(…),` for each option that was written.
fn policy(plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let (private, hidden) = (runtime.private(), Span::mixed_site());
    let options = &plan.options;
    let fallback = options.fallback.as_ref().map(|fallback| {
        let name = &fallback.value;
        some(quote_spanned!(hidden=> #private::Fallback::#name))
    });
    let version = options.version.as_ref().map(|version| version.value);
    let on = |on: bool| on.then(|| quote_spanned!(hidden=> true));
    let key = match &plan.naming.key {
        Key::Written(template) => Some(template.parts(&private)),
        Key::Derived(_) => None,
    };
    let tags = (!plan.tags.is_empty()).then(|| {
        let tags = plan.tags.iter().map(|tag| tag.parts(&private));
        quote_spanned!(hidden=> &[#(#tags),*])
    });
    let grouped = options.grouped.as_ref();
    let grouping = grouped.map(|_| quote_spanned!(hidden=> #private::Grouping::Grouped));
    let fields = [
        ("key", key),
        ("shared", on(options.shared.is_some())),
        ("name", plain(options.name.as_ref())),
        ("version", version.map(ToTokens::into_token_stream)),
        ("ttl", duration(options.ttl.as_ref())),
        ("grace", duration(options.grace.as_ref())),
        ("negative_ttl", duration(options.negative_ttl.as_ref())),
        ("soft_timeout", duration(options.soft_timeout.as_ref())),
        ("hard_timeout", duration(options.hard_timeout.as_ref())),
        ("jitter", plain(options.jitter.as_ref())),
        ("refresh", plain(options.refresh.as_ref())),
        ("memory_only", on(plan.store == Store::Memory)),
        ("fallback", fallback),
        ("grouping", grouping),
        ("tags", tags),
        ("remember_errors", on(options.negative.is_some())),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| {
        let (name, value) = (Ident::new(name, hidden), value?);
        Some(quote_spanned!(hidden=> #name: #value,))
    });
    fields.collect()
}

fn plain<T: ToTokens>(option: Option<&Written<T>>) -> Option<TokenStream> {
    option.map(|option| some(&option.value))
}

fn duration(option: Option<&Written<Duration>>) -> Option<TokenStream> {
    let millis = option?.value.as_millis();
    // Parsing has checked that they fit.
    let millis = u64::try_from(millis).unwrap_or(u64::MAX);
    let duration =
        quote_spanned!(Span::mixed_site()=> ::core::time::Duration::from_millis(#millis));
    Some(some(duration))
}

fn some(value: impl ToTokens) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> ::core::option::Option::Some(#value))
}
