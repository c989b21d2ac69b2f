//! Checks the options of `#[athena_cache]` against each other and the function.

use proc_macro2::{Ident, Span};
use syn::Type;

use crate::bound::{self, Bound};
use crate::cache::background;
use crate::cache::options::{CacheOptions, Codec, FAIL_FAST};
use crate::cache::plan::{CachePlan, Key, Load, Store};
use crate::choice;
use crate::fault::Faults;
use crate::function::{self, Argument, Function};
use crate::origin::Origin;
use crate::tokens;

/// Everything that is wrong, or a plan that can be rendered.
pub(crate) fn check(
    options: CacheOptions,
    function: Function,
    mut faults: Faults,
) -> syn::Result<CachePlan> {
    let origin = Origin::check(function, &mut faults);
    refuse_output(&origin, &mut faults);
    refuse_combinations(&options, &mut faults);
    let plan = CachePlan {
        key: key(&options, &origin, &mut faults),
        tags: tags(&options, &origin, &mut faults),
        store: store(&options),
        carries_errors: carries_errors(&options),
        load: load(&options, &origin, &mut faults),
        origin,
        options,
    };
    faults.or(plan)
}

fn refuse_output(origin: &Origin, faults: &mut Faults) {
    let output = &origin.output;
    if matches!(output, Type::Tuple(tuple) if tuple.elems.is_empty()) {
        let message = "there is nothing to cache: this function returns `()`";
        faults.at(output, message);
    }
    if tokens::borrows(output) {
        let message = "a cached value outlives the call, so it cannot borrow; return an owned type";
        faults.at(output, message);
    }
}

fn refuse_combinations(options: &CacheOptions, faults: &mut Faults) {
    if let (Some(skip), Some(_)) = (&options.skip, &options.key) {
        let message = "`skip` has no effect beside `key`, which names all it needs; remove one";
        faults.at(&skip.name, message);
    }
    if let (Some(negative), None) = (&options.negative, &options.negative_ttl) {
        let message = "`negative = err` needs to know for how long; add `negative_ttl = \"10s\"`";
        faults.at(&negative.name, message);
    }
    if let (Some(codec), Some(_)) = (&options.codec, &options.tier) {
        let message = "`codec` has no effect with `tier = memory`, which keeps values as they are; \
                       remove one";
        faults.at(&codec.name, message);
    }
    if let (Some(soft), Some(hard)) = (&options.soft_timeout, &options.hard_timeout)
        && soft.value >= hard.value
    {
        let message = "`soft_timeout` never acts unless it is shorter than `hard_timeout`";
        faults.at(&soft.name, message);
    }
}

fn key(options: &CacheOptions, origin: &Origin, faults: &mut Faults) -> Key {
    if let Some(template) = &options.key {
        return Key::Written(bound::key(&template.value, origin, faults));
    }
    let skipped = options.skip.as_ref().map_or(&[][..], |skip| &skip.value);
    refuse_unknown(skipped, origin, faults);
    let arguments = origin.arguments.iter().enumerate();
    let taken: Vec<_> = arguments
        .filter(|(_, argument)| !skipped.iter().any(|name| argument.binds(name)))
        .collect();
    for (_, argument) in &taken {
        refuse_mutable(argument, faults);
    }
    Key::Derived(taken.into_iter().map(|(position, _)| position).collect())
}

fn refuse_mutable(argument: &Argument, faults: &mut Faults) {
    if matches!(&argument.ty, Type::Reference(ty) if ty.mutability.is_some()) {
        let local = &argument.local;
        let message = format!(
            "a cached function must not change its arguments; take `{local}` by `&`, or leave it \
             out of the key with `skip({local})`"
        );
        faults.at(&argument.ty, message);
    }
}

/// `self` may be skipped, which it is anyway.
fn refuse_unknown(skipped: &[Ident], origin: &Origin, faults: &mut Faults) {
    let names = function::names(&origin.arguments);
    for name in skipped {
        let known = origin.arguments.iter().any(|argument| argument.binds(name))
            || (name == "self" && origin.function.receiver().is_some());
        if !known {
            let function = &origin.function.sig.ident;
            let expected = match names.as_slice() {
                [] => "which has none".to_owned(),
                names => choice::expected(&name.to_string(), names),
            };
            let message = format!("`{name}` is no argument of `{function}`, {expected}");
            faults.at(name, message);
        }
    }
}

fn tags(options: &CacheOptions, origin: &Origin, faults: &mut Faults) -> Vec<Bound> {
    let templates = options.tags.as_ref().map_or(&[][..], |tags| &tags.value);
    templates.iter().map(|template| bound::tag(template, origin, faults)).collect()
}

fn store(options: &CacheOptions) -> Store {
    match (&options.tier, &options.codec) {
        (Some(_), _) => Store::Memory,
        (None, Some(codec)) => Store::Bytes(codec.value),
        (None, None) => Store::Bytes(Codec::default()),
    }
}

/// A hard timeout and `FailFast` end in an error that the function must be able to carry.
fn carries_errors(options: &CacheOptions) -> Option<Span> {
    let fails_fast = options
        .fallback
        .as_ref()
        .filter(|fallback| fallback.value == FAIL_FAST)
        .map(|fallback| fallback.value.span());
    let times_out = options.hard_timeout.as_ref();
    times_out.map(|timeout| timeout.name.span()).or(fails_fast)
}

fn load(options: &CacheOptions, origin: &Origin, faults: &mut Faults) -> Load {
    let refresh = options.refresh.as_ref().map(|refresh| &refresh.name);
    let soft_timeout = options.soft_timeout.as_ref().map(|timeout| &timeout.name);
    match refresh.or(soft_timeout) {
        Some(option) => Load::Background(background::check(option, origin, faults)),
        None => Load::InPlace,
    }
}
