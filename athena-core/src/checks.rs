//! The health checks of a cache: a registry of named ones, and their report.
//!
//! Invariant: a report comes within the limit of its checks, whatever they do, and each check runs once for all who ask
//! at the same time. What a check of a user does is that check's result: a panic, a future that never ends.

mod asked;
mod builtin;
mod known;
mod surveyed;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Mutex as AsyncMutex;

use crate::clock::{Clock, Tick};
use crate::contained::contained_future;
use crate::health::{Finding, HealthEntry, HealthPart, HealthReport, Need, Standing};
use crate::lock::Mutex;
use crate::moment::Moment;
use crate::remote::Remotes;
use crate::settings::{HealthSettings, MemoryRole, Settings};
use crate::tasks::Tasks;

/// The health checks of a cache.
pub(crate) struct CheckSet {
    checks: Mutex<BTreeMap<String, Check>>,
    latest: Mutex<Option<(Tick, Arc<HealthReport>)>>,
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

type Checking = Pin<Box<dyn Future<Output = Finding> + Send>>;

#[derive(Clone)]
struct Check {
    need: Need,
    run: Arc<dyn Fn() -> Checking + Send + Sync>,
}

/// What came of one check.
struct Ran {
    finding: Finding,
    took: Duration,
    broke: bool,
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
        let run = Arc::new(move || Box::pin(check()) as Checking);
        self.checks.lock().insert(name, Check { need, run });
        *self.latest.lock() = None;
    }

    pub(crate) fn remove(&self, name: &str) -> bool {
        *self.latest.lock() = None;
        self.checks.lock().remove(name).is_some()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.checks.lock().keys().cloned().collect()
    }

    /// What all checks find, side by side; asked once for all who ask meanwhile.
    pub(crate) async fn report(&self) -> Arc<HealthReport> {
        if let Some(recent) = self.recent() {
            return recent;
        }
        let _turn = self.turn.lock().await;
        if let Some(recent) = self.recent() {
            return recent;
        }
        let checks = self.checks.lock().clone();
        let report = Arc::new(self.run(checks).await);
        *self.latest.lock() = Some((self.clock.now(), Arc::clone(&report)));
        report
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
        let (at, report) = latest.as_ref()?;
        (self.clock.now().since(*at) < age).then(|| Arc::clone(report))
    }

    fn recent(&self) -> Option<Arc<HealthReport>> {
        self.latest(self.settings.cache_for)
    }

    async fn run(&self, checks: BTreeMap<String, Check>) -> HealthReport {
        let watch = self.clock.stopwatch();
        let ran = join_all(checks.values().map(|check| self.run_one(check))).await;
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

    async fn run_one(&self, check: &Check) -> Ran {
        let watch = self.clock.stopwatch();
        let run = Arc::clone(&check.run);
        // Made inside, since making it may panic as well.
        let work = contained_future(async move { run().await });
        let limit = self.settings.limit;
        let done = match self.tasks.spawner() {
            // A check that holds up its thread holds up no other one.
            Some(spawner) => {
                let task = spawner.spawn_aside(work);
                self.clock.within(limit, task.end()).await.flatten()
            }
            None => self.clock.within(limit, work).await,
        };
        let took = watch.elapsed();
        let (finding, broke) = match done {
            Some(Ok(finding)) => (finding, false),
            Some(Err(panic)) => (Finding::unhealthy(format!("the check panicked: {panic}")), true),
            None => (Finding::unhealthy(format!("no answer in {limit:?}")), true),
        };
        Ran { finding, took, broke }
    }
}

impl fmt::Debug for CheckSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckSet").field("names", &self.names()).finish_non_exhaustive()
    }
}
