//! The options of `#[athena_cache]`.

use proc_macro2::Ident;
use syn::{Expr, LitStr, Path};

use crate::attribute::{Rule, Table, Written, put};
use crate::cache::foreign;
use crate::duration::Time;
use crate::template::Template;
use crate::{duration, list, literal};

/// What was written, each option with its name.
#[derive(Default)]
pub(crate) struct CacheOptions {
    pub(crate) cache: Option<Written<Expr>>,
    pub(crate) codec: Option<Written<Codec>>,
    pub(crate) each: Option<Written<Ident>>,
    pub(crate) root: Option<Written<Path>>,
    pub(crate) fallback: Option<Written<Ident>>,
    pub(crate) grace: Option<Written<Time>>,
    pub(crate) grace_unless: Option<Written<Expr>>,
    pub(crate) hard_timeout: Option<Written<Time>>,
    pub(crate) grouped: Option<Written<()>>,
    pub(crate) jitter: Option<Written<u8>>,
    pub(crate) key: Option<Written<Template>>,
    pub(crate) name: Option<Written<LitStr>>,
    /// `negative = err`
    pub(crate) negative: Option<Written<()>>,
    pub(crate) negative_ttl: Option<Written<Time>>,
    pub(crate) refresh: Option<Written<u8>>,
    pub(crate) secret: Option<Written<Vec<Ident>>>,
    pub(crate) shared: Option<Written<()>>,
    pub(crate) skip: Option<Written<Vec<Ident>>>,
    pub(crate) soft_timeout: Option<Written<Time>>,
    pub(crate) tags: Option<Written<Vec<Template>>>,
    pub(crate) tags_from: Option<Written<Expr>>,
    /// `tier = memory`
    pub(crate) tier: Option<Written<()>>,
    pub(crate) ttl: Option<Written<Time>>,
    pub(crate) ttl_from: Option<Written<Expr>>,
    pub(crate) unless: Option<Written<Expr>>,
    pub(crate) version: Option<Written<u32>>,
    pub(crate) when: Option<Written<Expr>>,
}

impl CacheOptions {
    /// The options that are times.
    pub(crate) fn times(&self) -> impl Iterator<Item = &Written<Time>> {
        let Self { grace, hard_timeout, negative_ttl, soft_timeout, ttl, .. } = self;
        [ttl, grace, negative_ttl, soft_timeout, hard_timeout].into_iter().flatten()
    }
}

/// How values are written for the backend.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Codec {
    Json,
    #[default]
    Postcard,
}

const CODECS: &[(&str, Codec)] = &[("Json", Codec::Json), ("Postcard", Codec::Postcard)];

/// The fallback that gives errors of the cache to the caller.
pub(crate) const FAIL_FAST: &str = "FailFast";

const FALLBACKS: &[(&str, ())] =
    &[("GracefulDegradation", ()), ("ServeStale", ()), (FAIL_FAST, ()), ("OriginOnly", ())];

/// Every option there is, and what others call otherwise.
pub(crate) static TABLE: Table<CacheOptions> =
    Table { rules: RULES, foreign: foreign::WORDS, nameless: foreign::NAMELESS };

const RULES: &[Rule<CacheOptions>] = &[
    Rule::value("cache", |to, at, input| put(&mut to.cache, at, input.parse())),
    Rule::value("codec", |to, at, input| {
        let codec = literal::word(input, CODECS).map(|(_, codec)| codec);
        put(&mut to.codec, at, codec)
    }),
    Rule::value("crate", |to, at, input| put(&mut to.root, at, literal::path(input))),
    Rule::value("each", |to, at, input| put(&mut to.each, at, literal::argument(input))),
    Rule::value("fallback", |to, at, input| {
        let word = literal::word(input, FALLBACKS).map(|(word, ())| word);
        put(&mut to.fallback, at, word)
    }),
    Rule::value("grace", |to, at, input| put(&mut to.grace, at, duration::read(input))),
    Rule::value("grace_unless", |to, at, input| put(&mut to.grace_unless, at, input.parse())),
    Rule::word("grouped", |to, at, _| put(&mut to.grouped, at, Ok(()))),
    Rule::value("hard_timeout", |to, at, input| {
        put(&mut to.hard_timeout, at, duration::limit(input))
    }),
    Rule::value("jitter", |to, at, input| put(&mut to.jitter, at, literal::share(input, 0..=100))),
    Rule::value("key", |to, at, input| put(&mut to.key, at, Template::read(input, "product:{id}"))),
    Rule::value("name", |to, at, input| put(&mut to.name, at, literal::name(input))),
    Rule::value("negative", |to, at, input| {
        let word = literal::word(input, &[("err", ())]).map(|(_, word)| word);
        put(&mut to.negative, at, word)
    }),
    Rule::value("negative_ttl", |to, at, input| {
        put(&mut to.negative_ttl, at, duration::read(input))
    }),
    Rule::value("refresh", |to, at, input| put(&mut to.refresh, at, literal::share(input, 1..=99))),
    Rule::list("secret", |to, at, input| put(&mut to.secret, at, list::names(input))),
    Rule::word("shared", |to, at, _| put(&mut to.shared, at, Ok(()))),
    Rule::list("skip", |to, at, input| put(&mut to.skip, at, list::names(input))),
    Rule::value("soft_timeout", |to, at, input| {
        put(&mut to.soft_timeout, at, duration::read(input))
    }),
    Rule::value("tags", |to, at, input| put(&mut to.tags, at, list::templates(input))),
    Rule::value("tags_from", |to, at, input| {
        put(&mut to.tags_from, at, literal::closure(input, "|value| [value.shop.clone()]"))
    }),
    Rule::value("tier", |to, at, input| {
        let word = literal::word(input, &[("memory", ())]).map(|(_, word)| word);
        put(&mut to.tier, at, word)
    }),
    Rule::value("ttl", |to, at, input| put(&mut to.ttl, at, duration::read(input))),
    Rule::value("ttl_from", |to, at, input| {
        put(&mut to.ttl_from, at, literal::closure(input, "|value| value.life"))
    }),
    Rule::value("unless", |to, at, input| put(&mut to.unless, at, input.parse())),
    Rule::value("version", |to, at, input| put(&mut to.version, at, literal::number(input))),
    Rule::value("when", |to, at, input| put(&mut to.when, at, input.parse())),
];
