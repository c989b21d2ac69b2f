//! What is written of the backend of a report, and of health.

use athena_cache_core::backend::operate::ReplicaLag;
use athena_cache_core::{BreakerState, ExchangeReport, Health, NodeStatus, Report};

use super::families::{Row, each};
use super::text::{Kind, Text};

/// How the nodes fare, all together.
pub(super) fn nodes(text: &mut Text, reports: &[Report]) {
    let gauges: [Row<[NodeStatus], usize>; 4] = [
        ("nodes", "Nodes of the backend.", <[_]>::len),
        ("nodes_ready", "Those that an operation would reach.", |nodes| {
            nodes.iter().filter(|node| node.ready).count()
        }),
        ("nodes_trusted", "Those for whose entries memory answers.", |nodes| {
            nodes.iter().filter(|node| node.trusted).count()
        }),
        ("operations_in_flight", "Operations sent and not answered.", |nodes| {
            nodes.iter().map(|node| node.in_flight).sum()
        }),
    ];
    for (name, help, count) in gauges {
        each(text, Kind::Gauge, (name, help), reports, |report| Some(count(&report.nodes)));
    }
    let untrusted = ("nodes_untrusted", "Those whose changes are announced, and not all heard of.");
    each(text, Kind::Gauge, untrusted, reports, |report| Some(report.untrusted));
    let mut breakers = text.family(Kind::Gauge, "breakers", "Breakers of nodes in this state.");
    for report in reports {
        for (traffic, of) in TRAFFIC {
            for state in STATES {
                let count = report.nodes.iter().filter(|node| of(node) == state).count();
                let labels =
                    [("cache", &*report.cache), ("traffic", traffic), ("state", state.name())];
                breakers.sample(&labels, count);
            }
        }
    }
}

/// What nodes were asked for; by their addresses if they are to be shown.
pub(super) fn operations(text: &mut Text, reports: &[Report], endpoints: bool) {
    let exchanges: Vec<_> = reports
        .iter()
        .map(|report| {
            let exchanges = if endpoints { report.exchanges.clone() } else { report.operations() };
            (&*report.cache, exchanges)
        })
        .collect();
    let each = || {
        let each = exchanges.iter();
        each.flat_map(|(cache, exchanges)| exchanges.iter().map(move |exchange| (*cache, exchange)))
    };
    let help = "What exchanges with nodes took, whatever came of them.";
    let mut took = text.family(Kind::Histogram, "operation_duration_seconds", help);
    for (cache, exchange) in each() {
        took.distribution(&of_exchange(cache, exchange, endpoints), &exchange.took);
    }
    let help = "Operations that the backend did not do, by class.";
    let mut failures = text.family(Kind::Counter, "operation_failures_total", help);
    for (cache, exchange) in each() {
        for (class, count) in &exchange.failures {
            let mut labels = of_exchange(cache, exchange, endpoints);
            labels.push(("class", class));
            failures.sample(&labels, *count);
        }
    }
}

fn of_exchange<'a>(
    cache: &'a str,
    exchange: &'a ExchangeReport,
    endpoints: bool,
) -> Vec<(&'static str, &'a str)> {
    let mut labels = vec![("cache", cache), ("operation", exchange.operation)];
    if endpoints {
        labels.push(("endpoint", exchange.endpoint.as_str()));
    }
    labels
}

/// What health checks found, and whether every tier does its work.
pub(super) fn health(text: &mut Text, reports: &[Report]) {
    let help = "0 healthy, 1 degraded, 2 unhealthy.";
    let mut health = text.family(Kind::Gauge, "health_status", help);
    for report in reports {
        health.sample(&[("cache", &report.cache), ("check", "cache")], severity(report.health));
        for (check, entry) in report.checks.iter().flat_map(|checks| &checks.entries) {
            // What was not found out is left out.
            if let Some(status) = entry.status {
                health.sample(&[("cache", &report.cache), ("check", check)], severity(status));
            }
        }
    }
    let help = "How long a health check took.";
    let mut took = text.family(Kind::Gauge, "health_check_seconds", help);
    for report in reports {
        for (check, entry) in report.checks.iter().flat_map(|checks| &checks.entries) {
            took.sample(&[("cache", &report.cache), ("check", check)], entry.took.as_secs_f64());
        }
    }
}

/// How far the last replica is behind, if health checks were asked, and nodes said so.
pub(super) fn replication(text: &mut Text, reports: &[Report]) {
    let gauges: [Row<ReplicaLag, Option<u64>>; 2] = [
        (
            "replication_offset_lag_bytes",
            "Changes that the last replica has not confirmed.",
            |lag| lag.bytes,
        ),
        ("replication_lag_seconds", "Since the last replica has confirmed anything.", |lag| {
            lag.seconds
        }),
    ];
    for (name, help, lag) in gauges {
        each(text, Kind::Gauge, (name, help), reports, |report| lag(&report.replica_lag()));
    }
}

fn severity(health: Health) -> u8 {
    match health {
        Health::Healthy => 0,
        Health::Degraded => 1,
        // What is not known here is no better.
        _ => 2,
    }
}

/// Which nodes serve, by the past of what they hold: whoever knows others asks others.
pub(super) fn info(text: &mut Text, reports: &[Report], endpoints: bool) {
    let help = "1 for each node in use, by the past of what it holds.";
    let mut info = text.family(Kind::Gauge, "node_info", help);
    for (report, node) in reports.iter().flat_map(|it| it.nodes.iter().map(move |node| (it, node)))
    {
        let Some(history) = &node.history else { continue };
        let mut labels =
            vec![("cache", &*report.cache), ("role", "primary"), ("history", history.as_str())];
        if endpoints {
            labels.push(("endpoint", node.endpoint.as_str()));
        }
        info.sample(&labels, 1);
    }
}

/// How each node fares, by its address.
pub(super) fn endpoints(text: &mut Text, reports: &[Report]) {
    let gauges: [Row<NodeStatus, usize>; 3] = [
        ("node_ready", "Whether an operation would reach it.", |node| usize::from(node.ready)),
        ("node_trusted", "Whether memory answers for its entries.", |node| {
            usize::from(node.trusted)
        }),
        ("node_in_flight", "Operations that it has not answered.", |node| node.in_flight),
    ];
    for (name, help, value) in gauges {
        let mut family = text.family(Kind::Gauge, name, help);
        for (report, node) in
            reports.iter().flat_map(|it| it.nodes.iter().map(move |node| (it, node)))
        {
            family.sample(&[("cache", &report.cache), ("endpoint", &node.endpoint)], value(node));
        }
    }
    let help = "1 for the state that its breaker is in.";
    let mut breakers = text.family(Kind::Gauge, "node_breaker_state", help);
    for (report, node) in reports.iter().flat_map(|it| it.nodes.iter().map(move |node| (it, node)))
    {
        for (traffic, of) in TRAFFIC {
            for state in STATES {
                let labels = [
                    ("cache", &*report.cache),
                    ("endpoint", &*node.endpoint),
                    ("traffic", traffic),
                    ("state", state.name()),
                ];
                breakers.sample(&labels, u8::from(of(node) == state));
            }
        }
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
