//! Several entries at once.

mod named;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::Cache;
#[cfg(feature = "json")]
use super::entry::Json;
use super::entry::Local;
use super::entry::{Entry, Format, Postcard};
use crate::codec::{Coding, Wire};
use crate::engine::{Ask, EntryPlace, TypedCall, answer_many, peek_many};
use crate::error::Error;
use crate::key::Key;
use crate::policy::{Policy, SitePolicy};
use crate::runtime::{Invalidated, Runtime, Scope};
use crate::shape::{self, Errors, Typing};
use crate::tag::{Tag, Tags};
use named::NamedLoad;

impl Cache {
    /// Several entries at once, named by hand.
    pub fn batch<N: Into<String>>(&self, names: impl IntoIterator<Item = N>) -> Batch<'_> {
        Batch::new(self.runtime(), names.into_iter().map(Into::into).collect())
    }
}

/// Several entries, named by hand; from [`Cache::batch`](crate::Cache::batch).
///
/// One round trip reads them all, one load answers all that are missing. In front of a backend, more than a thousand
/// names that memory does not answer are worked through in pieces of a thousand: a round trip and a load for each.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::collections::HashMap;
/// use athena_cache_core::Cache;
///
/// let cache = Cache::in_memory("shop");
/// cache.entry("price:1").insert(10_u32).await?;
/// let prices = cache
///     .batch(["price:1", "price:2"])
///     .get_or_load_many(|missing| async move {
///         assert_eq!(missing, ["price:2"]);
///         Ok::<_, std::io::Error>(HashMap::from([("price:2".to_owned(), 20_u32)]))
///     })
///     .await?;
/// assert_eq!(prices["price:1"] + prices["price:2"], 30);
/// # Ok(())
/// # }
/// ```
#[must_use = "say what to do with the entries"]
pub struct Batch<'c, F = Postcard> {
    runtime: &'c Arc<Runtime>,
    names: Vec<String>,
    policy: SitePolicy,
    tags: Tags,
    format: PhantomData<F>,
}

/// Shows how many names there are, and none of them.
impl<F> fmt::Debug for Batch<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (runtime, names, policy) = (self.runtime, self.names.len(), &self.policy);
        let mut shown = f.debug_struct("Batch");
        shown.field("runtime", runtime).field("names", &names).field("policy", policy);
        shown.finish_non_exhaustive()
    }
}

impl<'c> Batch<'c> {
    pub(super) fn new(runtime: &'c Arc<Runtime>, names: Vec<String>) -> Self {
        // That a name was left out is no word of the load, as `None` is.
        let negative_ttl = Some(Duration::ZERO);
        let policy = SitePolicy { negative_ttl, ..SitePolicy::default() };
        Self { runtime, names, policy, tags: Tags::default(), format: PhantomData }
    }
}

impl<'c, F> Batch<'c, F> {
    /// How long the entries are fresh.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.policy.ttl = Some(ttl);
        self
    }

    /// How long past the ttl the entries may answer when the load fails.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.policy.grace = Some(grace);
        self
    }

    /// How long it is remembered that the load returned nothing for a name; else not at all.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.policy.negative_ttl = Some(ttl);
        self
    }

    /// Labels every entry; repeatable.
    pub fn tags<T: AsRef<str>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        tags.into_iter().for_each(|tag| self.tags.add(Tag::new(tag.as_ref())));
        self
    }

    /// A schema version by hand, for changes that the type does not show.
    pub fn version(mut self, version: u32) -> Self {
        self.policy.version = version;
        self
    }

    /// Writes values as JSON, for types that postcard cannot read back.
    #[cfg(feature = "json")]
    pub fn json(self) -> Batch<'c, Json> {
        self.retyped()
    }

    /// Keeps the values in this process; they need not be `Serialize`.
    pub fn in_memory(mut self) -> Batch<'c, Local> {
        self.policy.memory_only = true;
        self.retyped()
    }

    /// The values by name, from a tier or from `load`, which gets the names that are missing, in order.
    ///
    /// In front of a backend it gets no more than a thousand at a time, and runs once more for the next ones.
    /// Names for which the load returns nothing are absent from the result. The load may run again
    /// with names that somebody else was loading and could not hand on; never twice with one name.
    /// If it fails, stale values within grace answer, provided that every name it got has one.
    ///
    /// # Errors
    ///
    /// Those of `load`; what it has returned before is kept.
    pub async fn get_or_load_many<V, E, L, Fut>(self, load: L) -> Result<HashMap<String, V>, E>
    where
        V: Clone + Send + Sync + 'static,
        E: 'static,
        F: Format<V>,
        L: Fn(Vec<String>) -> Fut,
        Fut: Future<Output = Result<HashMap<String, V>, E>>,
    {
        if self.runtime.is_closed() {
            return load(self.names).await;
        }
        let call = TypedCall::new(shape::result_option::<V, E>(), Errors::none());
        let (names, asks) = self.asks(&call);
        let found = answer_many(asks, &call, NamedLoad::new(&names, load)).await?;
        Ok(by_name(names, found))
    }

    /// The values that are there and fresh, by name; loads nothing.
    ///
    /// # Errors
    ///
    /// If the cache is closed, or the backend cannot say and copies cannot stand in for all.
    pub async fn get_many<V>(self) -> Result<HashMap<String, V>, Error>
    where
        V: Clone + Send + Sync + 'static,
        F: Format<V>,
    {
        if self.runtime.is_closed() {
            return Err(Error::closed());
        }
        let call = TypedCall::new(shape::result_option::<V, Infallible>(), Errors::none());
        let (names, asks) = self.asks(&call);
        let found = peek_many(asks, &call).await.map_err(Error::backend)?;
        Ok(by_name(names, found))
    }

    /// Stores values by name; the names of the batch itself play no part.
    ///
    /// # Errors
    ///
    /// The first error, as of [`Entry::insert`]; the values before it are stored.
    pub async fn insert_many<V>(
        self,
        values: impl IntoIterator<Item = (String, V)>,
    ) -> Result<(), Error>
    where
        V: Clone + Send + Sync + 'static,
        F: Format<V>,
    {
        for (name, value) in values {
            let entry = Entry::with(self.runtime, &name, self.policy, self.tags.clone());
            let entry: Entry<'_, F> = entry.retyped();
            entry.insert(value).await?;
        }
        Ok(())
    }

    /// Removes the entries everywhere, in one round trip.
    pub async fn invalidate_many(self) -> Invalidated {
        let scopes: Vec<_> = self.names.iter().map(|name| Scope::Entry(Key::named(name))).collect();
        self.runtime.invalidate(&scopes).await
    }

    /// The distinct names, and one call for the engine per each.
    fn asks<R, V, E>(self, call: &TypedCall<R, V, E>) -> (Vec<String>, Vec<Ask>)
    where
        V: Clone + Send + Sync + 'static,
        E: 'static,
        F: Format<V>,
    {
        let coding = F::wire().map(Wire::erased);
        let Self { runtime, names, policy, tags, .. } = self;
        let names = distinct(names);
        let policy = policy.over(&runtime.defaults);
        let asks = asks(runtime, &names, policy, &tags, (call.typing(), coding));
        (names, asks)
    }

    fn retyped<F2>(self) -> Batch<'c, F2> {
        let Self { runtime, names, policy, tags, .. } = self;
        Batch { runtime, names, policy, tags, format: PhantomData }
    }
}

/// Each name once, where it stands first.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut met = HashSet::new();
    let is_new: Vec<_> = names.iter().map(|name| met.insert(name.as_str())).collect();
    names.into_iter().zip(is_new).filter_map(|(name, is_new)| is_new.then_some(name)).collect()
}

/// What was found, by the names of the entries.
fn by_name<V>(names: Vec<String>, mut found: HashMap<EntryPlace, V>) -> HashMap<String, V> {
    let entries = names.into_iter().enumerate();
    entries.filter_map(|(place, name)| Some((name, found.remove(&place)?))).collect()
}

fn asks(
    runtime: &Arc<Runtime>,
    names: &[String],
    policy: Policy,
    tags: &Tags,
    types: (Typing, Option<Coding>),
) -> Vec<Ask> {
    let ask = |name: &String| {
        let key = Key::named(name);
        let key = if policy.memory_only { key.local() } else { key };
        Ask::named(runtime, key, policy, tags.clone(), types)
    };
    names.iter().map(ask).collect()
}
