//! What is wrong with functions, and with what is said of them; each said once.

use tracing::field::display;

use crate::excerpt::Excerpt;

/// Two functions of one name; said once per function.
pub(crate) fn name_taken(site: &str) {
    tracing::error!(
        target: "athena_cache",
        site,
        "two annotated functions have this name; the second runs uncached, give it a `name` of its own"
    );
}

/// Two functions whose keys may be one; said once per function and cache.
pub(crate) fn key_taken(site: &str, other: &str) {
    tracing::error!(
        target: "athena_cache",
        site,
        other,
        "two annotated functions may give one `key` to entries of one cache; this one runs uncached: \
         begin its `key` with another word, or write `shared` at both if they mean the same entries"
    );
}

/// Two instances of a generic function of one key; said once per instance and cache.
pub(crate) fn instance_taken(site: &str, instance: &str, other: &str) {
    tracing::error!(
        target: "athena_cache",
        site,
        instance,
        other,
        "two instances of a generic function give one `key` to entries of one cache; this one runs \
         uncached: remove `key`, since entries without it are told apart by type, or write `shared` if \
         they mean the same ones"
    );
}

/// A call whose arguments make no key; said once per function.
pub(crate) fn no_key(site: &str, reason: &str) {
    tracing::error!(
        target: "athena_cache",
        site,
        reason,
        "a call runs uncached, because its arguments make no key; this function is not told of again"
    );
}

/// A function that is not `async` was called where it must not wait; said once per function.
pub(crate) fn blocking_in_task(site: &str) {
    tracing::warn!(
        target: "athena_cache",
        site,
        "a call runs uncached: this function is not async and was called in a task, whose thread must not wait for \
         the cache; call it in tokio::task::spawn_blocking or block_in_place, or make it async; this function is \
         not told of again"
    );
}

/// A function with `each` returned more than it was asked for; said once per function.
pub(crate) fn unasked(site: &str) {
    tracing::warn!(
        target: "athena_cache",
        site,
        "a function with `each` returned values of elements that it was not given, which are left out of the result: it \
         is called with those that are not cached, under the name of its list, and returns values of these; this \
         function is not told of again"
    );
}

/// Settings of a function that have no effect; said once for each function and change of settings.
pub(crate) fn site_settings(cache: &str, site: &str, reason: &str) {
    tracing::warn!(
        target: "athena_cache",
        cache, site, reason,
        "not all of what is set for this function has an effect"
    );
}

/// Settings whose name no function has; said once for each name and change of settings.
pub(crate) fn site_unmatched(cache: &str, site: &str, nearest: Option<&str>) {
    let site = display(Excerpt::of(site));
    tracing::warn!(
        target: "athena_cache",
        cache, %site, nearest,
        "there are settings for a function that has not been called so far: write `[sites.\"…\"]` with its `name`, or \
         its path as in `shop::products`; `nearest` is a function of this process that may be meant"
    );
}

/// Entries of a function that were to be invalidated together, and cannot be; said once per function and cache.
pub(crate) fn not_grouped(cache: &str, site: &str) {
    tracing::error!(
        target: "athena_cache",
        cache, site,
        "`functions` names a function that lacks `grouped`, so its entries are not invalidated: add `grouped` to its \
         `#[athena_cache]`"
    );
}

/// A function whose entries are invalidated, and that nobody has called here; said once per name and cache.
pub(crate) fn function_unknown(cache: &str, site: &str, nearest: Option<&str>) {
    let Some(nearest) = nearest else {
        // What is no path may be anything, a key as well.
        let is_part =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
        let is_path = site.contains("::") && site.split("::").all(is_part);
        let site = is_path.then(|| display(Excerpt::of(site)));
        tracing::info!(
            target: "athena_cache",
            cache, site,
            "all entries of a function are invalidated that was not called in this process: nobody here can say whether \
             there is one of that name"
        );
        return;
    };
    let site = display(Excerpt::of(site));
    tracing::warn!(
        target: "athena_cache",
        cache, %site, nearest,
        "all entries of a function are invalidated that was not called in this process; `nearest` is one that was, and \
         may be meant"
    );
}

/// Keys or tags that are invalidated, and that nothing has; said once per template of `#[athena_invalidate]`.
pub(crate) fn nothing_so_labelled(site: &str, template: &str, nearest: &str, label: &str) {
    tracing::warn!(
        target: "athena_cache",
        site, template, nearest, label,
        "keys or tags are invalidated that no function makes which was called in this process; `nearest` makes `label`, \
         which may be meant: an entry is found by exactly the text that it was given. If other processes make them, or \
         `cache.entry(…)` does, all is well"
    );
}
