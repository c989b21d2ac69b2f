//! One check, and its runs.
//!
//! Invariant: no two of them are under way side by side, and none is waited for beyond its limit.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::clock::Clock;
use crate::contained::contained_future;
use crate::health::{Finding, Need};
use crate::tasks::Tasks;

type Checking = Pin<Box<dyn Future<Output = Finding> + Send>>;

#[derive(Clone)]
pub(super) struct Check {
    pub(super) need: Need,
    begin: Arc<dyn Fn() -> Checking + Send + Sync>,
    /// Held by a run until it has ended, which may be long after anybody waits for it.
    turn: Arc<AsyncMutex<()>>,
}

/// What came of one run.
pub(super) struct Ran {
    pub(super) finding: Finding,
    pub(super) took: Duration,
    /// Whether it found nothing, since it panicked or did not answer.
    pub(super) broke: bool,
}

impl Check {
    pub(super) fn new<F>(need: Need, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Finding> + Send + 'static,
    {
        let begin = Arc::new(move || Box::pin(check()) as Checking);
        Self { need, begin, turn: Arc::default() }
    }

    pub(super) async fn run(&self, tasks: &Tasks, clock: &Clock, limit: Duration) -> Ran {
        let watch = clock.stopwatch();
        let turn = clock.within(limit, Arc::clone(&self.turn).lock_owned()).await;
        let found = match turn {
            Some(turn) => {
                let left = limit.saturating_sub(watch.elapsed());
                let found = self.find(turn, tasks, clock, left).await;
                found.unwrap_or_else(|| Err(format!("no answer in {limit:?}")))
            }
            None => Err("it still runs, since an earlier report".to_owned()),
        };
        let broke = found.is_err();
        let finding = found.unwrap_or_else(Finding::unhealthy);
        Ran { finding, took: watch.elapsed(), broke }
    }

    /// What it finds, or why it finds nothing; `None` past the limit, where it ends as soon as it lets itself be
    /// ended. Nobody need wait for it.
    async fn find(
        &self,
        turn: OwnedMutexGuard<()>,
        tasks: &Tasks,
        clock: &Clock,
        limit: Duration,
    ) -> Option<Result<Finding, String>> {
        let (begin, own_clock) = (Arc::clone(&self.begin), clock.clone());
        let work = async move {
            // Made inside, since making it may panic as well.
            let found = contained_future(async move { begin().await });
            let found = own_clock.within(limit, found).await;
            drop(turn);
            found.map(|found| found.map_err(|panic| format!("the check panicked: {panic}")))
        };
        match tasks.spawner() {
            // A check that holds up its thread holds up no other one.
            Some(spawner) => {
                let task = spawner.spawn_aside(work);
                clock.within(limit, task.end()).await.flatten().flatten()
            }
            None => work.await,
        }
    }
}
