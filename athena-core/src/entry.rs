//! An entry in memory: a typed value and everything needed to judge it.
//!
//! Invariant: whoever holds an entry can tell, with a few atomic loads, whether it may be served.

use std::any::{Any, TypeId};
use std::sync::Arc;

use crate::envelope::EntryKind;
use crate::undisturbed::UserValue;

mod meta;
mod ties;

pub(crate) use self::meta::Meta;

/// An entry of one type, or of any: what judges it stands in it, and is read without a detour.
pub(crate) struct TypedEntry<V: ?Sized> {
    meta: Meta,
    value: V,
}

/// A shared entry of any type.
pub(crate) type Slot = Arc<TypedEntry<dyn AnyValue>>;

impl Meta {
    /// An entry without a value that stands for the pause of this one, where values are not kept.
    pub(crate) fn pause(&self) -> Slot {
        Arc::new(TypedEntry::new(self.of_pause(), Pause))
    }
}

impl<T: 'static> TypedEntry<UserValue<T>> {
    pub(crate) fn new(meta: Meta, value: T) -> Self {
        Self { meta, value: UserValue::new(value) }
    }
}

impl<V: ?Sized> TypedEntry<V> {
    #[inline]
    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl TypedEntry<dyn AnyValue> {
    /// The value, with its size where it is.
    pub(crate) fn value(&self) -> (&dyn Any, usize) {
        self.value.held()
    }

    /// Whether its value is of this type.
    pub(crate) fn holds(&self, ty: TypeId) -> bool {
        self.value.held().0.type_id() == ty
    }
}

/// In place of a value that is not kept.
struct Pause;

/// A value of users, of any type.
pub(crate) trait AnyValue: Any + Send + Sync {
    /// The value, with its size where it is.
    fn held(&self) -> (&dyn Any, usize);

    /// An entry of it.
    fn keep(self: Box<Self>, meta: Meta) -> Slot;
}

/// A value that no entry has yet.
pub(crate) type BoxedValue = Box<dyn AnyValue>;

impl<T: Send + Sync + 'static> AnyValue for UserValue<T> {
    fn held(&self) -> (&dyn Any, usize) {
        (self.get().map_or(&() as &dyn Any, |value| value), size_of::<T>())
    }

    fn keep(self: Box<Self>, meta: Meta) -> Slot {
        Arc::new(TypedEntry { meta, value: *self })
    }
}

/// The value, if the entry is of this kind and type.
#[inline]
pub(crate) fn value<T: 'static>(slot: &Slot, kind: EntryKind) -> Option<&T> {
    let value = (&slot.value as &dyn Any).downcast_ref::<UserValue<T>>()?;
    value.get().filter(|_| slot.meta.kind == kind)
}

/// The same by value, if nobody else has the entry.
pub(crate) fn take<T: 'static>(slot: &mut Slot, kind: EntryKind) -> Option<T> {
    let entry = Arc::get_mut(slot).filter(|entry| entry.meta.kind == kind)?;
    (&mut entry.value as &mut dyn Any).downcast_mut::<UserValue<T>>()?.take()
}

impl<V: ?Sized> std::fmt::Debug for TypedEntry<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.meta.fmt(f)
    }
}
