//! Why a value is not kept.

/// Why a loaded value was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotKept {
    /// It, or one of its tags, was invalidated while it was loaded.
    Invalidated,
    /// `unless`, a zero ttl, or `None` or `Err` without `negative_ttl`.
    Unwanted,
    /// Another process holds the lease and stores its own value.
    LeaseHeld,
    /// The backend refused the fill: the lease was gone.
    LeaseLost,
    /// Too many writes were under way.
    Overloaded,
    /// `unless` or `tags_from` panicked.
    Panicked,
    /// It is larger than [`Resilience::max_value`](crate::Resilience::max_value), or than the backend takes.
    TooLarge,
}

impl NotKept {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Invalidated => "invalidated",
            Self::Unwanted => "unwanted",
            Self::LeaseHeld => "lease held",
            Self::LeaseLost => "lease lost",
            Self::Overloaded => "overloaded",
            Self::Panicked => "panicked",
            Self::TooLarge => "too large",
        }
    }
}
