//! What a function with `each` takes and returns, said in the words of the attribute.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::hash::{BuildHasher, Hash};

pub(super) type MapOf<R> = <R as EachResult>::Map;
pub(super) type KeyOf<R> = <MapOf<R> as KeyedMap>::Key;
pub(super) type ValueOf<R> = <MapOf<R> as KeyedMap>::Value;
pub(super) type ErrorOf<R> = <R as EachResult>::Error;

/// What a function with `each` may return.
#[diagnostic::on_unimplemented(
    message = "a function with `each` returns a map from elements to values, and `{Self}` is none",
    label = "expected `HashMap<K, V>`, `BTreeMap<K, V>`, or a `Result` of one",
    note = "what is not in the map is not there: it is asked for again, or remembered with `negative_ttl`"
)]
pub trait EachResult: Sized {
    /// The map.
    type Map: KeyedMap;
    /// The error.
    type Error: 'static;
    /// Takes it apart.
    ///
    /// # Errors
    ///
    /// The function's own.
    fn split(self) -> Result<Self::Map, Self::Error>;
    /// Puts it together.
    fn join(found: Result<Self::Map, Self::Error>) -> Self;
}

impl<M: KeyedMap, E: 'static> EachResult for Result<M, E> {
    type Map = M;
    type Error = E;

    fn split(self) -> Self {
        self
    }

    fn join(found: Self) -> Self {
        found
    }
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> EachResult for HashMap<K, V, S> {
    type Map = Self;
    type Error = Infallible;

    fn split(self) -> Result<Self, Infallible> {
        Ok(self)
    }

    fn join(found: Result<Self, Infallible>) -> Self {
        found.unwrap_or_else(|never| match never {})
    }
}

impl<K: Ord, V> EachResult for BTreeMap<K, V> {
    type Map = Self;
    type Error = Infallible;

    fn split(self) -> Result<Self, Infallible> {
        Ok(self)
    }

    fn join(found: Result<Self, Infallible>) -> Self {
        found.unwrap_or_else(|never| match never {})
    }
}

/// A map from elements to values.
#[diagnostic::on_unimplemented(
    message = "a function with `each` returns a map from elements to values, and `{Self}` is none",
    label = "expected `HashMap<K, V>` or `BTreeMap<K, V>`"
)]
pub trait KeyedMap: Sized {
    /// What an element is there.
    type Key;
    /// What is kept.
    type Value;
    /// One with nothing in it.
    fn empty() -> Self;
    /// Whether nothing is in it.
    fn is_empty(&self) -> bool;
    /// Takes a value out.
    fn take(&mut self, key: &Self::Key) -> Option<Self::Value>;
    /// Puts a value in.
    fn put(&mut self, key: Self::Key, value: Self::Value);
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> KeyedMap for HashMap<K, V, S> {
    type Key = K;
    type Value = V;

    fn empty() -> Self {
        Self::default()
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn take(&mut self, key: &K) -> Option<V> {
        self.remove(key)
    }

    fn put(&mut self, key: K, value: V) {
        self.insert(key, value);
    }
}

impl<K: Ord, V> KeyedMap for BTreeMap<K, V> {
    type Key = K;
    type Value = V;

    fn empty() -> Self {
        Self::new()
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn take(&mut self, key: &K) -> Option<V> {
        self.remove(key)
    }

    fn put(&mut self, key: K, value: V) {
        self.insert(key, value);
    }
}

/// Elements of a list by which a map with keys of type `K` is read.
#[diagnostic::on_unimplemented(
    message = "the map is keyed by `{K}`, and an element of the list is a `{Self}`",
    label = "cannot tell which entry is whose",
    note = "elements and keys are of one type, which is `Clone`; elements may be `&K`, too, and `&str` where keys are \
            `String`"
)]
pub trait EachKey<K>: Clone {
    /// What it is in the map.
    fn key(&self) -> K;
}

impl<K: Clone> EachKey<K> for K {
    fn key(&self) -> K {
        self.clone()
    }
}

impl<K: Clone> EachKey<K> for &K {
    fn key(&self) -> K {
        (*self).clone()
    }
}

impl EachKey<String> for &str {
    fn key(&self) -> String {
        (*self).to_owned()
    }
}

/// Arguments beside the list, of which each run of the body has its own.
#[diagnostic::on_unimplemented(
    message = "`each` may run the body once more, for other elements, and `{Self}` cannot be copied for it",
    label = "not `Clone`; take it by reference"
)]
pub trait RunsAgain: Clone {}

impl<T: Clone> RunsAgain for T {}

/// A copy of an argument, for one run of the body.
pub fn again<T: RunsAgain>(argument: &T) -> T {
    argument.clone()
}
