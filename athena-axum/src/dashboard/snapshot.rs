//! What is shown of each cache, made once for all who look on.
//!
//! Invariant: a cache is asked for its status at most once a second, however many viewers there are; what is shown has
//! the age that it says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::{
    Answerer, Distribution, Report, Resilience, SiteReport, SiteSettings, Stats, Status, WaitReport,
};
use futures_util::future::join;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::fleet::FleetView;
use super::glance::Glance;
use crate::caches::Caches;
use crate::routes::seen;

/// For how long what was found out is good.
const GOOD: Duration = Duration::from_millis(900);
/// The same of the other processes: what each writes of itself is large.
const GOOD_OF_FLEET: Duration = Duration::from_secs(5);

/// What is shown of all caches of a page.
#[derive(Debug)]
pub(super) struct Snapshots {
    caches: Arc<Caches>,
    actions: &'static [&'static str],
    latest: Vec<Mutex<Option<Latest>>>,
    fleets: Vec<Mutex<Option<(Instant, FleetView)>>>,
}

/// What was found out last, and when.
type Latest = (Instant, Arc<Shown>);

/// What is shown of one cache, as JSON.
#[derive(Debug)]
pub(super) struct Shown {
    /// All but the functions.
    pub(super) status: String,
    /// The functions.
    pub(super) sites: String,
    /// The latest step of what was done of late, or `null`.
    pub(super) rates: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'v> {
    /// The caches of the page, by namespace.
    caches: Vec<&'v str>,
    /// What may be done, if there is a guard.
    actions: &'v [&'v str],
    /// Whether addresses and sentences are shown.
    details: bool,
    glance: Glance,
    status: &'v Status,
    stats: &'v Stats,
    stale_age: Option<Distribution>,
    fleet: FleetView,
    waits: Vec<WaitRow>,
    settings: SettingsInForce,
}

/// What can be changed while the cache runs.
#[derive(Debug, Serialize)]
struct SettingsInForce {
    resilience: Resilience,
    sites: BTreeMap<String, SiteSettings>,
}

/// How long callers waited for one kind of answer.
#[derive(Debug, Serialize)]
struct WaitRow {
    tier: Answerer,
    count: u64,
    /// In milliseconds; `null` before the first.
    p50: Option<f64>,
    p99: Option<f64>,
}

/// What is shown of a function.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SiteRow {
    site: &'static str,
    calls: u64,
    hits: u64,
    stale: u64,
    degraded: u64,
    misses: u64,
    joined: u64,
    bypassed: u64,
    failed: u64,
    failures: u64,
    timeouts: u64,
    refreshes: u64,
    /// Of its loads, in milliseconds; `null` before the first.
    load_p50: Option<f64>,
    load_p99: Option<f64>,
}

impl Snapshots {
    pub(super) fn new(caches: Arc<Caches>, actions: &'static [&'static str]) -> Self {
        let latest = caches.all.iter().map(|_| Mutex::default()).collect();
        let fleets = caches.all.iter().map(|_| Mutex::default()).collect();
        Self { caches, actions, latest, fleets }
    }

    pub(super) fn caches(&self) -> &Caches {
        &self.caches
    }

    pub(super) fn is_closed(&self, place: usize) -> bool {
        self.caches.all[place].is_closed()
    }

    /// What is shown of a cache now.
    pub(super) async fn of(&self, place: usize) -> Arc<Shown> {
        // One finds out, the others wait for it.
        let mut latest = self.latest[place].lock().await;
        if let Some((at, shown)) = &*latest
            && at.elapsed() < GOOD
        {
            return Arc::clone(shown);
        }
        let shown = Arc::new(self.look(place).await);
        *latest = Some((Instant::now(), Arc::clone(&shown)));
        shown
    }

    /// The processes that share its namespace.
    async fn fleet(&self, place: usize) -> FleetView {
        let mut latest = self.fleets[place].lock().await;
        if let Some((at, processes)) = &*latest
            && at.elapsed() < GOOD_OF_FLEET
        {
            return processes.clone();
        }
        let processes = FleetView::of(&self.caches.all[place], self.caches.details).await;
        *latest = Some((Instant::now(), processes.clone()));
        processes
    }

    async fn look(&self, place: usize) -> Shown {
        let cache = &self.caches.all[place];
        let (status, fleet) = join(seen(cache, self.caches.details), self.fleet(place)).await;
        let report = cache.report();
        let view = View {
            caches: self.caches.names(),
            actions: self.actions,
            details: self.caches.details,
            glance: Glance::of(&status),
            status: &status,
            stats: &report.stats,
            stale_age: report.stale_age(),
            fleet,
            waits: report.waits.iter().map(WaitRow::of).collect(),
            settings: SettingsInForce { resilience: cache.resilience(), sites: cache.sites() },
        };
        let rates = cache.history().fine.pop();
        Shown { status: text(&view), sites: text(&rows(&report)), rates: text(&rates) }
    }
}

impl Shown {
    pub(super) fn whole(&self) -> String {
        let Self { status, sites, rates } = self;
        format!("{{\"shown\":{status},\"sites\":{sites},\"rates\":{rates}}}")
    }
}

/// As JSON; what cannot be written is not shown.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

fn rows(report: &Report) -> Vec<SiteRow> {
    report.sites.iter().map(SiteRow::of).collect()
}

impl WaitRow {
    fn of(waited: &WaitReport) -> Self {
        let (tier, took) = (waited.tier, &waited.took);
        Self { tier, count: took.count, p50: quantile(took, 0.5), p99: quantile(took, 0.99) }
    }
}

impl SiteRow {
    fn of(site: &SiteReport) -> Self {
        Self {
            site: site.site,
            calls: site.calls(),
            hits: site.memory_hits + site.backend_hits + site.stale_hits,
            stale: site.stale_hits,
            degraded: site.degraded_hits,
            misses: site.misses,
            joined: site.joined,
            bypassed: site.bypassed,
            failed: site.failed,
            failures: site.load_failures,
            timeouts: site.load_timeouts,
            refreshes: site.refreshes,
            load_p50: quantile(&site.load_time, 0.5),
            load_p99: quantile(&site.load_time, 0.99),
        }
    }
}

/// So many milliseconds took the share of them at most, by the steps in which they were counted.
#[expect(clippy::cast_precision_loss, reason = "steps are coarser")]
fn quantile(times: &Distribution, share: f64) -> Option<f64> {
    if times.count == 0 {
        return None;
    }
    let (mut before, mut from) = (0.0, 0.0);
    let wanted = times.count as f64 * share;
    for (bound, count) in &times.buckets {
        let count = *count as f64;
        if count > 0.0 && before + count >= wanted {
            return Some((from + (bound - from) * (wanted - before) / count) * 1_000.0);
        }
        (before, from) = (before + count, *bound);
    }
    // Above all bounds: no more is known.
    Some(from * 1_000.0)
}
