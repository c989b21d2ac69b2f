//! Nodes, sentinels and checks as tables for people.

use athena_cache_core::Health;
use athena_cache_core::backend::operate::{SentinelReport, Survey, SurveyedNode};

use super::found::Found;
use crate::fault::Fault;
use crate::out::{Mark, Out};
use crate::shown::{self, or_unknown};
use crate::table::Table;

pub(super) fn show(out: &Out, namespace: &str, found: &Found) -> Result<(), Fault> {
    let Found { survey, checks, sentinels, .. } = found;
    out.line(format!(
        "{namespace} on {}: {} of {} nodes answer, {} of them primaries; {}",
        survey.kind.name(),
        survey.connected_nodes(),
        survey.total_nodes(),
        survey.primary_nodes(),
        health(out, found.health()),
    ))?;
    if let Some(error) = &survey.error {
        out.line(error)?;
    }
    out.line("")?;
    out.line(nodes(survey))?;
    if let Some(report) = sentinels {
        out.line("")?;
        out.line(voices(report))?;
    }
    let mut table = Table::new(&["CHECK", "TOOK", "STATUS", "SAYS"]);
    for (name, entry) in checks {
        let took = shown::time(entry.took);
        let says = entry.description.clone().unwrap_or_default();
        table.row([name.clone(), took, health(out, entry.status), says]);
    }
    if table.is_empty() {
        return Ok(());
    }
    out.line("")?;
    out.line(table)
}

fn nodes(survey: &Survey) -> Table {
    let mut table = Table::new(&["NODE", "ROLE", "VERSION", "MEMORY", "LAG", "SLOTS", "SAYS"]);
    survey.nodes.iter().for_each(|node| table.row(row(node)));
    table
}

pub(super) fn row(node: &SurveyedNode) -> [String; 7] {
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
    [node.endpoint.clone(), role(node).to_owned(), version, memory, lag, slots, says]
}

/// What a node is by its own word; of one that does not answer nobody knows what it is by now.
fn role(node: &SurveyedNode) -> &'static str {
    match (node.is_connected, node.is_replica) {
        (true, Some(true)) => "replica",
        (true, Some(false)) => "primary",
        (false, Some(true)) => "was replica",
        (false, Some(false)) => "was primary",
        (_, None) => shown::UNKNOWN,
    }
}

fn voices(report: &SentinelReport) -> Table {
    let mut table = Table::new(&["SENTINEL", "PRIMARY", "REPLICAS", "QUORUM", "SAYS"]);
    for voice in &report.sentinels {
        let Some(sight) = &voice.sight else {
            let error = voice.error.clone().unwrap_or_default();
            let unknown = || shown::UNKNOWN.to_owned();
            table.row([voice.endpoint.clone(), unknown(), unknown(), unknown(), error]);
            continue;
        };
        let quorum = or_unknown(sight.has_quorum, |has| if has { "yes" } else { "no" }.to_owned());
        let says = sight.quorum_says.clone().unwrap_or_default();
        let all = sight.replicas.len();
        let replicas = format!("{} of {all}", all.saturating_sub(sight.replicas_down.len()));
        table.row([voice.endpoint.clone(), sight.primary.clone(), replicas, quorum, says]);
    }
    table
}

/// A status as a word; that of a check which found nothing out is none.
fn health(out: &Out, health: impl Into<Option<Health>>) -> String {
    match health.into() {
        None => "unknown".to_owned(),
        Some(Health::Healthy) => out.mark("healthy", Mark::Good),
        Some(Health::Degraded) => out.mark("degraded", Mark::Doubtful),
        Some(_) => out.mark("unhealthy", Mark::Bad),
    }
}
