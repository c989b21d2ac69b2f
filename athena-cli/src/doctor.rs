//! What is wrong with a deployment: facts in, findings out.
//!
//! Invariant: nothing here asks anybody, and nothing is found by what is not known. Each check is a function of
//! the facts alone, so that a table of them tests it.

mod cluster;
mod facts;
mod finding;
mod keeping;
mod names;
mod reach;
mod rights;
mod sentinels;
mod servers;
#[cfg(test)]
mod tests;

pub(crate) use self::facts::{Facts, NameFacts};
pub(crate) use self::finding::{Finding, Level};

/// Each check, in the order in which findings are told.
const CHECKS: [fn(&Facts, &mut Vec<Finding>); 23] = [
    reach::known,
    reach::reached,
    reach::loading,
    reach::version,
    reach::direct,
    keeping::primary,
    keeping::kept,
    rights::allowed,
    rights::tracking,
    servers::readers,
    servers::memory,
    servers::policy,
    servers::clients,
    servers::persistence,
    servers::copies,
    cluster::state,
    cluster::coverage,
    cluster::node_timeout,
    cluster::replicas,
    sentinels::answers,
    sentinels::count,
    reach::clocks,
    names::written,
];

/// What is wrong, the worst first; the same on several nodes is one finding.
pub(crate) fn examine(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for check in CHECKS {
        check(facts, &mut found);
    }
    let mut findings: Vec<Finding> = Vec::new();
    for one in found {
        match findings.iter_mut().find(|known| known.is_same(&one)) {
            Some(known) => known.nodes.extend(one.nodes),
            None => findings.push(one),
        }
    }
    findings.sort_by_key(|finding| finding.level);
    findings
}
