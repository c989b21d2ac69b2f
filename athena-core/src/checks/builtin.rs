//! The checks that a cache with a backend has by itself.

use std::future::Future;
use std::sync::Arc;

use super::{CheckSet, asked, known, surveyed};
use crate::backend::operate::Survey;
use crate::health::{Finding, Need};
use crate::remote::{Remote, Remotes, WeakRemotes};
use crate::settings::{HealthSettings, MemoryRole, Settings};

/// Adds all of them; what only some backends tell stays out where it is not told.
pub(super) fn add_all(checks: &CheckSet, remotes: &Remotes, settings: &Settings) {
    let own = Own { remotes: remotes.downgrade(), settings: Arc::new(settings.health.clone()) };
    own.add(checks, "redis_connectivity", Need::Quality, |remote, settings| async move {
        asked::reach(&remote.check_reach(settings.limit.mul_f64(0.9)).await, &settings)
    });
    own.add(checks, "distributed_cache", Need::Quality, |remote, settings| async move {
        asked::storage(&remote.check_storage(settings.limit).await)
    });
    own.add(checks, "breakers", Need::Quality, |remote, _| async move {
        known::breakers(&remote.nodes())
    });
    own.add(checks, "maintenance", Need::Quality, |remote, _| async move {
        known::isolation(&remote.nodes())
    });
    own.add(checks, "journal", Need::Quality, |remote, settings| async move {
        known::journal(remote.journal_depth(), remote.journal_age(), &settings)
    });
    own.add(checks, "access", Need::Ready, |remote, _| async move {
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
        own.add(checks, "trust", Need::Quality, |remote, _| async move {
            known::trust(&remote.nodes())
        });
    }
    if remotes.active().operator().is_some() {
        own.add_surveyed(checks, "replication", surveyed::replication);
        own.add_surveyed(checks, "persistence", surveyed::persistence);
        own.add_surveyed(checks, "memory", surveyed::memory);
        own.add_surveyed(checks, "cluster_state", |survey, _| surveyed::cluster_state(survey));
        own.add(checks, "sentinel_quorum", Need::Quality, |remote, settings| async move {
            let limit = settings.limit.mul_f64(0.9);
            match remote.operator() {
                Some(operator) => surveyed::quorum(operator.sentinels(limit).await.as_ref()),
                None => gone(),
            }
        });
    }
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
        need: Need,
        check: impl Fn(Arc<Remote>, Arc<HealthSettings>) -> F + Send + Sync + Copy + 'static,
    ) where
        F: Future<Output = Finding> + Send + 'static,
    {
        let (remotes, settings) = (self.remotes.clone(), Arc::clone(&self.settings));
        checks.add(name.to_owned(), need, move || {
            let (remote, settings) = (remotes.active(), Arc::clone(&settings));
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
        judge: fn(&Survey, &HealthSettings) -> Finding,
    ) {
        self.add(checks, name, Need::Quality, move |remote, settings| async move {
            match remote.operator() {
                Some(operator) => {
                    let limit = settings.limit.mul_f64(0.9);
                    judge(&*operator.survey(limit).await, &settings)
                }
                None => gone(),
            }
        });
    }
}

fn gone() -> Finding {
    Finding::unhealthy("the cache is gone")
}
