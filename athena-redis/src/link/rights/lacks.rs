//! Which rights are lacking, and what to say of it.

use std::fmt::Write;

use athena_cache_core::backend::{Ability, Excerpt};

use super::{Promise, RIGHTS, Right};
use crate::link::class::Denial;

/// The rights that a node does not give us, each by its place in the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::link) struct Lacks {
    commands: u32,
    names: u32,
    unknown: u32,
}

impl Lacks {
    /// Adds what the reply to a right's probe says.
    pub(super) fn note(&mut self, right: usize, denial: Option<Denial>) {
        let set = match denial {
            Some(Denial::Command) => &mut self.commands,
            Some(Denial::Names) => &mut self.names,
            Some(Denial::Unknown) => &mut self.unknown,
            None => return,
        };
        *set |= 1 << right;
    }

    /// The same for the right to a command.
    pub(in crate::link) fn note_command(&mut self, command: &str, denial: Option<Denial>) {
        if let Some(right) = RIGHTS.iter().position(|right| right.command == command) {
            self.note(right, denial);
        }
    }

    /// The lacks of two questions, of which the second asked about some rights only.
    pub(in crate::link) fn and(self, other: Self) -> Self {
        Self {
            commands: self.commands | other.commands,
            names: self.names | other.names,
            unknown: self.unknown | other.unknown,
        }
    }

    pub(in crate::link) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether all that belongs to an ability is there; else what is not.
    pub(in crate::link) fn permits(self, ability: Ability) -> Result<(), String> {
        let belongs = |right: &&Right| {
            right.promises.iter().any(|promise| promise.ability() == Some(ability))
        };
        let lacking: Vec<_> = of(self.any()).filter(belongs).map(|it| it.command).collect();
        if lacking.is_empty() { Ok(()) } else { Err(lacking.join(", ")) }
    }

    /// Whether a right is lacking, for whatever reason.
    pub(in crate::link) fn has(self, command: &str) -> bool {
        of(self.any()).any(|right| right.command == command)
    }

    /// The commands, as a list.
    pub(in crate::link) fn commands(self) -> String {
        let commands: Vec<_> = of(self.any()).map(|right| right.command).collect();
        commands.join(", ")
    }

    /// What it costs.
    pub(in crate::link) fn costs(self) -> String {
        let is_broken =
            |promise: &Promise| of(self.any()).any(|right| right.promises.contains(promise));
        let costs: Vec<_> =
            Promise::ALL.iter().filter(|it| is_broken(it)).map(|it| it.without()).collect();
        costs.join("; ")
    }

    /// What an operator has to do, for a user who needs these names.
    pub(in crate::link) fn fix(self, user: &Excerpt, prefixes: &[String]) -> String {
        let mut fixes = Vec::new();
        if self.commands | self.names != 0 {
            let mut rule = format!("ACL SETUSER {user}");
            if self.names != 0 {
                for prefix in prefixes {
                    let _ = write!(rule, " ~{prefix}*");
                }
            }
            for right in of(self.commands) {
                let _ = write!(rule, " +{}", right.command);
            }
            fixes.push(rule);
        }
        if self.unknown != 0 {
            let commands: Vec<_> = of(self.unknown).map(|right| right.command).collect();
            fixes.push(format!(
                "what answers does not know {}: undo its `rename-command`, or connect to a redis \
                 without a proxy between",
                commands.join(", ")
            ));
        }
        fixes.join("; ")
    }

    fn any(self) -> u32 {
        self.commands | self.names | self.unknown
    }
}

/// The rights of a set.
fn of(set: u32) -> impl Iterator<Item = &'static Right> {
    RIGHTS.iter().enumerate().filter(move |(at, _)| set & 1 << at != 0).map(|(_, it)| it)
}
