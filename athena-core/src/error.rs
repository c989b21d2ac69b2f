//! What can go wrong in the cache, as callers of its own API see it.
//!
//! Invariant: an annotated function returns one of these only where its policy asks for it
//! (`fallback = FailFast`, `hard_timeout`).

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Class, Failure};
use crate::excerpt::Message;

/// Why the cache could not do what was asked; cheap to clone.
#[derive(Clone)]
pub struct Error(Arc<Kind>);

enum Kind {
    Settings(Message),
    Key {
        function: Message,
        reason: Message,
    },
    Codec {
        topic: Message,
        reason: Message,
    },
    Timeout {
        topic: Message,
        limit: Duration,
    },
    Backend(Failure),
    /// What became of it; the class of the failure of the store, if it was that.
    Backup(Message, Option<Class>),
    Bypassed {
        function: Message,
        reason: &'static str,
    },
    NotInserted {
        topic: Message,
        reason: &'static str,
    },
    NotAnnotated,
    NotGrouped {
        function: Message,
    },
    NoCache,
    Closed,
}

impl Error {
    pub(crate) fn settings(message: impl fmt::Display) -> Self {
        Kind::Settings(Message::of(message)).into()
    }

    pub(crate) fn key(function: &'static str, reason: impl fmt::Display) -> Self {
        Kind::Key { function: Message::of(function), reason: Message::of(reason) }.into()
    }

    /// What may be shown of an entry is decided by its topic, which is displayed in its alternate form.
    pub(crate) fn codec(topic: &impl fmt::Display, reason: impl fmt::Display) -> Self {
        let topic = Message::of(format_args!("{topic:#}"));
        Kind::Codec { topic, reason: Message::of(reason) }.into()
    }

    pub(crate) fn timeout(topic: &impl fmt::Display, limit: Duration) -> Self {
        Kind::Timeout { topic: Message::of(format_args!("{topic:#}")), limit }.into()
    }

    pub(crate) fn backend(failure: Failure) -> Self {
        Kind::Backend(failure).into()
    }

    /// What went wrong with a backup, its file or what is in it.
    pub(crate) fn backup(reason: impl fmt::Display) -> Self {
        Kind::Backup(Message::of(reason), None).into()
    }

    /// The same where the store stopped it.
    pub(crate) fn backup_stopped(what: impl fmt::Display, class: Class) -> Self {
        Kind::Backup(Message::of(what), Some(class)).into()
    }

    /// A call that nothing can be kept of.
    pub(crate) fn bypassed(function: &'static str, reason: &'static str) -> Self {
        Kind::Bypassed { function: Message::of(function), reason }.into()
    }

    /// What was given in place of a load is none of its values.
    pub(crate) fn not_inserted(topic: &impl fmt::Display, reason: &'static str) -> Self {
        Kind::NotInserted { topic: Message::of(format_args!("{topic:#}")), reason }.into()
    }

    pub(crate) fn not_annotated() -> Self {
        Kind::NotAnnotated.into()
    }

    pub(crate) fn no_cache() -> Self {
        Kind::NoCache.into()
    }

    pub(crate) fn not_grouped(function: &str) -> Self {
        Kind::NotGrouped { function: Message::of(function) }.into()
    }

    pub(crate) fn closed() -> Self {
        Kind::Closed.into()
    }

    /// Whether settings were refused by `build()`.
    pub fn is_settings(&self) -> bool {
        matches!(*self.0, Kind::Settings(_))
    }

    /// Whether a load or a backend operation took longer than allowed.
    pub fn is_timeout(&self) -> bool {
        matches!(*self.0, Kind::Timeout { .. })
            || matches!(self.class(), Some(Class::Timeout | Class::Slow))
    }

    /// Whether the backend could not answer.
    pub fn is_backend(&self) -> bool {
        self.class().is_some()
    }

    /// Whether a value could not be written as, or read back from, bytes.
    pub fn is_codec(&self) -> bool {
        matches!(*self.0, Kind::Codec { .. })
    }

    /// Whether a backup cannot be written, or not be restored.
    pub fn is_backup(&self) -> bool {
        matches!(*self.0, Kind::Backup(..))
    }

    /// Whether the cache was closed before the call.
    pub fn is_closed(&self) -> bool {
        matches!(*self.0, Kind::Closed)
    }

    /// Whether the function runs without the cache, as where the condition of its `when` does not hold.
    pub fn is_bypassed(&self) -> bool {
        matches!(*self.0, Kind::Bypassed { .. })
    }

    /// Whether `of` got a future that reached no annotated function.
    pub fn is_not_annotated(&self) -> bool {
        matches!(*self.0, Kind::NotAnnotated)
    }

    /// Whether all entries of a function were to be invalidated that is not `grouped`.
    pub fn is_not_grouped(&self) -> bool {
        matches!(*self.0, Kind::NotGrouped { .. })
    }

    /// Whether there is no cache: none installed, none in scope.
    pub fn is_no_cache(&self) -> bool {
        matches!(*self.0, Kind::NoCache)
    }

    /// What the backend's failure says about the store, if that was the cause.
    pub fn class(&self) -> Option<Class> {
        match &*self.0 {
            Kind::Backend(failure) => Some(failure.class()),
            Kind::Backup(_, class) => *class,
            _ => None,
        }
    }

    /// How often the backend was asked before giving up; 0 if it was not the cause.
    pub fn attempts(&self) -> u32 {
        match &*self.0 {
            Kind::Backend(failure) => failure.attempts(),
            _ => 0,
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Arc::new(kind))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Settings(message) => message.fmt(f),
            Kind::Key { function, reason } => {
                write!(f, "cannot make a key for `{function}`: {reason}")
            }
            Kind::Codec { topic, reason } => write!(f, "cannot store a value of {topic}: {reason}"),
            Kind::Timeout { topic, limit } => {
                write!(f, "the load of {topic} took longer than its hard timeout of {limit:?}")
            }
            Kind::Backend(failure) => {
                let attempts = failure.attempts();
                write!(f, "the cache backend failed after {attempts} attempt(s): {failure}")
            }
            Kind::Bypassed { function, reason } => {
                write!(f, "`{function}` runs without the cache: {reason}")
            }
            Kind::NotInserted { topic, reason } => {
                write!(f, "cannot insert a value of {topic}: {reason}")
            }
            Kind::NotAnnotated => f.write_str(
                "`of` was given a future that reached no annotated function when polled once; \
                 pass the call itself, as in `of(products(\"books\"))`",
            ),
            Kind::NotGrouped { function } => write!(
                f,
                "the entries of `{function}` have nothing in common that could be invalidated; add `grouped` to its \
                 `#[athena_cache]`, or invalidate them by tags"
            ),
            Kind::NoCache => f.write_str(
                "no cache is installed and none is in scope; call `Cache::install` at start-up \
                 or `Cache::scope` around this future",
            ),
            Kind::Backup(message, _) => write!(f, "the backup {message}"),
            Kind::Closed => f.write_str("the cache is closed"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            Kind::Backend(failure) => Some(failure),
            _ => None,
        }
    }
}
