//! What a function's return type means to the cache.
//!
//! Invariant: what a function returned reaches its caller unchanged; only values are cloned.

use std::any::{Any, TypeId};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use crate::codec::{Coding, Wire};
use crate::contained::contained;
use crate::entry::{self, BoxedValue, Meta, Slot, TypedEntry};
use crate::envelope::EntryKind;
use crate::error::Error;
use crate::undisturbed::UserValue;

/// What a load returned, in its types.
#[derive(Debug)]
pub(crate) enum Returned<R, V, E> {
    /// A value.
    Found(V),
    /// That there is none, in the function's own words.
    Absent(R),
    /// The function's error.
    Failed(E),
}

/// How a return type `R` is taken apart into value `V` and error `E`, and put together again.
pub struct Shape<R, V, E> {
    pub(crate) split: fn(R) -> Returned<R, V, E>,
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
        split: Returned::Found,
        found: |value| value,
        absent: None,
        failed: |never| match never {},
    }
}

/// A value that may be absent.
pub(crate) fn option<V>() -> Shape<Option<V>, V, Infallible> {
    Shape {
        split: |option| option.map_or(Returned::Absent(None), Returned::Found),
        found: Some,
        absent: Some(|| None),
        failed: |never| match never {},
    }
}

/// A value or an error.
pub(crate) fn result<V, E>() -> Shape<Result<V, E>, V, E> {
    Shape {
        split: |result| result.map_or_else(Returned::Failed, Returned::Found),
        found: Ok,
        absent: None,
        failed: Err,
    }
}

/// A value that may be absent, or an error.
pub(crate) fn result_option<V, E>() -> Shape<Result<Option<V>, E>, V, E> {
    Shape {
        split: |result| match result {
            Ok(Some(value)) => Returned::Found(value),
            Ok(None) => Returned::Absent(Ok(None)),
            Err(error) => Returned::Failed(error),
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
        let grace_unless = self.grace_unless.clone();
        Self { share: self.share, carry: self.carry, remember: self.remember, grace_unless }
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

/// An error on its way to several callers.
pub(crate) type SharedError = Arc<dyn Any + Send + Sync>;

/// How one error reaches several callers.
pub struct Share<E> {
    pub(crate) wrap: fn(&E) -> SharedError,
    pub(crate) unwrap: fn(&(dyn Any + Send + Sync)) -> Option<E>,
    pub(crate) ty: fn() -> TypeId,
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
            ty: TypeId::of::<E>,
        }
    }
}

/// How errors become entries.
pub(crate) struct Remember<E> {
    pub(crate) copy: fn(&E) -> BoxedValue,
    pub(crate) recall: fn(&Slot) -> Option<E>,
    pub(crate) kept: KeptErrors,
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
            copy: |error| Box::new(UserValue::new(error.clone())),
            recall: |slot| entry::value::<E>(slot, EntryKind::Failed).cloned(),
            kept: KeptErrors { ty: KeptType::of::<E>(), coding: wire.map(Wire::erased) },
        }
    }
}

/// What the engine has to know of the types of a call, none of which it knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typing {
    pub(crate) value: KeptType,
    /// Whether the function can say that there is no value.
    pub(crate) has_absent: bool,
    /// Whether each value tells how long it is fresh.
    pub(crate) has_own_ttl: bool,
    /// Whether errors of the cache reach the caller.
    pub(crate) carries_errors: bool,
    /// The type of errors that several callers can have.
    pub(crate) shared: Option<TypeId>,
    pub(crate) remembered: Option<KeptErrors>,
}

/// Errors that become entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptErrors {
    pub(crate) ty: KeptType,
    /// How they go to a backend, if they do.
    pub(crate) coding: Option<Coding>,
}

/// A type of which there are entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptType {
    pub(crate) id: TypeId,
    read: fn(Coding, &[u8], Meta) -> Result<Slot, String>,
    rehearse: fn(Coding, &[u8]) -> Result<(), String>,
}

impl KeptType {
    pub(crate) fn of<T: Send + Sync + 'static>() -> Self {
        let rehearse = |coding, bytes: &[u8]| value::<T>(coding, bytes).map(drop);
        Self { id: TypeId::of::<T>(), read: read::<T>, rehearse }
    }

    /// Whether what was written is read again.
    pub(crate) fn rehearse(self, coding: Coding, bytes: &[u8]) -> Result<(), String> {
        (self.rehearse)(coding, bytes)
    }

    /// An entry of what was written.
    pub(crate) fn read(self, coding: Coding, bytes: &[u8], meta: Meta) -> Result<Slot, String> {
        (self.read)(coding, bytes, meta)
    }
}

fn read<T: Send + Sync + 'static>(
    coding: Coding,
    bytes: &[u8],
    meta: Meta,
) -> Result<Slot, String> {
    Ok(Arc::new(TypedEntry::new(meta, value::<T>(coding, bytes)?)))
}

fn value<T: 'static>(coding: Coding, bytes: &[u8]) -> Result<T, String> {
    let mut place = None;
    coding.decode(bytes, &mut place)?;
    place.ok_or_else(|| "nothing was read".to_owned())
}
