//! Checks the options of `#[athena_cache]` against each other and the function.

use proc_macro2::Span;

use crate::bound::{self, Bound};
use crate::cache::options::{CacheOptions, Codec, FAIL_FAST};
use crate::cache::plan::{CachePlan, Load, Store};
use crate::cache::{background, constant, each, key, output};
use crate::fault::Faults;
use crate::function::Function;
use crate::origin::{AsyncForm, Origin};

/// Everything that is wrong, or a plan that can be rendered.
pub(crate) fn check(
    options: CacheOptions,
    function: Function,
    mut faults: Faults,
) -> syn::Result<CachePlan> {
    let all_read = faults.is_empty();
    let mut origin = Origin::check(function, &mut faults);
    output::check(&options, &origin, &mut faults);
    refuse_combinations(&options, &mut faults);
    refuse_refresh_of_nothing(&options, &mut faults);
    refuse_to_give_up_a_thread(&options, &origin, &mut faults);
    constant::check(&options, &origin, &mut faults);
    let list = each::check(&options, &mut origin, &mut faults);
    let plan = CachePlan {
        naming: key::check(&options, &origin, all_read, &mut faults),
        tags: tags(&options, &origin, &mut faults),
        store: store(&options),
        carries_errors: carries_errors(&options),
        load: match list {
            Some(list) => Load::Each(list),
            None => load(&options, &origin, &mut faults),
        },
        origin,
        options,
    };
    faults.or(plan)
}

fn refuse_combinations(options: &CacheOptions, faults: &mut Faults) {
    if let (Some(negative), None) = (&options.negative, &options.negative_ttl) {
        let message = "`negative = err` needs to know for how long; add `negative_ttl = \"10s\"`";
        faults.at(&negative.name, message);
    }
    if let (Some(codec), Some(_)) = (&options.codec, &options.tier) {
        let message = "`codec` has no effect with `tier = memory`, which keeps values as they are; \
                       remove one";
        faults.at(&codec.name, message);
    }
    if let (Some(grouped), Some(_)) = (&options.grouped, &options.shared) {
        let message = "`grouped` has no hold on what other functions load under a `shared` key; write \
                       one tag at all of them instead, as in `tags = [\"products\"]`";
        faults.at(&grouped.name, message);
    }
    if let (Some(soft), Some(hard)) = (&options.soft_timeout, &options.hard_timeout)
        && let (Some(soft_limit), Some(hard_limit)) = (soft.value.known(), hard.value.known())
        && soft_limit >= hard_limit
    {
        let message = "`soft_timeout` never acts unless it is shorter than `hard_timeout`";
        faults.at(&soft.name, message);
    }
}

/// A value that is never kept is never old enough; with `ttl_from` the `ttl` is none of values.
fn refuse_refresh_of_nothing(options: &CacheOptions, faults: &mut Faults) {
    if options.ttl_from.is_some() {
        return;
    }
    if let (Some(refresh), Some(ttl)) = (&options.refresh, &options.ttl)
        && ttl.value.known().is_some_and(|ttl| ttl.is_zero())
    {
        let message = "`refresh` has no effect with `ttl = \"0s\"`, which keeps nothing that could be \
                       reloaded; remove it, or write a longer `ttl`, such as `\"5m\"`";
        faults.at(&refresh.name, message);
    }
}

fn refuse_to_give_up_a_thread(options: &CacheOptions, origin: &Origin, faults: &mut Faults) {
    if let (Some(hard), AsyncForm::Blocking, None) =
        (&options.hard_timeout, origin.form, &options.each)
    {
        let message = "`hard_timeout` gives up a load that takes too long, and a function that is not `async` \
                       cannot be given up; make it `async`, or remove the option";
        faults.at(&hard.name, message);
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
    if options.each.is_some() {
        return Load::InPlace;
    }
    let refresh = options.refresh.as_ref().map(|refresh| &refresh.name);
    let soft_timeout = options.soft_timeout.as_ref().map(|timeout| &timeout.name);
    match refresh.or(soft_timeout) {
        Some(option) => Load::Background(background::check(option, origin, faults)),
        None => Load::InPlace,
    }
}
