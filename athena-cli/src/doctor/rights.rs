//! What the user may do, and whether it is told of changes.

use athena_cache_core::backend::operate::Permission;

use super::facts::Facts;
use super::finding::{Finding, RIGHTS, SYNC};

/// Whether the user has every right that a cache needs, on those that serve.
pub(super) fn allowed(facts: &Facts, found: &mut Vec<Finding>) {
    for (node, examined) in facts.primaries() {
        let Some(examined) = examined.filter(|it| !it.lacking.is_empty()) else { continue };
        let user = examined.user.as_deref().unwrap_or("default");
        let commands: Vec<_> = examined.lacking.iter().map(|it| it.command.as_str()).collect();
        let mut costs: Vec<_> =
            examined.lacking.iter().flat_map(|it| it.costs.split("; ")).collect();
        costs.sort_unstable();
        costs.dedup();
        let said = format!(
            "user `{user}` may not use {}, so that {}",
            commands.join(", "),
            costs.join("; ")
        );
        let fault = Finding::fault("rights", said).on(&node.endpoint);
        found.push(
            fault
                .why("a cache does without what it may not do, and does less")
                .fix(examined.grant.clone().unwrap_or_default())
                .see(RIGHTS),
        );
    }
}

/// Whether changes are announced.
pub(super) fn tracking(facts: &Facts, found: &mut Vec<Finding>) {
    const WHY: &str = "what other processes change is noticed only after `trust_window` (2 s)";
    if !facts.examination.own.tracking && !facts.examination.nodes.is_empty() {
        let warning =
            Finding::warning("tracking", "the settings of the service switch tracking off");
        found.push(
            warning.why(WHY).fix("tracking = true    (in the settings of the service)").see(SYNC),
        );
    }
    for (node, examined) in facts.primaries() {
        let Some(examined) = examined else { continue };
        let is_right = examined.lacking.iter().any(|it| it.command == "client|tracking");
        if let Permission::Refused(said) = &examined.tracking
            && !is_right
        {
            let fault = Finding::fault("tracking", format!("it does not announce changes: {said}"));
            found.push(
                fault
                    .on(&node.endpoint)
                    .why(WHY)
                    .fix("url = \"redis://HOST-OF-THE-SERVER:6379\"    (in the settings of the service: a server that speaks RESP3, and no proxy)")
                    .see(SYNC),
            );
        }
    }
}
