//! The options of `#[athena_invalidate]`.

use syn::{Expr, Path};

use crate::attribute::{Rule, Table, Written, put};
use crate::foreign::Foreign;
use crate::invalidate::functions::{self, Named};
use crate::template::Template;
use crate::{list, literal};

/// What was written, each option with its name.
#[derive(Default)]
pub(crate) struct InvalidateOptions {
    pub(crate) cache: Option<Written<Expr>>,
    pub(crate) root: Option<Written<Path>>,
    pub(crate) functions: Option<Written<Vec<Named>>>,
    pub(crate) keys: Option<Written<Vec<Template>>>,
    pub(crate) on: Option<Written<On>>,
    pub(crate) tags: Option<Written<Vec<Template>>>,
    pub(crate) tags_from: Option<Written<Expr>>,
}

/// After which results to invalidate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// Any but `Err`.
    Ok,
    Always,
}

/// Every option there is, and what others call otherwise.
pub(crate) static TABLE: Table<InvalidateOptions> = Table {
    rules: RULES,
    foreign: FOREIGN,
    nameless: "what shares a label goes by `tags = [{}]`, an entry with a `key` of its own by \
               `keys = [\"product:{id}\"]`",
};

const FOREIGN: &[Foreign] = &[
    Foreign::word(
        &["all_entries", "allEntries", "all"],
        "all entries of a function go by `functions = [products]` if it says `grouped`; those of some \
         functions by a tag that they have in common, `tags = [\"products\"]`; all of a cache by \
         `cache.clear().await` in the body",
    ),
    Foreign::word(
        &["value", "cache_names", "cacheNames", "cache_name", "group"],
        "entries are not grouped by names of caches but by tags: `tags = [\"products\"]`",
    ),
    Foreign::word(&["key", "cache_key"], "keys are a list: `keys = [\"product:{id}\"]`"),
    Foreign::word(&["tag"], "tags are a list: `tags = [\"products\"]`"),
    Foreign::word(
        &["before_invocation", "beforeInvocation", "before"],
        "what is loaded while the body runs could be outdated before it ends, so entries go after it; \
         write `on = always` if they are to go after an `Err`, too",
    ),
    Foreign::word(
        &["condition", "when", "unless"],
        "an invalidation too many costs a load, and one too few an outdated answer, so that there is \
         no condition but `on = ok` and `on = always`; write `cache.invalidate_tag(…)` in the body",
    ),
];

const RULES: &[Rule<InvalidateOptions>] = &[
    Rule::value("cache", |to, at, input| put(&mut to.cache, at, input.parse())),
    Rule::value("crate", |to, at, input| put(&mut to.root, at, literal::path(input))),
    Rule::value("functions", |to, at, input| put(&mut to.functions, at, functions::parse(input))),
    Rule::value("keys", |to, at, input| put(&mut to.keys, at, list::templates(input))),
    Rule::value("on", |to, at, input| {
        let on = literal::word(input, &[("ok", On::Ok), ("always", On::Always)]);
        put(&mut to.on, at, on.map(|(_, on)| on))
    }),
    Rule::value("tags", |to, at, input| put(&mut to.tags, at, list::templates(input))),
    Rule::value("tags_from", |to, at, input| put(&mut to.tags_from, at, input.parse())),
];
