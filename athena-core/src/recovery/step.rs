//! What may be done, and what came of it.

use serde::Serialize;

/// Something that is done so that a cache gets well again: from [`Event::Recovery`](crate::Event::Recovery).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RecoveryStep {
    /// Connections of this process are made anew.
    Reconnect,
    /// All that is stored is looked at, and what is damaged told.
    Verify,
    /// The same, and what is good for nothing is removed.
    Repair,
    /// It is told that nodes take longer than they did.
    AdviseOnSpeed,
    /// It is told that nodes are short of memory.
    AdviseOnMemory,
    /// Servers give memory back that they hold and do not use.
    PurgeMemory,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StepResult {
    /// It was done.
    Done,
    /// It was left to another process, which sees to it for all.
    Left,
    /// Somebody does not allow it: the settings of this process, or the rights of its user.
    Refused,
    /// It was begun and not brought to its end, or nobody could be asked.
    Failed,
}

impl RecoveryStep {
    /// A short name, as used in logs and counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::Verify => "verify",
            Self::Repair => "repair",
            Self::AdviseOnSpeed => "advise-on-speed",
            Self::AdviseOnMemory => "advise-on-memory",
            Self::PurgeMemory => "purge-memory",
        }
    }

    /// Whether one process of a fleet does it for all.
    pub(crate) fn is_for_one(self) -> bool {
        matches!(self, Self::Verify | Self::Repair | Self::PurgeMemory)
    }
}

impl StepResult {
    /// A short name, as used in logs and counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Left => "left",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}
