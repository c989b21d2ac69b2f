//! What follows from what the process knows by itself: pure.

use std::time::Duration;

use super::words::judged;
use crate::backend::Ability;
use crate::excerpt::Excerpt;
use crate::health::{Finding, Health};
use crate::remote::{NodeStatus, RegionStatus};
use crate::resilience::breaker::BreakerState;
use crate::settings::HealthSettings;

/// Whether every breaker lets operations through.
pub(super) fn breakers(nodes: &[NodeStatus]) -> Finding {
    let is_open =
        |state: BreakerState| matches!(state, BreakerState::Open | BreakerState::HalfOpen);
    let told = named(nodes, |node| {
        let reads = is_open(node.breaker).then(|| format!("reads {}", node.breaker.name()));
        let writes =
            is_open(node.write_breaker).then(|| format!("writes {}", node.write_breaker.name()));
        let both: Vec<_> = reads.into_iter().chain(writes).collect();
        (!both.is_empty()).then(|| both.join(", "))
    });
    judged((Health::Degraded, &told), &untold(nodes), "no breaker is open")
}

/// Whether any node is left alone by hand.
pub(super) fn isolation(nodes: &[NodeStatus]) -> Finding {
    let told = named(nodes, |node| {
        (node.breaker == BreakerState::Isolated).then(|| "isolated".to_owned())
    });
    let finding = judged((Health::Degraded, &told), &untold(nodes), "every node is asked");
    finding.with("isolated", told.len())
}

/// Whether invalidations reach the backend.
pub(super) fn journal(depth: usize, oldest: Duration, settings: &HealthSettings) -> Finding {
    let seconds = oldest.as_secs_f64();
    let finding = match depth {
        0 => Finding::healthy("no invalidation waits"),
        _ if oldest > settings.journal_age => Finding::degraded(format!(
            "{depth} invalidations wait, the oldest for {} s: other processes may serve what was invalidated",
            oldest.as_secs()
        )),
        _ => Finding::healthy(format!("{depth} invalidations wait for the backend")),
    };
    finding.with("depth", depth).with("oldestSeconds", seconds)
}

/// Whether this process uses the region that it prefers, and all of them follow the primary.
pub(super) fn regions(regions: &[RegionStatus]) -> Finding {
    let told: Vec<_> = regions.iter().filter_map(trouble_of_region).collect();
    let active = regions.iter().find(|region| region.active);
    let active = active.map_or_else(String::new, |region| Excerpt::of(&region.name).to_string());
    let fine = format!("`{active}` is used, and all regions follow the primary");
    judged((Health::Degraded, &told), &[], &fine).with("active", active)
}

fn trouble_of_region(region: &RegionStatus) -> Option<String> {
    let name = Excerpt::of(&region.name);
    if region.preferred && !region.active {
        return Some(format!("`{name}` is preferred, and another region is used"));
    }
    if region.parked > 0 {
        let parked = region.parked;
        return Some(format!("`{name}` has rejected {parked} records, which are parked there"));
    }
    (!region.heard).then(|| format!("`{name}` is not known to follow the primary"))
}

/// Whether memory answers for the entries of all nodes.
///
/// A node that announces nothing by its rights or its kind is as it was set up: that is told, and no trouble.
pub(super) fn trust(nodes: &[NodeStatus]) -> Finding {
    let told = named(nodes, |node| {
        (!node.trusted && node.announces()).then(|| "not all changes are heard of".to_owned())
    });
    let silent = nodes.iter().filter(|node| !node.announces()).count();
    let fine = match silent {
        0 => "memory answers",
        _ => "memory answers for moments alone, since changes are not announced",
    };
    let finding = judged((Health::Degraded, &told), &untold(nodes), fine);
    finding.with("untrusted", told.len()).with("silent", silent)
}

/// Whether the nodes let us in, and do what is needed.
///
/// Who is let in nowhere has no backend: that is unhealthy. Who lacks a right has less of one. That nobody stands by a
/// node yet is no right, and of one that is not reached it is not known what it allows.
pub(super) fn access(refusing: &[(String, String)], nodes: &[NodeStatus]) -> Finding {
    if !refusing.is_empty() {
        let told: Vec<_> = refusing.iter().map(|(at, says)| format!("{at}: {says}")).collect();
        let all = refusing.len() >= nodes.len();
        let status = if all { Health::Unhealthy } else { Health::Degraded };
        return judged((status, &told), &[], "").with("refusing", refusing.len());
    }
    let lacks = |essential: bool| {
        named(nodes, |node| {
            let is_right = |ability: &&Ability| node.confirmed || **ability != Ability::Invalidate;
            let lacks = node.lacks.iter().filter(is_right);
            let lacks = lacks.filter(|ability| ability.is_essential() == essential);
            let lacks: Vec<_> = lacks.map(|ability| ability.name()).collect();
            (!lacks.is_empty()).then(|| format!("does not let us {}", lacks.join(", ")))
        })
    };
    let (needed, helpful) = (lacks(true), lacks(false));
    let fine = match helpful.first() {
        Some(first) => format!("all that is needed is allowed; {first}"),
        None => "all that is asked is allowed".to_owned(),
    };
    let mut away =
        named(nodes, |node| (!node.ready).then(|| "no connection yet, or no more".to_owned()));
    away.extend(untold(nodes));
    let finding = judged((Health::Degraded, &needed), &away, &fine);
    finding.with("restricted", helpful.len() + needed.len())
}

fn named(nodes: &[NodeStatus], tell: impl Fn(&NodeStatus) -> Option<String>) -> Vec<String> {
    let told = nodes.iter().filter_map(|node| Some(format!("{}: {}", node.endpoint, tell(node)?)));
    told.collect()
}

/// What is not told where there is nobody to tell it of.
fn untold(nodes: &[NodeStatus]) -> Vec<String> {
    if nodes.is_empty() { vec!["no node is known".to_owned()] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Health::{Degraded, Healthy, Unhealthy};

    fn node(change: impl FnOnce(&mut NodeStatus)) -> NodeStatus {
        let mut node = NodeStatus {
            endpoint: "node-1".to_owned(),
            ready: true,
            in_flight: 0,
            breaker: BreakerState::Closed,
            write_breaker: BreakerState::Closed,
            retry_after: None,
            lacks: Vec::new(),
            confirmed: true,
            trusted: true,
            history: None,
            refuses: None,
        };
        change(&mut node);
        node
    }

    #[test]
    fn what_the_process_knows_is_judged_node_by_node() {
        let calm = node(|_| {});
        let open = node(|node| node.write_breaker = BreakerState::Open);
        let isolated = node(|node| {
            node.breaker = BreakerState::Isolated;
            node.write_breaker = BreakerState::Isolated;
        });
        let unheard = node(|node| node.trusted = false);
        let silent = node(|node| {
            node.trusted = false;
            node.lacks = vec![Ability::Announce];
        });
        for (subject, healthy, troubled) in [
            (breakers as fn(&[NodeStatus]) -> Finding, vec![&calm, &isolated], vec![&calm, &open]),
            (isolation, vec![&calm, &open], vec![&calm, &isolated]),
            (trust, vec![&calm, &silent], vec![&silent, &unheard]),
        ] {
            let find = |nodes: Vec<&NodeStatus>| {
                subject(&nodes.into_iter().cloned().collect::<Vec<_>>()).status()
            };
            assert_eq!((find(healthy), find(troubled)), (Some(Healthy), Some(Degraded)));
            assert_eq!(find(vec![]), None, "nobody is known");
        }
    }

    #[test]
    fn who_is_let_in_nowhere_has_no_backend_and_who_lacks_a_right_has_less_of_one() {
        let calm = node(|_| {});
        let refused = [("node-1".to_owned(), "WRONGPASS".to_owned())];
        let lacks = |ability| vec![node(|node| node.lacks = vec![ability])];
        let unconfirmed = |also: &[Ability]| {
            let lacks = [&[Ability::Invalidate], also].concat();
            vec![node(|node| (node.confirmed, node.lacks) = (false, lacks))]
        };
        let away = node(|node| node.ready = false);
        for (refusing, nodes, status) in [
            (&[] as &[_], vec![calm.clone()], Some(Healthy)),
            (&refused, vec![calm.clone()], Some(Unhealthy)),
            (&refused, vec![calm.clone(), calm.clone()], Some(Degraded)),
            (&[], lacks(Ability::Lease), Some(Degraded)),
            (&[], lacks(Ability::Invalidate), Some(Degraded)),
            (&[], lacks(Ability::Announce), Some(Healthy)),
            (&[], unconfirmed(&[]), Some(Healthy)),
            (&[], unconfirmed(&[Ability::Lease]), Some(Degraded)),
            (&[], vec![calm.clone(), away.clone()], None),
            (&[], [lacks(Ability::Lease), vec![away]].concat(), Some(Degraded)),
            (&[], vec![], None),
        ] {
            assert_eq!(access(refusing, &nodes).status(), status, "{nodes:?}");
        }
    }

    #[test]
    fn an_invalidation_may_wait_for_a_while() {
        let settings = HealthSettings::default();
        for (depth, seconds, status) in [(0, 0, Healthy), (3, 10, Healthy), (3, 11, Degraded)] {
            let found = journal(depth, Duration::from_secs(seconds), &settings);
            assert_eq!(found.status(), Some(status));
        }
    }
}
