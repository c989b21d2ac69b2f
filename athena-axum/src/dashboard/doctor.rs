//! What is wrong with the servers of a cache, found out for whoever asks.
//!
//! Invariant: a cache's servers are examined once for all who ask within some seconds, never twice side by side, and
//! nobody waits longer than the limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::operate::Operator;
use athena_cache_core::{BreakerState, Cache};
use athena_cache_observe::doctor::{Diagnosis, Facts};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long a server may take for an answer.
const ANSWER: Duration = Duration::from_secs(2);
/// How long all of it may take: who is asked is found out before they are.
const LIMIT: Duration = Duration::from_secs(6);
/// For how long what was found is good.
const GOOD: Duration = Duration::from_secs(10);

/// What was found last, of each cache by its place.
#[derive(Debug, Default)]
pub(super) struct Doctor {
    latest: Mutex<BTreeMap<usize, Arc<LastDiagnosis>>>,
}

/// What was found, and when it was asked.
type LastDiagnosis = Mutex<Option<(Instant, Found)>>;

/// What is wrong, or why nobody could find out.
type Found = Result<Diagnosis, String>;

/// What was found, and how long ago.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    #[serde(flatten)]
    diagnosis: Diagnosis,
    ago_ms: u64,
}

impl Doctor {
    /// What is wrong.
    ///
    /// # Errors
    ///
    /// Why nobody could find out.
    pub(super) async fn examine(&self, place: usize, cache: &Cache) -> Result<Told, String> {
        let operator = cache.operator().ok_or_else(|| why_nobody(cache))?;
        // One finds out, the others wait for it.
        let latest = Arc::clone(self.latest.lock().await.entry(place).or_default());
        let mut latest = latest.lock().await;
        let recent = latest.as_ref().filter(|(at, _)| at.elapsed() < GOOD).cloned();
        let (at, found) = match recent {
            Some(recent) => recent,
            None => {
                latest.insert((Instant::now(), find(&*operator, cache.namespace()).await)).clone()
            }
        };
        let ago_ms = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        found.map(|diagnosis| Told { diagnosis, ago_ms })
    }
}

impl Told {
    /// All of it in a few words.
    pub(super) fn text(&self) -> String {
        let Diagnosis { faults, warnings, unknown, .. } = &self.diagnosis;
        match (faults, warnings, unknown.is_empty()) {
            (0, 0, true) => "fine: nothing is wrong".to_owned(),
            (0, 0, false) => "nothing is wrong with what is known".to_owned(),
            _ => format!("faults: {faults}, warnings: {warnings}"),
        }
    }
}

async fn find(operator: &dyn Operator, namespace: &str) -> Found {
    match timeout(LIMIT, Facts::ask(operator, namespace, ANSWER)).await {
        Ok(facts) => Ok(Diagnosis::of(&facts)),
        Err(_) => Err(format!("no answer in {LIMIT:?}")),
    }
}

/// Why nobody can be asked.
fn why_nobody(cache: &Cache) -> String {
    let why = match cache.breaker() {
        None => "this cache has no backend",
        Some(BreakerState::Isolated) => "nobody is asked: Redis is isolated, end that first",
        Some(_) => "this backend tells nothing of itself",
    };
    why.to_owned()
}
