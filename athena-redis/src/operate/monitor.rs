//! Asks the sentinels again and again, for whoever wants to know how they are.
//!
//! Invariant: a sentinel that fails ends nothing, and is told of once until that changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::operate::SentinelReport;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::state::OperationsState;
use crate::link::Task;

/// How long one sentinel may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// The shortest interval: sentinels answer one after the other.
const SHORTEST: Duration = Duration::from_millis(100);
/// The longest: a day from now is a time that clocks have.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What the sentinels said last; see [`Redis::monitor`](crate::Redis::monitor). Dropping it ends the questions.
#[derive(Debug)]
pub struct SentinelMonitor {
    latest: watch::Receiver<Option<Arc<SentinelReport>>>,
    _task: Task,
}

impl SentinelMonitor {
    pub(super) fn start(operations: Arc<OperationsState>, interval: Duration) -> Self {
        let (tell, latest) = watch::channel(None);
        let task = Task::spawn(monitor(operations, interval.clamp(SHORTEST, LONGEST), tell));
        Self { latest, _task: task }
    }

    /// What they said last; `None` before the first time.
    pub fn latest(&self) -> Option<Arc<SentinelReport>> {
        self.latest.borrow().clone()
    }

    /// Waits for what they say next; `None` once nobody asks any more, as when the runtime ends.
    pub async fn next(&mut self) -> Option<Arc<SentinelReport>> {
        self.latest.changed().await.ok()?;
        self.latest()
    }
}

async fn monitor(
    operations: Arc<OperationsState>,
    interval: Duration,
    tell: watch::Sender<Option<Arc<SentinelReport>>>,
) {
    let mut told = BTreeMap::new();
    loop {
        let next = Instant::now() + interval;
        if let Some(report) = operations.sentinels(PATIENCE).await {
            log(&mut told, &report);
            tell.send_replace(Some(Arc::new(report)));
        }
        sleep_until(next).await;
    }
}

/// Logs what has changed since it was logged last.
fn log(told: &mut BTreeMap<String, Option<String>>, report: &SentinelReport) {
    let service = &report.service;
    for voice in &report.sentinels {
        let before = told.insert(voice.endpoint.clone(), voice.error.clone());
        let sentinel = &voice.endpoint;
        match (&voice.error, before.flatten()) {
            (Some(error), None) => {
                tracing::warn!(%service, %sentinel, %error, "a sentinel does not say what it knows");
            }
            (None, Some(_)) => {
                tracing::info!(%service, %sentinel, "a sentinel says what it knows again");
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}
