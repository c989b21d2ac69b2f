//! The health checks of a cache: a registry of named ones, and their report.
//!
//! Invariant: a report comes within the limit of its checks, whatever they do, each check runs once for all who ask at
//! the same time, and never twice side by side. What a check of a user does is that check's result: a panic, a future
//! that never ends, a thread that is held up.

mod asked;
mod builtin;
mod known;
mod readiness;
mod replicas;
mod run;
mod sentinels;
mod surveyed;
mod words;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Mutex as AsyncMutex;

pub(crate) use readiness::ReadinessHold;
use readiness::ReadinessHolds;
pub(crate) use replicas::{LAG_BYTES, LAG_SECONDS};
use run::Check;
pub(crate) use surveyed::memory as judge_memory;

use crate::clock::{Clock, Tick};
use crate::health::{Finding, HealthEntry, HealthPart, HealthReport, Need, Standing};
use crate::lock::Mutex;
use crate::moment::Moment;
use crate::remote::Remotes;
use crate::settings::{HealthSettings, MemoryRole, Settings};
use crate::tasks::Tasks;

/// The check that says how far replicas are behind.
pub(crate) const REPLICATION: &str = "replication";

/// The check that says that a cache is not warm yet.
const WARM_UP: &str = "warm_up";

/// The health checks of a cache.
pub(crate) struct CheckSet {
    checks: Mutex<KnownChecks>,
    holds: Arc<ReadinessHolds>,
    latest: Mutex<Latest>,
    /// Taken by whoever makes a report.
    turn: AsyncMutex<()>,
    has_started: AtomicBool,
    born: Tick,
    settings: HealthSettings,
    memory: MemoryRole,
    remotes: Option<Remotes>,
    tasks: Tasks,
    clock: Clock,
}

/// All checks, and how often that has changed.
#[derive(Default)]
struct KnownChecks {
    all: BTreeMap<String, Check>,
    changes: u64,
}

/// What was found last, when, and how many reports were made so far.
#[derive(Default)]
struct Latest {
    found: Option<(Tick, Arc<HealthReport>)>,
    made: u64,
}

impl CheckSet {
    pub(crate) fn new(
        settings: &Settings,
        remotes: Option<&Remotes>,
        tasks: &Tasks,
        clock: &Clock,
    ) -> Self {
        let checks = Self {
            checks: Mutex::default(),
            holds: Arc::default(),
            latest: Mutex::default(),
            turn: AsyncMutex::new(()),
            has_started: AtomicBool::new(false),
            born: clock.now(),
            settings: settings.health.clone(),
            memory: settings.memory.role,
            remotes: remotes.cloned(),
            tasks: tasks.clone(),
            clock: clock.clone(),
        };
        if let Some(remotes) = remotes {
            builtin::add_all(&checks, remotes, settings);
        }
        checks
    }

    /// Adds a check, or replaces the one of this name.
    pub(crate) fn add<F>(
        &self,
        name: String,
        need: Need,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Finding> + Send + 'static,
    {
        let check = Check::new(need, check);
        self.change(|all| all.insert(name, check));
    }

    pub(crate) fn remove(&self, name: &str) -> bool {
        self.change(|all| all.remove(name)).is_some()
    }

    /// What was found without the change is no longer how things are.
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Check>) -> T) -> T {
        let mut checks = self.checks.lock();
        checks.changes += 1;
        let changed = change(&mut checks.all);
        self.latest.lock().found = None;
        changed
    }

    /// Has the cache not be ready while this is held, and no longer than that.
    pub(crate) fn hold_ready(&self, at_most: Duration) -> ReadinessHold {
        let hold = self.holds.hold(self.clock.now().after(at_most));
        let (holds, clock) = (Arc::clone(&self.holds), self.clock.clone());
        self.add(WARM_UP.to_owned(), Need::Ready, move || {
            let found = holds.found(&clock);
            async move { found }
        });
        hold
    }

    /// Has the next who asks be told how things are then.
    pub(crate) fn forget(&self) {
        self.change(|_| ());
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.checks.lock().all.keys().cloned().collect()
    }

    /// What all checks find, side by side; asked once for all who ask meanwhile.
    pub(crate) async fn report(&self) -> Arc<HealthReport> {
        let asked_at = self.latest.lock().made;
        if let Some(recent) = self.recent() {
            return recent;
        }
        let _turn = self.turn.lock().await;
        if let Some(found) = self.made_since(asked_at).or_else(|| self.recent()) {
            return found;
        }
        let (checks, changes) = {
            let known = self.checks.lock();
            (known.all.clone(), known.changes)
        };
        let report = Arc::new(self.run(checks).await);
        self.note(&report, changes);
        report
    }

    /// Keeps a report, unless the checks are others by now.
    fn note(&self, report: &Arc<HealthReport>, changes: u64) {
        let known = self.checks.lock();
        if known.changes == changes {
            let mut latest = self.latest.lock();
            latest.made += 1;
            latest.found = Some((self.clock.now(), Arc::clone(report)));
        }
    }

    /// The one that was made while others waited for their turn, however short reports are good for.
    fn made_since(&self, asked_at: u64) -> Option<Arc<HealthReport>> {
        let latest = self.latest.lock();
        let (_, report) = latest.found.as_ref().filter(|_| latest.made > asked_at)?;
        Some(Arc::clone(report))
    }

    /// Whether the service counts as started.
    pub(crate) fn has_started(&self) -> bool {
        if self.has_started.load(Ordering::Acquire) {
            return true;
        }
        let waited = self.clock.now().since(self.born);
        let has_met_all = self.remotes.as_ref().is_none_or(|all| all.active().has_met_all());
        let now = has_met_all || waited >= self.settings.startup;
        if now {
            self.has_started.store(true, Ordering::Release);
        }
        now
    }

    /// What was found last, unless that is older than this.
    pub(crate) fn latest(&self, age: Duration) -> Option<Arc<HealthReport>> {
        let latest = self.latest.lock();
        let (at, report) = latest.found.as_ref()?;
        (self.clock.now().since(*at) < age).then(|| Arc::clone(report))
    }

    fn recent(&self) -> Option<Arc<HealthReport>> {
        self.latest(self.settings.cache_for)
    }

    async fn run(&self, checks: BTreeMap<String, Check>) -> HealthReport {
        let watch = self.clock.stopwatch();
        let limit = self.settings.limit;
        let ran = checks.values().map(|check| check.run(&self.tasks, &self.clock, limit));
        let ran = join_all(ran).await;
        let is_gone = self.tasks.is_closed()
            || (self.memory == MemoryRole::Off && ran.iter().any(|ran| ran.finding.none_serves));
        let standing = if is_gone { Standing::Gone } else { Standing::Serving };
        let parts = ran.iter().zip(checks.values()).map(|(ran, check)| HealthPart {
            status: ran.finding.status(),
            need: check.need,
            broke: ran.broke,
        });
        let status = self.settings.policy.judge(standing, parts);
        let entries = ran.into_iter().zip(checks).map(|(ran, (name, check))| {
            let tags = match check.need {
                Need::Ready => vec![Cow::Borrowed("ready")],
                Need::Quality => Vec::new(),
            };
            (name, HealthEntry::new(ran.finding, ran.took, tags))
        });
        let entries = entries.collect();
        HealthReport { status, took: watch.elapsed(), at: Moment::now(), entries }
    }
}

impl fmt::Debug for CheckSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckSet").field("names", &self.names()).finish_non_exhaustive()
    }
}
