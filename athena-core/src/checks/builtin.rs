//! The checks that a cache with a backend has by itself.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::replicas::{self, MostReplicas};
use super::{CheckSet, REPLICATION, asked, known, sentinels, surveyed};
use crate::backend::operate::{SentinelReport, Survey};
use crate::health::{Finding, Need};
use crate::lock::Mutex;
use crate::remote::{Remote, Remotes, WeakRemotes};
use crate::settings::{HealthSettings, MemoryRole, Settings};

/// Adds all of them; what only some backends tell stays out where it is not told.
///
/// None of them is what a service is ready by: what they are about is the same for all who share a backend, and they
/// would be taken out of rotation together.
pub(super) fn add_all(checks: &CheckSet, remotes: &Remotes, settings: &Settings) {
    let own = Own { remotes: remotes.downgrade(), settings: Arc::new(settings.health.clone()) };
    own.add(checks, "redis_connectivity", |remote, settings| async move {
        asked::reach(&remote.check_reach(part_of(settings.limit)).await, &settings)
    });
    own.add(checks, "distributed_cache", |remote, settings| async move {
        asked::storage(&remote.check_storage(settings.limit).await)
    });
    own.add(checks, "breakers", |remote, _| async move { known::breakers(&remote.nodes()) });
    own.add(checks, "maintenance", |remote, _| async move { known::isolation(&remote.nodes()) });
    own.add(checks, "journal", |remote, settings| async move {
        known::journal(remote.journal_depth(), remote.journal_age(), &settings)
    });
    own.add(checks, "access", |remote, _| async move {
        known::access(&remote.refusing(), &remote.nodes())
    });
    if let Some(regions) = remotes.regions() {
        let regions = Arc::downgrade(regions);
        checks.add("regions".to_owned(), Need::Quality, move || {
            let regions = regions.upgrade();
            async move { regions.map_or_else(gone, |regions| known::regions(&regions.status())) }
        });
    }
    if settings.memory.role == MemoryRole::Tier {
        own.add(checks, "trust", |remote, _| async move { known::trust(&remote.nodes()) });
    }
    if remotes.active().operator().is_none() {
        return;
    }
    let most = Mutex::new(HashMap::<String, MostReplicas>::new());
    own.add_surveyed(checks, REPLICATION, move |survey, remote, settings| {
        let serving: Vec<_> = remote.nodes().into_iter().map(|node| node.endpoint).collect();
        let region = remote.region_name().to_owned();
        let most = most.lock().entry(region).or_default().note(remote.now(), survey);
        replicas::replication(survey, &serving, most, settings)
    });
    own.add_surveyed(checks, "persistence", |survey, _, settings| {
        surveyed::persistence(survey, settings)
    });
    own.add_surveyed(checks, "memory", |survey, _, _| surveyed::memory(survey));
    own.add_surveyed(checks, "cluster_state", |survey, _, _| surveyed::cluster_state(survey));
    own.add_heard(checks, "sentinel_connectivity", sentinels::reached);
    own.add_heard(checks, "sentinel_quorum", sentinels::quorum);
}

/// What those checks look at; they do not keep the cache alive.
struct Own {
    remotes: WeakRemotes,
    settings: Arc<HealthSettings>,
}

impl Own {
    fn add<F>(
        &self,
        checks: &CheckSet,
        name: &str,
        check: impl Fn(Arc<Remote>, Arc<HealthSettings>) -> F + Send + Sync + Clone + 'static,
    ) where
        F: Future<Output = Finding> + Send + 'static,
    {
        let (remotes, settings) = (self.remotes.clone(), Arc::clone(&self.settings));
        checks.add(name.to_owned(), Need::Quality, move || {
            let (remote, settings) = (remotes.active(), Arc::clone(&settings));
            let check = check.clone();
            async move {
                match remote {
                    Some(remote) => check(remote, settings).await,
                    None => gone(),
                }
            }
        });
    }

    /// One that needs only what nodes say of themselves.
    fn add_surveyed(
        &self,
        checks: &CheckSet,
        name: &str,
        judge: impl Fn(&Survey, &Remote, &HealthSettings) -> Finding + Send + Sync + 'static,
    ) {
        let judge = Arc::new(judge);
        self.add(checks, name, move |remote, settings| {
            let judge = Arc::clone(&judge);
            async move {
                let Some(operator) = remote.operator() else { return left_alone() };
                let survey = operator.survey(part_of(settings.limit)).await;
                judge(&survey, &remote, &settings)
            }
        });
    }

    /// One that needs only what sentinels say.
    fn add_heard(&self, checks: &CheckSet, name: &str, judge: fn(&SentinelReport) -> Finding) {
        self.add(checks, name, move |remote, settings| async move {
            let Some(operator) = remote.operator() else { return left_alone() };
            let limit = part_of(settings.limit);
            match operator.sentinels(limit).await {
                Some(report) => judge(&report),
                None => sentinels::no_sentinels(&*operator.survey(limit).await),
            }
        });
    }
}

fn gone() -> Finding {
    Finding::unknown("the cache is gone")
}

fn left_alone() -> Finding {
    Finding::unknown("nobody is asked, since the backend is isolated")
}

/// What nodes may take of the time of a check, so that what they said is told within it.
fn part_of(limit: Duration) -> Duration {
    limit.mul_f64(0.9)
}
