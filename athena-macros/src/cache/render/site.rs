//! Writes the constants of an annotated function.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;

use crate::attribute::Written;
use crate::cache::options::CacheOptions;
use crate::cache::plan::{CachePlan, Key, Load, Store};
use crate::duration::Time;
use crate::runtime::Runtime;

/// The constants of the function, in a block that hides their names.
pub(crate) fn render(plan: &CachePlan, runtime: &Runtime) -> TokenStream {
    let (private, hidden) = (runtime.private(), Span::mixed_site());
    let policy = policy(plan, runtime);
    quote_spanned!(hidden=> {
        fn here() {}
        static ATHENA_SITE: #private::Site = #private::Site::new(
            || ::core::any::type_name_of_val(&here),
            #private::SiteOptions { #policy ..#private::SiteOptions::NEW },
        );
        &ATHENA_SITE
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
        ("ttl", ttl(options, runtime)),
        ("grace", time(options.grace.as_ref(), runtime)),
        ("negative_ttl", negative_ttl(plan, runtime)),
        ("soft_timeout", soft_timeout(options, runtime)),
        ("hard_timeout", hard_timeout(options, runtime)),
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

fn time(option: Option<&Written<Time>>, runtime: &Runtime) -> Option<TokenStream> {
    option.map(|option| some(checked(&option.value, "time", runtime)))
}

/// That a body of many left one out is no word of it, as `None` is, unless somebody says so.
fn negative_ttl(plan: &CachePlan, runtime: &Runtime) -> Option<TokenStream> {
    let written = time(plan.options.negative_ttl.as_ref(), runtime);
    let not_at_all = || some(quote_spanned!(Span::mixed_site()=> ::core::time::Duration::ZERO));
    written.or_else(|| matches!(plan.load, Load::Each(_)).then(not_at_all))
}

/// What rustc evaluates it to is checked beside `refresh`, too.
fn ttl(options: &CacheOptions, runtime: &Runtime) -> Option<TokenStream> {
    let Written { value, .. } = options.ttl.as_ref()?;
    let ttl = checked(value, "time", runtime);
    Some(some(match (value, &options.refresh, &options.ttl_from) {
        (Time::Constant(constant), Some(_), None) => {
            let (place, private) = (constant.span(), runtime.private_at(constant.span()));
            quote_spanned!(place=> #private::times::kept(#ttl))
        }
        _ => ttl,
    }))
}

/// The same beside `hard_timeout`.
fn soft_timeout(options: &CacheOptions, runtime: &Runtime) -> Option<TokenStream> {
    let Written { name, value } = options.soft_timeout.as_ref()?;
    let soft = checked(value, "time", runtime);
    Some(some(match &options.hard_timeout {
        Some(hard) if value.known().is_none() || hard.value.known().is_none() => {
            let (place, hard) = (name.span(), checked(&hard.value, "limit", runtime));
            let private = runtime.private_at(place);
            quote_spanned!(place=> #private::times::below(#soft, #hard))
        }
        _ => soft,
    }))
}

fn hard_timeout(options: &CacheOptions, runtime: &Runtime) -> Option<TokenStream> {
    let hard = options.hard_timeout.as_ref()?;
    Some(some(checked(&hard.value, "limit", runtime)))
}

/// A duration; a constant is held against what texts are held against, by the function `check`.
fn checked(time: &Time, check: &str, runtime: &Runtime) -> TokenStream {
    match time {
        Time::Known(duration) => {
            // Parsing has checked that they fit.
            let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            quote_spanned!(Span::mixed_site()=> ::core::time::Duration::from_millis(#millis))
        }
        Time::Constant(constant) => {
            // A panic is told where the user's own tokens are, and else of the attribute as a whole.
            let place = constant.span();
            let (private, check) = (runtime.private_at(place), Ident::new(check, place));
            quote_spanned!(place=> #private::times::TimeInCode(#constant).#check())
        }
    }
}

fn some(value: impl ToTokens) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> ::core::option::Option::Some(#value))
}
