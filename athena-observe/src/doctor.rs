//! What is wrong with a deployment: facts in, findings out.
//!
//! [`Facts::ask`] asks the servers, [`Diagnosis::of`] says what is wrong with them, and the line to change. `athena doctor`
//! prints it, and the page shows it.
//!
//! ```
//! # async fn example(cache: athena_cache_core::Cache) {
//! use std::time::Duration;
//! use athena_cache_observe::doctor::{Diagnosis, Facts};
//!
//! if let Some(operator) = cache.operator() {
//!     let facts = Facts::ask(&*operator, cache.namespace(), Duration::from_secs(2)).await;
//!     for finding in Diagnosis::of(&facts).findings {
//!         println!("{}: {}", finding.found, finding.fix);
//!     }
//! }
//! # }
//! ```
//!
//! Invariant: nothing but `ask` and `look` asks anybody, and nothing is found by what is not known. Each check is a
//! function of the facts alone, so that a table of them tests it.

mod ask;
mod cluster;
mod diagnosis;
mod facts;
mod finding;
mod keeping;
mod login;
mod look;
mod names;
mod reach;
mod rights;
mod sentinels;
mod servers;
#[cfg(test)]
mod tests;
mod unknown;

pub use self::diagnosis::Diagnosis;
pub use self::facts::{Facts, NameFacts};
pub use self::finding::{Finding, Level};

/// Each check, in the order in which findings are told.
const CHECKS: [fn(&Facts, &mut Vec<Finding>); 24] = [
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
    sentinels::service,
    sentinels::answers,
    sentinels::count,
    reach::clocks,
    names::written,
];

/// What is wrong, the worst first; the same on several nodes is one finding.
fn examine(facts: &Facts) -> Vec<Finding> {
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
