//! The side of a call that knows its types.
//!
//! Invariant: what a load returned reaches its caller as it is; what the engine has of it is a copy, and what it asks
//! about it runs contained.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::answer::AnswerContent;
use super::caller::{FailedLoad, FoundValue, Loaded, Retention};
use crate::contained::contained;
use crate::entry::{self, BoxedValue, Slot};
use crate::envelope::EntryKind;
use crate::shape::{Errors, Judge, KeptType, Returned, Shape, Typing};
use crate::tag::Tag;
use crate::telemetry::event::NotKept;
use crate::undisturbed::UserValue;

/// Names the tags of a value.
pub(crate) type Label<V> = dyn Fn(&V) -> Vec<Tag> + Send + Sync;

/// Tells how long a value is fresh.
pub(crate) type Freshness<V> = dyn Fn(&V) -> Duration + Send + Sync;

/// What a call does with what it returns.
pub(crate) struct TypedCall<R, V, E> {
    pub(crate) shape: Shape<R, V, E>,
    pub(crate) errors: Errors<E>,
    /// Values that are not kept.
    pub(crate) unless: Option<Arc<Judge<V>>>,
    /// Tags that only the value knows.
    pub(crate) tags_from: Option<Arc<Label<V>>>,
    /// A ttl that only the value knows.
    pub(crate) ttl_from: Option<Arc<Freshness<V>>>,
}

impl<R, V, E> Clone for TypedCall<R, V, E> {
    fn clone(&self) -> Self {
        let (unless, tags_from) = (self.unless.clone(), self.tags_from.clone());
        let (errors, ttl_from) = (self.errors.clone(), self.ttl_from.clone());
        Self { shape: self.shape, errors, unless, tags_from, ttl_from }
    }
}

impl<R, V, E> fmt::Debug for TypedCall<R, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shape.fmt(f)
    }
}

impl<R, V, E> TypedCall<R, V, E> {
    /// A call that does nothing but what its return type says.
    pub(crate) fn new(shape: Shape<R, V, E>, errors: Errors<E>) -> Self {
        Self { shape, errors, unless: None, tags_from: None, ttl_from: None }
    }

    /// Has it label what it keeps with what only the value knows.
    pub(crate) fn label_by<I>(&mut self, label: impl Fn(&V) -> I + Send + Sync + 'static)
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let tags = move |value: &V| {
            label(value).into_iter().map(|tag| Tag::new(tag.into())).collect::<Vec<_>>()
        };
        self.tags_from = Some(Arc::new(tags));
    }
}

impl<R, V, E> TypedCall<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    /// What the engine has to know of the types.
    pub(crate) fn typing(&self) -> Typing {
        let Errors { share, carry, remember, .. } = &self.errors;
        Typing {
            value: KeptType::of::<V>(),
            has_absent: self.shape.absent.is_some(),
            has_own_ttl: self.ttl_from.is_some(),
            carries_errors: carry.is_some(),
            shared: share.map(|share| (share.ty)()),
            remembered: remember.map(|remember| remember.kept),
        }
    }

    /// What a load returned, for its caller and for the engine.
    pub(super) fn take_apart(&self, returned: R, retention: Retention) -> (R, Loaded) {
        if retention == Retention::NotKept {
            return (returned, Loaded::Untold);
        }
        match (self.shape.split)(returned) {
            Returned::Found(value) => {
                let (found, value) = self.found(value);
                ((self.shape.found)(value), Loaded::Found(found))
            }
            Returned::Absent(returned) => (returned, Loaded::Absent),
            Returned::Failed(error) => {
                let failed = self.failed(&error);
                ((self.shape.failed)(error), Loaded::Failed(failed))
            }
        }
    }

    /// A value for the engine, and a copy of it for the caller.
    pub(super) fn found(&self, value: V) -> (FoundValue, V) {
        let (wanted, ttl) = self.judge(&value);
        match contained(|| value.clone()) {
            Ok(copy) => (FoundValue { value: Some(boxed(value)), wanted, ttl }, copy),
            Err(_) => (FoundValue { value: None, wanted, ttl }, value),
        }
    }

    /// What the function's own options say of a value: with which tags it is kept, or why not; and for how long, if
    /// that is the value's to tell.
    fn judge(&self, value: &V) -> (Result<Vec<Tag>, NotKept>, Option<Duration>) {
        let judged = contained(|| {
            let is_wanted = !self.unless.as_ref().is_some_and(|unless| unless(value));
            let late = self.tags_from.as_ref().map(|tags_from| tags_from(value));
            let ttl = self.ttl_from.as_ref().filter(|_| is_wanted);
            (is_wanted, late.unwrap_or_default(), ttl.map(|ttl_from| ttl_from(value)))
        });
        match judged {
            Ok((true, late, ttl)) => (Ok(late), ttl),
            Ok((false, ..)) => (Err(NotKept::Unwanted), None),
            Err(_) => (Err(NotKept::Panicked), None),
        }
    }

    /// What a caller gave in place of what a load returns; nothing if it is of another type.
    pub(crate) fn given(&self, given: Box<dyn Any + Send>) -> Loaded
    where
        R: 'static,
    {
        let given = given.downcast::<R>();
        given.map_or(Loaded::Untold, |returned| self.take_apart(*returned, Retention::Kept).1)
    }

    fn failed(&self, error: &E) -> FailedLoad {
        let Errors { share, remember, .. } = &self.errors;
        FailedLoad {
            shared: share.and_then(|share| contained(|| (share.wrap)(error)).ok()),
            remembered: remember.and_then(|it| contained(|| (it.copy)(error)).ok()),
            allows_grace: self.errors.allows_grace(error),
        }
    }

    /// The value in an entry, in the function's words; `None` if it is of another type.
    fn recall(&self, slot: &Slot) -> Option<R> {
        match slot.meta().kind {
            EntryKind::Value => {
                entry::value::<V>(slot, EntryKind::Value).cloned().map(self.shape.found)
            }
            EntryKind::Absent => self.shape.absent.map(|absent| absent()),
            EntryKind::Failed => {
                let remember = self.errors.remember.as_ref()?;
                (remember.recall)(slot).map(self.shape.failed)
            }
        }
    }

    /// What a call is answered with, in its types; `None` if that is what its own load returned.
    pub(crate) fn value(&self, content: AnswerContent) -> Option<R> {
        match content {
            AnswerContent::Own => None,
            AnswerContent::Entry(slot) => self.recall(&slot),
            AnswerContent::Error(error) => {
                let share = self.errors.share.as_ref()?;
                (share.unwrap)(&*error).map(self.shape.failed)
            }
            AnswerContent::Refusal(error) => {
                self.errors.carry.map(|carry| (self.shape.failed)(carry(error)))
            }
        }
    }
}

pub(crate) fn boxed<V: Send + Sync + 'static>(value: V) -> BoxedValue {
    Box::new(UserValue::new(value))
}
