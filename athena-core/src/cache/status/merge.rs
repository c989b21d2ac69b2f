//! One document out of what is known, found and said.
//!
//! Invariant: what was not found out stays `None`; a node that is known to this process and one that others know are
//! one, if they are reached at the same address.

use std::time::Duration;

use super::super::Cache;
use super::Status;
use super::parts::{
    ClusterStatus, FailoverStatus, JournalStatus, MaintenanceStatus, Performance, ProcessStatus,
    RecoveryStatus, ServerStatus, TrustStatus,
};
use crate::backend::operate::{SentinelReport, StoreKind, Survey, SurveyedNode};
use crate::health::HealthReport;
use crate::moment::Moment;
use crate::remote::NodeStatus;
use crate::resilience::breaker::BreakerState;
use crate::runtime::Runtime;
use crate::settings::MemoryRole;
use crate::telemetry::Stats;

/// What performance is told of.
const WINDOW: Duration = Duration::from_secs(60);

pub(super) fn status(
    cache: &Cache,
    health: &HealthReport,
    survey: Option<&Survey>,
    sentinels: Option<&SentinelReport>,
) -> Status {
    let (runtime, stats, nodes) = (cache.runtime(), cache.stats(), cache.nodes());
    let identity = &runtime.identity;
    let trusted = trusted(runtime.settings.memory.role, &nodes);
    let window = runtime.remotes.as_ref().map(|_| runtime.settings.resilience.trust_window);
    Status {
        timestamp: Moment::now(),
        overall_health: health.clone(),
        redis_cluster: cluster(cache, survey, sentinels),
        performance: performance(cache, &stats, survey),
        failover: failover(&stats, cache.breaker()),
        process: ProcessStatus {
            id: identity.id.clone(),
            host: identity.host.clone(),
            started_at: identity.started_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            namespace: cache.namespace().to_owned(),
            settings: runtime.settings.digest(),
        },
        nodes: servers(&nodes, survey),
        journal: JournalStatus {
            depth: stats.journal_depth,
            oldest_seconds: stats.journal_age.as_secs_f64(),
        },
        trust: TrustStatus { trusted, window_seconds: window.map(|it| it.as_secs_f64()) },
        maintenance: maintenance(&nodes),
        recovery: recovery(runtime),
        regions: cache.regions(),
        timeline: runtime.telemetry.timeline(),
    }
}

/// Nothing is to be said of a node that announces nothing: it is as it was set up.
fn trusted(memory: MemoryRole, nodes: &[NodeStatus]) -> Option<bool> {
    let mut nodes = nodes.iter().filter(|node| node.announces()).peekable();
    nodes.peek().filter(|_| memory == MemoryRole::Tier)?;
    Some(nodes.all(|node| node.trusted))
}

fn cluster(
    cache: &Cache,
    survey: Option<&Survey>,
    sentinels: Option<&SentinelReport>,
) -> ClusterStatus {
    if cache.runtime().remotes.is_none() {
        let kind = Some("none".to_owned());
        let [total_nodes, connected_nodes, master_nodes] = [Some(0); 3];
        let none = ClusterStatus { total_nodes, connected_nodes, kind, ..ClusterStatus::default() };
        return ClusterStatus { master_nodes, ..none };
    }
    let Some(survey) = survey else { return ClusterStatus::default() };
    let is_known = survey.error.is_none() || !survey.nodes.is_empty();
    let known = |count: usize| is_known.then_some(count);
    ClusterStatus {
        total_nodes: known(survey.total_nodes()),
        connected_nodes: known(survey.connected_nodes()),
        master_nodes: known(survey.primary_nodes()),
        kind: Some(survey.kind.name().to_owned()),
        slots_ok: survey.slots_ok().filter(|_| survey.kind == StoreKind::Cluster),
        sentinels: sentinels.map(|report| report.sentinels.len()),
    }
}

fn performance(cache: &Cache, stats: &Stats, survey: Option<&Survey>) -> Performance {
    let runtime = cache.runtime();
    let rates = runtime.telemetry.rates(runtime.clock.now(), WINDOW);
    Performance {
        hit_rate: rates.hit_rate,
        requests_per_second: rates.requests_per_second,
        average_response_time: rates.average_response_time,
        error_rate: rates.error_rate,
        memory_usage: survey.and_then(Survey::memory_usage),
        requests: rates.requests,
        window_seconds: rates.seconds,
        memory_entries: stats.memory_entries,
        stale_rate: rates.stale_rate,
        failed_rate: rates.failed_rate,
        load_error_rate: rates.load_error_rate,
    }
}

fn failover(stats: &Stats, breaker: Option<BreakerState>) -> FailoverStatus {
    let circuit = breaker.map(|state| match state {
        BreakerState::Closed => "Closed",
        BreakerState::Open => "Open",
        BreakerState::HalfOpen => "HalfOpen",
        BreakerState::Isolated => "Isolated",
        BreakerState::Disabled => "Disabled",
    });
    FailoverStatus {
        failover_count: stats.failovers,
        last_failover_time: stats.last_failover.map(Moment::from_unix_millis),
        recovery_time: stats.last_recovery,
        circuit_breaker_state: circuit.map(str::to_owned),
    }
}

fn recovery(runtime: &Runtime) -> RecoveryStatus {
    let every = runtime.settings.recovery.every.filter(|_| runtime.remote().is_some());
    let ledger = &runtime.recovery;
    RecoveryStatus {
        every_seconds: every.map(|every| every.as_secs_f64()),
        troubles: every.map(|_| ledger.troubles()),
        is_acting: every.map(|_| ledger.is_acting()),
        steps: ledger.counts(),
    }
}

/// What is left alone by hand; announcements are not listened to so far.
fn maintenance(nodes: &[NodeStatus]) -> MaintenanceStatus {
    let isolated = nodes.iter().find(|node| node.breaker == BreakerState::Isolated);
    let state = if isolated.is_some() { "active" } else { "none" };
    MaintenanceStatus {
        state: Some(state.to_owned()),
        source: isolated.map(|_| "manual".to_owned()),
        node: isolated.map(|node| node.endpoint.clone()),
        ..MaintenanceStatus::default()
    }
}

/// Those in use first, in their order; then those that the survey knows beside them.
fn servers(nodes: &[NodeStatus], survey: Option<&Survey>) -> Vec<ServerStatus> {
    let surveyed = survey.map(|survey| &*survey.nodes).unwrap_or_default();
    let mut servers: Vec<_> = nodes.iter().map(known).collect();
    for said in surveyed {
        let place = servers.iter().position(|server| server.endpoint == said.endpoint);
        let place = place.unwrap_or_else(|| {
            let endpoint = said.endpoint.clone();
            servers.push(ServerStatus { endpoint, ..ServerStatus::default() });
            servers.len() - 1
        });
        say(&mut servers[place], said);
        let lag = survey.map(|survey| survey.lag_of(said)).unwrap_or_default();
        (servers[place].lag_bytes, servers[place].lag_seconds) = (lag.bytes, lag.seconds);
    }
    servers
}

fn known(node: &NodeStatus) -> ServerStatus {
    ServerStatus {
        endpoint: node.endpoint.clone(),
        is_in_use: true,
        ready: Some(node.ready),
        in_flight: Some(node.in_flight),
        breaker: Some(node.breaker),
        write_breaker: Some(node.write_breaker),
        retry_after_seconds: node.retry_after.map(|after| after.as_secs_f64()),
        trusted: Some(node.trusted),
        lacks: node.lacks.clone(),
        confirmed: Some(node.confirmed),
        refuses: node.refuses.clone(),
        ..ServerStatus::default()
    }
}

fn say(server: &mut ServerStatus, said: &SurveyedNode) {
    let memory = said.memory.as_ref();
    server.is_connected = (!said.is_left_out).then_some(said.is_connected);
    server.is_replica = said.is_replica;
    server.server_type.clone_from(&said.server_type);
    server.version.clone_from(&said.version);
    server.availability_zone.clone_from(&said.availability_zone);
    server.history.clone_from(&said.history);
    server.used_memory = memory.and_then(|memory| memory.used);
    server.max_memory = memory.and_then(|memory| memory.max);
    let is_primary = said.is_replica == Some(false);
    let follows = said.replication_info.as_ref().filter(|_| is_primary);
    server.replicas = follows.map(|says| says.replicas.len() as u64);
    server.slots = (!said.slots.is_empty()).then(|| said.slots.join(","));
    server.error.clone_from(&said.error);
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::MemoryBackend;

    #[test]
    fn nodes_are_not_counted_where_nobody_knows_who_there_is() {
        let cache = Cache::builder("shop").backend(MemoryBackend::new()).build().unwrap();
        let count = |error: Option<&str>, nodes: usize| {
            let nodes = vec![SurveyedNode::default(); nodes];
            let error = error.map(str::to_owned);
            cluster(&cache, Some(&Survey { nodes, error, ..Survey::default() }), None).total_nodes
        };
        assert_eq!([count(None, 2), count(Some("some are silent"), 2)], [Some(2); 2]);
        assert_eq!(count(Some("no sentinel answers"), 0), None, "not none: unknown");
        assert_eq!(count(None, 0), Some(0));
    }
}
