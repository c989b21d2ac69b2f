//! How the backend fares, and what health checks found.

use athena_cache_core::{BreakerState, Health, NodeStatus, Report};

use super::{Detail, Family, Samples, Values, number};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "health_status",
        unit: "{status}",
        help: "0 healthy, 1 degraded, 2 unhealthy.",
        values: Values::Levels(|report, _, samples| {
            samples.add(&[("check", "cache")], &severity(report.health));
            for (check, entry) in report.checks.iter().flat_map(|checks| &checks.entries) {
                // What was not found out is left out.
                if let Some(status) = entry.status {
                    samples.add(&[("check", check)], &severity(status));
                }
            }
        }),
    },
    Family {
        name: "health_check_seconds",
        unit: "s",
        help: "How long a health check took.",
        values: Values::Levels(|report, _, samples| {
            for (check, entry) in report.checks.iter().flat_map(|checks| &checks.entries) {
                samples.add(&[("check", check)], &entry.took.as_secs_f64());
            }
        }),
    },
    Family {
        name: "replication_offset_lag_bytes",
        unit: "By",
        help: "Changes that the last replica has not confirmed.",
        values: Values::Level(|report| report.replica_lag().bytes.map(number)),
    },
    Family {
        name: "replication_lag_seconds",
        unit: "s",
        help: "Since the last replica has confirmed anything.",
        values: Values::Level(|report| report.replica_lag().seconds.map(number)),
    },
    Family {
        name: "nodes",
        unit: "{node}",
        help: "Nodes of the backend.",
        values: Values::Level(|report| Some(counted(report, |_| true))),
    },
    Family {
        name: "nodes_ready",
        unit: "{node}",
        help: "Those that an operation would reach.",
        values: Values::Level(|report| Some(counted(report, |node| node.ready))),
    },
    Family {
        name: "nodes_trusted",
        unit: "{node}",
        help: "Those for whose entries memory answers.",
        values: Values::Level(|report| Some(counted(report, |node| node.trusted))),
    },
    Family {
        name: "nodes_untrusted",
        unit: "{node}",
        help: "Those whose changes are announced, and not all heard of.",
        values: Values::Level(|report| Some(number(report.untrusted))),
    },
    Family {
        name: "operations_in_flight",
        unit: "{operation}",
        help: "Operations sent and not answered.",
        values: Values::Level(|report| {
            Some(number(report.nodes.iter().map(|node| node.in_flight as u64).sum()))
        }),
    },
    Family {
        name: "breakers",
        unit: "{breaker}",
        help: "Breakers of nodes in this state.",
        values: Values::Levels(|report, _, samples| {
            for (traffic, of) in TRAFFIC {
                for state in STATES {
                    let in_it = report.nodes.iter().filter(|node| of(node) == state).count();
                    let labels = [("traffic", traffic), ("state", state.name())];
                    samples.add(&labels, &number(in_it as u64));
                }
            }
        }),
    },
    Family {
        name: "node_info",
        unit: "{node}",
        help: "1 for each node in use, by the past of what it holds.",
        values: Values::Levels(info),
    },
    Family {
        name: "node_ready",
        unit: "{node}",
        help: "Whether an operation would reach it.",
        values: Values::Levels(|report, detail, samples| {
            each(report, detail, samples, |node| yes(node.ready));
        }),
    },
    Family {
        name: "node_trusted",
        unit: "{node}",
        help: "Whether memory answers for its entries.",
        values: Values::Levels(|report, detail, samples| {
            each(report, detail, samples, |node| yes(node.trusted));
        }),
    },
    Family {
        name: "node_in_flight",
        unit: "{operation}",
        help: "Operations that it has not answered.",
        values: Values::Levels(|report, detail, samples| {
            each(report, detail, samples, |node| number(node.in_flight as u64));
        }),
    },
    Family {
        name: "node_breaker_state",
        unit: "{breaker}",
        help: "1 for the state that its breaker is in.",
        values: Values::Levels(breakers_of_each),
    },
];

/// Which nodes serve, by the past of what they hold: whoever knows others asks others.
fn info(report: &Report, detail: Detail, samples: &mut Samples<'_, f64>) {
    for node in &report.nodes {
        let Some(history) = &node.history else { continue };
        let mut labels = vec![("role", "primary"), ("history", history.as_str())];
        if detail == Detail::Endpoints {
            labels.push(("endpoint", node.endpoint.as_str()));
        }
        samples.add(&labels, &1.0);
    }
}

fn breakers_of_each(report: &Report, detail: Detail, samples: &mut Samples<'_, f64>) {
    for node in shown(report, detail) {
        for (traffic, of) in TRAFFIC {
            for state in STATES {
                let labels =
                    [("endpoint", &*node.endpoint), ("traffic", traffic), ("state", state.name())];
                samples.add(&labels, &yes(of(node) == state));
            }
        }
    }
}

/// What there is of each node by its address.
fn each(
    report: &Report,
    detail: Detail,
    samples: &mut Samples<'_, f64>,
    of: fn(&NodeStatus) -> f64,
) {
    for node in shown(report, detail) {
        samples.add(&[("endpoint", &node.endpoint)], &of(node));
    }
}

/// The nodes that are told of by their addresses.
fn shown(report: &Report, detail: Detail) -> &[NodeStatus] {
    if detail == Detail::Endpoints { &report.nodes } else { &[] }
}

fn counted(report: &Report, is: fn(&NodeStatus) -> bool) -> f64 {
    number(report.nodes.iter().filter(|node| is(node)).count() as u64)
}

fn yes(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn severity(health: Health) -> f64 {
    match health {
        Health::Healthy => 0.0,
        Health::Degraded => 1.0,
        // What is not known here is no better.
        _ => 2.0,
    }
}

/// Which breaker of a node is that of which traffic.
type BreakerOf = fn(&NodeStatus) -> BreakerState;

const TRAFFIC: [(&str, BreakerOf); 2] =
    [("serving", |node| node.breaker), ("storing", |node| node.write_breaker)];

const STATES: [BreakerState; 5] = [
    BreakerState::Closed,
    BreakerState::Open,
    BreakerState::HalfOpen,
    BreakerState::Isolated,
    BreakerState::Disabled,
];
