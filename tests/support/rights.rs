//! The users that the documentation tells people to make.

use super::topology::Topology;

const DOCS: &str = include_str!("../../docs/high-availability.md");

/// The rules of the documented user of a namespace, without name and password.
pub(crate) fn recommended(namespace: &str, topology: Topology) -> Vec<String> {
    let mut words = rule("ACL SETUSER shop on >… ");
    if topology == Topology::Cluster {
        words.extend(rule("ACL SETUSER shop +cluster|nodes "));
        words.push("+cluster|nodes");
    }
    words.into_iter().map(|word| word.replace("~shop:", &format!("~{namespace}:"))).collect()
}

/// What such a user needs beside that where there are several regions.
pub(crate) fn recommended_for_regions() -> Vec<&'static str> {
    let mut words = rule("ACL SETUSER shop +xadd ");
    words.push("+xadd");
    words
}

/// The words after the beginning of a line.
fn rule(beginning: &str) -> Vec<&'static str> {
    let rule = DOCS.lines().find_map(|line| line.strip_prefix(beginning));
    rule.expect("the documentation has a rule").split(' ').collect()
}
