//! All that is wrong, as a document.

use serde::Serialize;

use super::examine;
use super::facts::Facts;
use super::finding::{Finding, Level};
use super::unknown::unknown;

/// What is wrong with a deployment, and what could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What was not let us known.
    pub unknown: Vec<String>,
    /// How many of the findings are faults.
    pub faults: usize,
    /// How many of them are warnings.
    pub warnings: usize,
    /// How many nodes answered.
    pub nodes: usize,
    /// How many names were looked at; `None` if no node listed any.
    pub names: Option<usize>,
}

impl Diagnosis {
    /// What follows from the facts; asks nobody.
    pub fn of(facts: &Facts) -> Self {
        let findings = examine(facts);
        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        Self {
            unknown: unknown(facts),
            faults: count(Level::Fault),
            warnings: count(Level::Warning),
            nodes: facts.survey.connected_nodes(),
            names: facts.names.as_ref().map(|names| names.looked_at),
            findings,
        }
    }
}
