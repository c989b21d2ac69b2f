//! What the expansion of `#[athena_cache]` will do, with nothing left to go wrong.

use proc_macro2::Span;

use crate::bound::{Bound, Exposure};
use crate::cache::background::Background;
use crate::cache::each::EachList;
use crate::cache::options::{CacheOptions, Codec};
use crate::origin::Origin;

/// A checked attribute on a checked function.
pub(crate) struct CachePlan {
    pub(crate) origin: Origin,
    pub(crate) naming: Naming,
    pub(crate) tags: Vec<Bound>,
    pub(crate) store: Store,
    /// Where the option stands that returns errors of the cache.
    pub(crate) carries_errors: Option<Span>,
    pub(crate) load: Load,
    /// The options that need no check beyond their own.
    pub(crate) options: CacheOptions,
}

/// What the arguments are to the entry.
pub(crate) struct Naming {
    pub(crate) key: Key,
    /// The argument that nothing but `cache = …` leaves out, by position.
    pub(crate) handle: Option<usize>,
}

/// What names an entry.
pub(crate) enum Key {
    /// These of the arguments, by position.
    Derived(Vec<(usize, Exposure)>),
    /// The text of `key = "…"`.
    Written(Bound),
}

/// What an entry is kept as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// The value itself, in this process.
    Memory,
    /// Bytes, for every tier.
    Bytes(Codec),
}

/// Where the body runs.
pub(crate) enum Load {
    /// In the caller's future, with the caller's borrows.
    InPlace,
    /// There, or in a task of its own with copies of the arguments.
    Background(Background),
    /// In the caller's future, for those elements of a list that no tier answers.
    Each(EachList),
}
