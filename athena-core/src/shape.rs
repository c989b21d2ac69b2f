//! What a function's return type means to the cache.
//!
//! Invariant: what a function returned reaches its caller unchanged; only values are cloned.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use crate::codec::Wire;
use crate::contained::contained;
use crate::entry::{self, Meta, Slot, TypedEntry};
use crate::envelope::EntryKind;
use crate::error::Error;

/// What a load came to.
#[derive(Debug)]
pub(crate) enum Loaded<R, V, E> {
    /// A value.
    Found(V),
    /// That there is none, in the function's own words.
    Absent(R),
    /// The function's error.
    Failed(E),
}

/// How a return type `R` is taken apart into value `V` and error `E`, and put together again.
pub struct Shape<R, V, E> {
    pub(crate) split: fn(R) -> Loaded<R, V, E>,
    pub(crate) found: fn(V) -> R,
    /// `None` for types that cannot say so.
    pub(crate) absent: Option<fn() -> R>,
    pub(crate) failed: fn(E) -> R,
}

impl<R, V, E> Clone for Shape<R, V, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, V, E> Copy for Shape<R, V, E> {}

impl<R, V, E> fmt::Debug for Shape<R, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<R>())
    }
}

/// A plain value.
pub(crate) fn plain<V>() -> Shape<V, V, Infallible> {
    Shape {
        split: Loaded::Found,
        found: |value| value,
        absent: None,
        failed: |never| match never {},
    }
}

/// A value that may be absent.
pub(crate) fn option<V>() -> Shape<Option<V>, V, Infallible> {
    Shape {
        split: |option| option.map_or(Loaded::Absent(None), Loaded::Found),
        found: Some,
        absent: Some(|| None),
        failed: |never| match never {},
    }
}

/// A value or an error.
pub(crate) fn result<V, E>() -> Shape<Result<V, E>, V, E> {
    Shape {
        split: |result| result.map_or_else(Loaded::Failed, Loaded::Found),
        found: Ok,
        absent: None,
        failed: Err,
    }
}

/// A value that may be absent, or an error.
pub(crate) fn result_option<V, E>() -> Shape<Result<Option<V>, E>, V, E> {
    Shape {
        split: |result| match result {
            Ok(Some(value)) => Loaded::Found(value),
            Ok(None) => Loaded::Absent(Ok(None)),
            Err(error) => Loaded::Failed(error),
        },
        found: |value| Ok(Some(value)),
        absent: Some(|| Ok(None)),
        failed: Err,
    }
}

/// What the cache can do with errors of type `E`.
pub(crate) struct Errors<E> {
    pub(crate) share: Option<Share<E>>,
    pub(crate) carry: Option<fn(Error) -> E>,
    pub(crate) remember: Option<Remember<E>>,
    /// Errors that no stale value may stand in for.
    pub(crate) grace_unless: Option<Arc<Judge<E>>>,
}

/// A question to a value or an error.
pub(crate) type Judge<T> = dyn Fn(&T) -> bool + Send + Sync;

impl<E> Clone for Errors<E> {
    fn clone(&self) -> Self {
        Self {
            share: self.share,
            carry: self.carry,
            remember: self.remember,
            grace_unless: self.grace_unless.clone(),
        }
    }
}

impl<E> Errors<E> {
    pub(crate) fn none() -> Self {
        Self { share: None, carry: None, remember: None, grace_unless: None }
    }

    pub(crate) fn allows_grace(&self, error: &E) -> bool {
        // One that panics excludes: the error reaches its caller, as without a cache.
        let excludes = |excludes: &Arc<Judge<E>>| contained(|| excludes(error)).unwrap_or(true);
        !self.grace_unless.as_ref().is_some_and(excludes)
    }
}

impl<E> fmt::Debug for Errors<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<E>())
    }
}

/// How one error reaches several callers.
pub struct Share<E> {
    pub(crate) wrap: fn(&E) -> Arc<dyn Any + Send + Sync>,
    pub(crate) unwrap: fn(&(dyn Any + Send + Sync)) -> Option<E>,
}

impl<E> Clone for Share<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Share<E> {}

impl<E> fmt::Debug for Share<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<E>())
    }
}

impl<E: Clone + Send + Sync + 'static> Share<E> {
    pub(crate) fn by_clone() -> Self {
        Self {
            wrap: |error| Arc::new(error.clone()),
            unwrap: |error| error.downcast_ref::<E>().cloned(),
        }
    }
}

/// How errors become entries.
pub(crate) struct Remember<E> {
    pub(crate) keep: fn(E, Meta) -> Slot,
    pub(crate) recall: fn(&Slot) -> Option<E>,
    pub(crate) copy: fn(&E) -> E,
    pub(crate) wire: Option<Wire<E>>,
}

impl<E> Clone for Remember<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Remember<E> {}

impl<E: Clone + Send + Sync + 'static> Remember<E> {
    pub(crate) fn new(wire: Option<Wire<E>>) -> Self {
        Self {
            keep: |error, meta| Arc::new(TypedEntry::new(meta, error)),
            recall: |slot| entry::value::<E>(slot, EntryKind::Failed).cloned(),
            copy: E::clone,
            wire,
        }
    }
}
