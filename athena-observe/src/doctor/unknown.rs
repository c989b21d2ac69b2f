//! What was not let us known.

use athena_cache_core::backend::operate::{Permission, StoreKind};

use super::facts::Facts;

/// A sentence about each.
pub(super) fn unknown(facts: &Facts) -> Vec<String> {
    let mut unknown = Vec::new();
    for node in facts.survey.nodes.iter().filter(|node| node.is_connected) {
        if let Some(error) = &node.error {
            unknown.push(format!("{}: {error}", node.endpoint));
        }
    }
    for node in &facts.examination.nodes {
        if let Some(error) = node.error.as_ref().filter(|_| is_connected(facts, &node.endpoint)) {
            unknown.push(format!("{}: {error}", node.endpoint));
        } else if node.settings.is_none() && node.error.is_none() {
            unknown.push(format!(
                "{}: it does not let us ask for its settings (CONFIG GET)",
                node.endpoint
            ));
        }
    }
    for (node, examined) in facts.primaries() {
        let serves = facts.survey.kind != StoreKind::Cluster || !node.slots.is_empty();
        let is_unknown =
            examined.is_some_and(|it| it.error.is_none() && it.keeps == Permission::Unknown);
        if serves && is_unknown {
            unknown.push(format!("{}: whether it keeps what it is given", node.endpoint));
        }
    }
    if facts.names.is_none() && facts.survey.connected_nodes() > 0 {
        unknown.push("which names there are: no node let us list them (SCAN)".to_owned());
    }
    unknown
}

fn is_connected(facts: &Facts, endpoint: &str) -> bool {
    facts.survey.nodes.iter().any(|node| node.endpoint == endpoint && node.is_connected)
}
