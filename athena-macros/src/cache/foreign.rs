//! What other caches call otherwise, with what is written here instead.
//!
//! From `cached`, moka, Spring's annotations, `FusionCache` and cashews. A word that becomes an option
//! leaves this list.

use crate::foreign::Foreign;

/// What a value without a name may have been meant for.
pub(crate) const NAMELESS: &str = "entries belong to their function, which has its name by itself: write \
                                   `name = {}` to give it another, `tags = [{}]` to invalidate by";

/// Words that people know from elsewhere.
pub(crate) const WORDS: &[Foreign] = &[
    Foreign::duration(
        &[
            "time",
            "expire",
            "expires",
            "expiry",
            "expiration",
            "duration",
            "lifetime",
            "lifespan",
            "max_age",
            "time_to_live",
            "ttl_secs",
            "ttl_seconds",
            "ttl_ms",
            "ttl_millis",
        ],
        "ttl",
        "how long a value is fresh",
    ),
    Foreign::duration(
        &["stale", "stale_ttl", "fail_safe", "fail_safe_max_duration", "stale_if_error"],
        "grace",
        "how long a value may answer past its `ttl`",
    ),
    Foreign::duration(
        &["timeout", "factory_hard_timeout", "lock_timeout"],
        "hard_timeout",
        "how long the function is waited for",
    ),
    Foreign::duration(
        &["factory_soft_timeout"],
        "soft_timeout",
        "how long the function is waited for beside a stale value",
    ),
    Foreign::word(
        &["time_to_idle", "idle", "tti", "time_refresh"],
        "entries end by their age alone, so that none is outdated for as long as it is asked for; write `ttl = \"5m\"`",
    ),
    Foreign::word(
        &[
            "eager_refresh",
            "eager_refresh_threshold",
            "early_ttl",
            "refresh_ahead",
            "refresh_after",
        ],
        "to reload in the background before a value ends write `refresh = \"80%\"`, a share of the `ttl`",
    ),
    Foreign::word(
        &["condition", "cond", "time_condition", "only_if"],
        "a condition for the cache is written `when = id > 0`, one for keeping a value \
         `unless = |value| value.is_empty()`",
    ),
    Foreign::word(
        &["size", "max_size", "capacity", "max_capacity", "max_entries", "limit"],
        "how many entries there may be is one number for the whole cache: `max_entries` of its memory \
         settings, as in `Cache::builder(\"shop\").memory(Memory::bounded(50_000))`",
    ),
    Foreign::word(
        &["sync", "sync_writes", "sync_lock", "lock", "locked", "single_flight", "protected"],
        "callers of one key wait for one load, which is always so; leave it out",
    ),
    Foreign::word(
        &["result", "with_cached_err", "cache_err"],
        "an `Err` is never kept, which is always so; leave it out, or write \
         `negative = err, negative_ttl = \"10s\"` to remember errors, too",
    ),
    Foreign::word(
        &["option", "cache_none"],
        "`None` is kept like a value; leave it out, or write `negative_ttl = \"10s\"` to remember it for less \
         long, `negative_ttl = \"0s\"` not to keep it",
    ),
    Foreign::word(
        &["convert", "key_generator", "keyGenerator", "key_prefix", "prefix"],
        "a key needs no conversion: all arguments are in it; write `key = \"product:{id}\"` to name the entry \
         by hand",
    ),
    Foreign::word(
        &["value", "cache_names", "cacheNames", "cache_name", "region", "group"],
        "entries belong to their function; write `name = \"shop::products\"` to give it another name, \
         `tags = [\"products\"]` to invalidate it with others",
    ),
    Foreign::word(
        &["all_entries", "allEntries"],
        "an annotated function does not remove entries; `cache.clear().await` drops all of a cache, \
         `#[athena_invalidate(tags = [\"products\"])]` those with a tag, \
         `#[athena_invalidate(functions = [products])]` those of a function that says `grouped`",
    ),
    Foreign::word(
        &["many", "batch", "items", "keys", "keys_from_attr", "list_name"],
        "a function from a list to a map has an entry for each element with `each = ids`, where `ids` is the argument \
         that is the list",
    ),
    Foreign::word(&["tag"], "tags are a list: `tags = [\"products\"]`"),
    Foreign::word(
        &[
            "ty",
            "type",
            "create",
            "unbound",
            "map_error",
            "with_cached_flag",
            "cache_manager",
            "cacheManager",
        ],
        "the cache is built once for the program, `Cache::builder(\"shop\").build()?.install()`, and holds \
         values of all types; leave it out, or write `cache = self.cache` to use one of your own",
    ),
    Foreign::word(
        &["disk", "redis", "backend"],
        "where entries are kept is up to the cache, as in `Cache::builder(\"shop\").backend(redis)`; \
         `tier = memory` keeps those of a function in this process",
    ),
    Foreign::word(
        &["force_refresh"],
        "to load now and replace what is kept, ask for it where it is called: `of(product(7)).refresh().await`",
    ),
    Foreign::word(
        &["serializer", "format", "encoding"],
        "how a value becomes bytes is written `codec = Json` or `codec = Postcard`",
    ),
];
