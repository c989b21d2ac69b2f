//! Something that is wrong: what was found, why it matters, and what to change.

use serde::Serialize;

/// How bad it is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Level {
    /// The cache does not do all of its work.
    Fault,
    /// It does, until something happens.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Names the check; covered by semver.
    pub(crate) check: &'static str,
    pub(crate) level: Level,
    /// Where; nowhere if it is about all of it.
    pub(crate) nodes: Vec<String>,
    pub(crate) found: String,
    pub(crate) why: &'static str,
    /// The line to change, and where it stands.
    pub(crate) fix: String,
    /// Where more is written about it.
    pub(crate) see: &'static str,
}

/// Where more is written.
pub(crate) const RIGHTS: &str = "docs/high-availability.md, Rights";
pub(crate) const SERVERS: &str = "docs/high-availability.md, Settings of the servers";
pub(crate) const DEPLOYMENTS: &str = "docs/high-availability.md, Your Redis";
pub(crate) const SYNC: &str = "docs/coherence.md";

impl Finding {
    pub(crate) fn fault(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Level::Fault, found.into())
    }

    pub(crate) fn warning(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Level::Warning, found.into())
    }

    fn new(check: &'static str, level: Level, found: String) -> Self {
        Self {
            check,
            level,
            nodes: Vec::new(),
            found,
            why: "",
            fix: String::new(),
            see: DEPLOYMENTS,
        }
    }

    pub(crate) fn on(mut self, node: &str) -> Self {
        self.nodes.push(node.to_owned());
        self
    }

    pub(crate) fn why(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// A setting of a server, as it is changed while it runs and in its file.
    pub(crate) fn set(self, setting: &str, value: &str) -> Self {
        self.fix(format!(
            "CONFIG SET {setting} {value}    (and `{setting} {value}` in its redis.conf)"
        ))
    }

    pub(crate) fn see(mut self, see: &'static str) -> Self {
        self.see = see;
        self
    }

    /// Whether another one is the same on another node.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let what = |it: &Self| (it.check, it.level, it.found.clone(), it.fix.clone());
        !self.nodes.is_empty() && !other.nodes.is_empty() && what(self) == what(other)
    }
}
