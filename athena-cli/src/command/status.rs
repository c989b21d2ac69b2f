//! `athena status`: how the cache and the nodes are, and who uses it.

use std::time::Duration;

use athena_cache_core::backend::operate::{SentinelReport, Survey, SurveyedNode};
use athena_cache_core::{Cache, Fleet, Health, Status};
use serde::Serialize;

use super::{Session, operator, tally};
use crate::args::StatusArgs;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::out::{Mark, Out};
use crate::shown::{self, or_unknown};
use crate::table::Table;

/// How long, and how often, the first signs of life are waited for.
const SIGN: Duration = Duration::from_millis(50);
const SIGNS: usize = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusDocument<'a> {
    status: &'a Status,
    sentinels: Option<&'a SentinelReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fleet: Option<&'a Fleet>,
}

pub(super) async fn run(session: &Session<'_>, args: &StatusArgs) -> Result<Exit, Fault> {
    let redis = session.target.redis()?;
    let operator = operator(&redis)?;
    let cache = Cache::builder(session.target.namespace.as_str()).backend(redis.clone()).build();
    let cache = cache.map_err(|error| Fault::usage("the cache cannot be used").caused_by(error))?;
    // Who is not reached is told by the status.
    let reached = session.stop.or(session.target.wait_for(&redis)).await;
    let Some(reached) = reached else { return Ok(Exit::Interrupted) };
    let asked = async {
        // Until it is known that it does, a node may not announce all changes.
        for _ in 0..SIGNS {
            if cache.nodes().iter().all(|node| node.trusted) {
                break;
            }
            tokio::time::sleep(SIGN).await;
        }
        let status = cache.status().await;
        let sentinels = operator.sentinels(session.target.timeout).await;
        (status, operator.survey(session.target.timeout).await, sentinels)
    };
    let Some((status, survey, sentinels)) = session.stop.or(asked).await else {
        return Ok(Exit::Interrupted);
    };
    let mut fleet = None;
    if args.fleet {
        fleet = Some(super::fleet(&*operator, &session.prefix()).await);
    }
    let out = session.out;
    let shown = fleet.as_ref().and_then(|fleet| fleet.as_ref().ok());
    out.json(&StatusDocument { status: &status, sentinels: sentinels.as_ref(), fleet: shown })?;
    if !out.is_json() {
        show(out, &status, &survey, sentinels.as_ref())?;
        if let Some(fleet) = shown {
            show_fleet(out, fleet)?;
        }
    }
    if survey.connected_nodes() == 0 {
        let fault = Fault::new(Exit::Incomplete, "no node answered");
        return Err(match reached {
            Err(mut reached) => {
                reached.message = fault.message;
                reached
            }
            Ok(()) => fault,
        });
    }
    fleet.transpose()?;
    Ok(match status.overall_health.status {
        Health::Unhealthy => Exit::Trouble,
        _ => Exit::Fine,
    })
}

fn show(
    out: &Out,
    status: &Status,
    survey: &Survey,
    sentinels: Option<&SentinelReport>,
) -> Result<(), Fault> {
    let (namespace, kind) = (&status.process.namespace, survey.kind.name());
    out.line(format!(
        "{namespace} on {kind}: {}",
        tally::health(out, status.overall_health.status)
    ))?;
    let mut counts = format!(
        "{} nodes, {} answered, {} primaries",
        survey.total_nodes(),
        survey.connected_nodes(),
        survey.primary_nodes()
    );
    if let Some(slots) = survey.slots_ok() {
        counts = format!("{counts}, {slots} of 16384 slots served");
    }
    if let Some(memory) = survey.memory_usage() {
        counts = format!("{counts}, {} in use", shown::size(memory));
    }
    out.line(counts)?;
    if let Some(error) = &survey.error {
        out.line(error)?;
    }
    out.line("")?;
    let mut table = Table::new(&["NODE", "ROLE", "VERSION", "MEMORY", "LAG", "SLOTS", "SAYS"]);
    survey.nodes.iter().for_each(|node| table.row(row(node)));
    out.line(table)?;
    if let Some(report) = sentinels {
        out.line("")?;
        out.line(sentinel_table(report))?;
    }
    out.line("")?;
    let mut table = Table::new(&["CHECK", "TOOK", "STATUS", "SAYS"]);
    for (name, entry) in &status.overall_health.entries {
        let took = shown::time(entry.took);
        table.row([
            name.clone(),
            took,
            tally::health(out, entry.status),
            entry.description.clone().unwrap_or_default(),
        ]);
    }
    if table.is_empty() { Ok(()) } else { out.line(table) }
}

fn row(node: &SurveyedNode) -> [String; 7] {
    let role = match (node.is_connected, node.is_replica) {
        (_, Some(true)) => "replica",
        (_, Some(false)) => "primary",
        (_, None) => shown::UNKNOWN,
    };
    let version = node.version.as_ref().zip(node.product.as_ref());
    let version = or_unknown(version, |(version, product)| format!("{product} {version}"));
    let memory = node.memory.as_ref().and_then(|memory| Some((memory.used?, memory.max?)));
    let memory = or_unknown(memory, |(used, max)| match max {
        0 => shown::size(used),
        max => format!("{} of {}", shown::size(used), shown::size(max)),
    });
    let lag = node.replication_info.as_ref().and_then(|it| it.last_heard_seconds);
    let lag = lag.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds}s"));
    let slots = if node.slots.is_empty() { "-".to_owned() } else { node.slots.join(",") };
    let says = match (node.is_connected, &node.error) {
        (true, None) => "answers".to_owned(),
        (true, Some(error)) => format!("answers, {error}"),
        (false, error) => error.clone().unwrap_or_else(|| "does not answer".to_owned()),
    };
    [node.endpoint.clone(), role.to_owned(), version, memory, lag, slots, says]
}

fn sentinel_table(report: &SentinelReport) -> Table {
    let mut table = Table::new(&["SENTINEL", "PRIMARY", "REPLICAS", "QUORUM", "SAYS"]);
    for voice in &report.sentinels {
        let Some(sight) = &voice.sight else {
            let error = voice.error.clone().unwrap_or_default();
            table.row([voice.endpoint.clone(), "?".into(), "?".into(), "?".into(), error]);
            continue;
        };
        let quorum = or_unknown(sight.has_quorum, |has| if has { "yes" } else { "no" }.to_owned());
        let says = sight.quorum_says.clone().unwrap_or_default();
        let replicas = format!(
            "{} of {}",
            sight.replicas.len() - sight.replicas_down.len(),
            sight.replicas.len()
        );
        table.row([voice.endpoint.clone(), sight.primary.clone(), replicas, quorum, says]);
    }
    table
}

fn show_fleet(out: &Out, fleet: &Fleet) -> Result<(), Fault> {
    out.line("")?;
    if fleet.processes.is_empty() {
        return out.line(
            "no process says that it uses the namespace: set `fleet = \"5s\"` in their settings",
        );
    }
    let mut table =
        Table::new(&["PROCESS", "HOST", "VERSION", "CAME", "STATUS", "CALLS/S", "HITS"]);
    for process in &fleet.processes {
        let text = |pointer: &str| process.text(pointer).unwrap_or(shown::UNKNOWN).to_owned();
        let came = shown::time(Duration::from_millis(process.since_ms));
        let status = if process.is_missing {
            out.mark("missing", Mark::Bad)
        } else {
            text("/overallHealth/status")
        };
        let calls =
            or_unknown(process.number("/performance/requestsPerSecond"), |it| format!("{it:.1}"));
        let hits =
            or_unknown(process.number("/performance/hitRate"), |it| format!("{:.1} %", it * 100.0));
        table.row([
            process.id.clone(),
            text("/process/host"),
            text("/process/version"),
            format!("{came} ago"),
            status,
            calls,
            hits,
        ]);
    }
    out.line(table)?;
    for disagreement in &fleet.disagreements {
        out.line(format!("{} {disagreement}", out.mark("they disagree:", Mark::Bad)))?;
    }
    Ok(())
}
