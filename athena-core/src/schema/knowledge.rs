//! How much a fingerprint knows.

/// How much a fingerprint knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Knowledge {
    Traced,
    /// Asked for `deserialize_any`, where the trace ends.
    SelfDescribing,
    /// Seen in part: the name of the type has to speak for the rest.
    Named,
}
