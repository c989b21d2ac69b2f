//! What a node may be asked for.

use std::fmt;

use serde::Serialize;

/// Something that a node does for a cache, if it lets it.
///
/// A node that does not is used without; [`Backend::lacks`](super::Backend::lacks) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ability {
    /// It answers what it holds.
    Read,
    /// A lease can be taken, extended, filled and given back.
    Lease,
    /// Names can be removed and generations changed, and that it is done counts: most of those who decide who
    /// serves stand by the node.
    Invalidate,
    /// It announces every change of what was read, or tells what it may not have announced.
    Announce,
    /// It tells its history.
    Confirm,
}

impl Ability {
    /// Every ability, for tables.
    pub const ALL: [Self; 5] =
        [Self::Read, Self::Lease, Self::Invalidate, Self::Announce, Self::Confirm];

    /// A short name, as used in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Lease => "lease",
            Self::Invalidate => "invalidate",
            Self::Announce => "announce",
            Self::Confirm => "confirm",
        }
    }

    /// Whether a tier does not do its work without it: values are not shared, or invalidations not told.
    ///
    /// Without the others it does, and less of it is answered from memory.
    pub fn is_essential(self) -> bool {
        matches!(self, Self::Read | Self::Lease | Self::Invalidate)
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
