//! Why an operation failed.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::excerpt::{Excerpt, Message};

/// Why a backend did not do what was asked.
#[derive(Debug, Clone)]
pub struct Failure {
    class: Class,
    message: Message,
    attempts: u32,
    known_beforehand: bool,
    source: Option<Shown>,
}

/// What a failure says about the store; decides breaker and fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Class {
    /// Never left this process: refused, not connected, no address.
    Unreachable,
    /// Sent, not answered in time; it may have happened.
    Timeout,
    /// Sent, and given up while the store was answering; it may have happened.
    ///
    /// What is large, or waits for something that is, takes longer than an operation may.
    Slow,
    /// Not asked: the value did not get through in time when it was asked for last.
    HeldOff,
    /// Sent, then the connection was lost; it may have happened.
    Disconnected,
    /// The store answered that it cannot serve now (loading, cluster down, too many clients).
    Unready,
    /// The store answered that another node serves this (moved, read-only).
    Moved,
    /// Several nodes answered for one, as while names are on their way to another node: it proves nothing, but
    /// was done.
    Scattered,
    /// The store refuses writes (out of memory, persistence failing).
    WriteRefused,
    /// The store does not let us in (credentials, permissions).
    Denied,
    /// The store does not understand (wrong type, script error, malformed reply).
    Rejected,
    /// Shed in this process before it was sent: too much in flight, or no runtime to send it on.
    Overloaded,
    /// The breaker is open.
    Open,
    /// The deadline of the call had passed before the operation began.
    TooLate,
    /// The backend was closed.
    Closed,
}

impl Class {
    /// Every class, for tables and counters.
    pub const ALL: [Self; 15] = [
        Self::Unreachable,
        Self::Timeout,
        Self::Slow,
        Self::HeldOff,
        Self::Disconnected,
        Self::Unready,
        Self::Moved,
        Self::Scattered,
        Self::WriteRefused,
        Self::Denied,
        Self::Rejected,
        Self::Overloaded,
        Self::Open,
        Self::TooLate,
        Self::Closed,
    ];

    /// Whether the operation may have been done all the same.
    pub fn may_have_happened(self) -> bool {
        matches!(self, Self::Timeout | Self::Slow | Self::Disconnected | Self::Scattered)
    }

    /// A short name, as used in counters and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Slow => "slow",
            Self::HeldOff => "held_off",
            Self::Disconnected => "disconnected",
            Self::Unready => "unready",
            Self::Moved => "moved",
            Self::Scattered => "scattered",
            Self::WriteRefused => "write_refused",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::Overloaded => "overloaded",
            Self::Open => "open",
            Self::TooLate => "too_late",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Failure {
    /// A failure of a class; the message is lower case and names the endpoint.
    ///
    /// It is kept as one line of bounded length, see [`Message`]. What others said in it is best put in as an
    /// [`Excerpt`], so that the rest is not what is cut.
    pub fn new(class: Class, message: impl fmt::Display) -> Self {
        let message = Message::of(message);
        Self { class, message, attempts: 1, known_beforehand: false, source: None }
    }

    /// Keeps the error that caused it: for [`cause`](Self::cause), and as an [`Excerpt`] for whoever shows
    /// it as the source of this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let error: Arc<dyn StdError + Send + Sync> = Arc::from(source.into());
        self.source = Some(Shown { text: Excerpt::of(&error), error });
        self
    }

    /// The same, where it was known before anything was tried, and will be for more than moments: nobody
    /// waits to try again, as they would if it had just been found out.
    ///
    /// For a backend whose last attempt to connect has failed, and which has not begun the next one.
    #[must_use]
    pub fn known_beforehand(mut self) -> Self {
        self.known_beforehand = true;
        self
    }

    /// Whether it was known before anything was tried.
    pub fn is_known_beforehand(&self) -> bool {
        self.known_beforehand
    }

    /// What the failure says about the store.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The error that caused it, as it is: its texts may be anybody's.
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.source.as_ref().map(|source| &*source.error)
    }

    /// How often it was tried before this failure was returned.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn after(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// An error, and what is shown of it.
#[derive(Clone)]
struct Shown {
    text: Excerpt,
    error: Arc<dyn StdError + Send + Sync>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl StdError for Shown {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_it_is_told_a_failure_shows_bounded_lines_and_keeps_its_cause() {
        #[derive(Debug)]
        struct Said(String);
        impl fmt::Display for Said {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl StdError for Said {}
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..500 {
            let said: String = (0..random.usize(..5_000)).map(|_| random.char(..)).collect();
            let failure = Failure::new(Class::Denied, &said).with_source(Said(said.clone()));
            let error = crate::Error::backend(failure.clone());
            let source = failure.source().map(|it| format!("{it} {it:?}")).unwrap_or_default();
            for shown in [format!("{failure} {failure:?}"), format!("{error} {error:?}"), source] {
                assert!(
                    !shown.contains(char::is_control) && !shown.contains('\u{202e}'),
                    "{shown}"
                );
                assert!(shown.chars().count() < 5_000, "{shown}");
            }
            let cause = failure.cause().and_then(|cause| cause.downcast_ref::<Said>());
            assert_eq!(cause.map(|cause| &cause.0), Some(&said));
        }
    }
}
