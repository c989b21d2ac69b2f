//! The states of a breaker, as others see them.

use serde::Serialize;

/// The state of a breaker, for people and counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BreakerState {
    /// Operations pass.
    Closed,
    /// Operations are refused.
    Open,
    /// One operation at a time finds out whether the backend is back.
    HalfOpen,
    /// Operations are refused because somebody said so.
    Isolated,
    /// Operations pass, whatever happens.
    Disabled,
}

impl BreakerState {
    /// A short name, as used in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::Isolated => "isolated",
            Self::Disabled => "disabled",
        }
    }
}

impl BreakerState {
    /// How much it stands in the way.
    pub(crate) fn severity(self) -> u8 {
        match self {
            Self::Disabled => 0,
            Self::Closed => 1,
            Self::HalfOpen => 2,
            Self::Open => 3,
            Self::Isolated => 4,
        }
    }
}

/// A change of state, to be told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) from: BreakerState,
    pub(crate) to: BreakerState,
}

/// How an operation ended, as far as the breaker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Failure,
    /// It was answered, and not done: that costs nobody anything, and what is taken again only another one
    /// shows.
    Refused,
}
