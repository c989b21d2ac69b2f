//! The options of `#[athena_invalidate]`.

use syn::{Expr, Path};

use crate::attribute::{Rule, Written, put};
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

/// Every option there is.
pub(crate) const RULES: &[Rule<InvalidateOptions>] = &[
    Rule::value("cache", |to, at, input| put(&mut to.cache, at, input.parse())),
    Rule::value("crate", |to, at, input| put(&mut to.root, at, input.call(Path::parse_mod_style))),
    Rule::value("functions", |to, at, input| put(&mut to.functions, at, functions::parse(input))),
    Rule::value("keys", |to, at, input| put(&mut to.keys, at, list::templates(input))),
    Rule::value("on", |to, at, input| {
        let on = literal::word(input, &[("ok", On::Ok), ("always", On::Always)]);
        put(&mut to.on, at, on.map(|(_, on)| on))
    }),
    Rule::value("tags", |to, at, input| put(&mut to.tags, at, list::templates(input))),
    Rule::value("tags_from", |to, at, input| put(&mut to.tags_from, at, input.parse())),
];
