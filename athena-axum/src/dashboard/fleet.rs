//! What is shown of the processes that share a cache's namespace.
//!
//! Invariant: without details no address and no name of a machine is in it.

use std::time::Duration;

use athena_cache_core::{Cache, Fleet, FleetProcess};
use serde::Serialize;
use tokio::time::timeout;

/// How long the node that keeps the roster may take.
const LIMIT: Duration = Duration::from_millis(500);

/// The processes, and what they disagree about; empty where none says that it is there.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct FleetView {
    processes: Vec<ProcessRow>,
    disagreements: Vec<String>,
    /// Why only this process is known, if so.
    trouble: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessRow {
    id: String,
    since_ms: u64,
    is_missing: bool,
    host: Option<String>,
    version: Option<String>,
    started_at: Option<String>,
    status: Option<String>,
    calls_per_second: Option<f64>,
    hit_rate: Option<f64>,
    waiting_invalidations: Option<f64>,
}

impl FleetView {
    pub(super) async fn of(cache: &Cache, details: bool) -> Self {
        match timeout(LIMIT, cache.fleet()).await {
            Ok(Ok(fleet)) => Self::told(&fleet, details),
            Ok(Err(error)) => Self::untold(error.to_string(), details),
            Err(_) => Self::untold(format!("no answer in {LIMIT:?}"), details),
        }
    }

    fn told(fleet: &Fleet, details: bool) -> Self {
        let said = |sentence: &String| match sentence.split_once(": ") {
            Some((subject, _)) if !details => subject.to_owned(),
            _ => sentence.clone(),
        };
        Self {
            processes: fleet.processes.iter().map(|it| ProcessRow::of(it, details)).collect(),
            disagreements: fleet.disagreements.iter().map(said).collect(),
            trouble: None,
        }
    }

    fn untold(why: String, details: bool) -> Self {
        let trouble = if details { why } else { "Redis cannot be asked".to_owned() };
        Self { trouble: Some(trouble), ..Self::default() }
    }
}

impl ProcessRow {
    fn of(process: &FleetProcess, details: bool) -> Self {
        let text = |pointer: &str| process.text(pointer).map(str::to_owned);
        Self {
            id: process.id.clone(),
            since_ms: process.since_ms,
            is_missing: process.is_missing,
            host: text("/process/host").filter(|_| details),
            version: text("/process/version"),
            started_at: text("/process/startedAt"),
            status: text("/overallHealth/status"),
            calls_per_second: process.number("/performance/requestsPerSecond"),
            hit_rate: process.number("/performance/hitRate"),
            waiting_invalidations: process.number("/journal/depth"),
        }
    }
}
