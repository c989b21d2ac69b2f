//! Why no primary is known.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use athena_cache_core::backend::{Class, Failure, Message};

use crate::url::Endpoint;

/// Why the sentinels led to no primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Absence {
    /// No sentinel answered: what became of each.
    Unreachable(Message),
    /// Sentinels let us not in, and none that did knows a primary.
    Denied(Message),
    /// Those that answered do not know the service.
    UnknownService { service: String, sentinels: Message },
    /// The node that they name does not answer, or not as a primary.
    Unconfirmed { service: String, named: Endpoint, class: Class, why: Message },
}

impl Absence {
    /// The failure of an operation for this reason.
    pub(crate) fn failure(self: &Arc<Self>) -> Failure {
        let class = match **self {
            Self::Denied(_) => Class::Denied,
            Self::Unconfirmed { class, .. } => class,
            _ => Class::Unreachable,
        };
        let failure = Failure::new(class, self.to_string()).known_beforehand();
        failure.with_source(Source(Arc::clone(self)))
    }

    /// What to do about it, as the end of a sentence.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::UnknownService { .. } => {
                ": end the url with `#` and the name that they monitor it by, or set `service_name`"
            }
            Self::Unconfirmed { class: Class::Unreachable | Class::Timeout, .. } => {
                "; if it is reached elsewhere from here, map its address with `addresses`"
            }
            _ => "",
        }
    }

    /// The absence behind a failure, if there is one.
    pub(crate) fn behind(failure: &Failure) -> Option<&Self> {
        failure.cause()?.downcast_ref::<Source>().map(|source| &*source.0)
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "no sentinel can be reached: {why}"),
            Self::Denied(why) => write!(f, "the sentinels let us not in: {why}"),
            Self::UnknownService { service, sentinels } => {
                write!(f, "no sentinel of {sentinels} knows `{service}`")
            }
            Self::Unconfirmed { service, named, why, .. } => {
                write!(f, "the sentinels name {named} for `{service}`, which is not usable: {why}")
            }
        }
    }
}

/// An absence that many failures share.
#[derive(Debug)]
struct Source(Arc<Absence>);

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Source {}
