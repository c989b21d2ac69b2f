//! One process of a play: a cache with a runtime and connections of its own.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use athena_cache::testing::Guard;
use athena_cache::{Builder, Cache, MemoryRole, Redis, RedisConfig, Settings};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::configuration::{Configuration, PASSWORD, Tracking, USER, User};
use super::record::Log;

/// What the names of a play begin with.
pub(crate) const NAMESPACE: &str = "play";
/// How many threads a process has; all of them stand still when it is stalled.
const THREADS: usize = 2;
/// How long calls that are under way may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process; dropping it ends it as a crash does.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) number: usize,
    pub(crate) cache: Cache,
    pub(crate) log: Log,
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
    runtime: Option<Runtime>,
}

/// How the caches of a play are set up.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// How long memory is trusted after the last proof.
    pub(crate) window: Duration,
    /// How long one operation may take.
    pub(crate) attempt: Duration,
    /// How long a connection may be silent before it is given up.
    pub(crate) heartbeat: Duration,
    /// How long a breaker waits that nothing tells that its node is back.
    pub(crate) recovery: Duration,
    pub(crate) without: Option<Guard>,
    pub(crate) seed: u64,
}

impl Setup {
    /// How long a call waits for Redis.
    pub(crate) fn deadline(&self) -> Duration {
        self.attempt * 2
    }

    /// How long a lease lives that nobody extends.
    pub(crate) fn lease(&self) -> Duration {
        self.attempt.max(Duration::from_secs(1))
    }

    fn settings(&self, memory: MemoryRole) -> Settings {
        let mut settings = Settings::default();
        settings.lease = self.lease();
        settings.memory.role = memory;
        let resilience = &mut settings.resilience;
        resilience.trust_window = self.window;
        resilience.attempt_timeout = self.attempt;
        resilience.deadline = self.deadline();
        resilience.write_deadline = self.attempt * 4;
        resilience.breaker.recovery_time = self.recovery;
        resilience.breaker.max_recovery_time = self.recovery;
        settings
    }
}

impl Process {
    /// Starts a process that is told where Redis is.
    pub(crate) fn start(
        number: usize,
        config: RedisConfig,
        setup: &Setup,
        on: &Configuration,
    ) -> Self {
        Self::on_stores(number, [config], (setup, on), |settings, [redis]| {
            Cache::builder(NAMESPACE).settings(settings).backend(redis)
        })
    }

    /// Starts a process that is told where its stores are.
    pub(crate) fn on_stores<const N: usize>(
        number: usize,
        configs: [RedisConfig; N],
        (setup, on): (&Setup, &Configuration),
        build: impl FnOnce(Settings, [Redis; N]) -> Builder,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name(format!("process {number}"))
            .enable_all()
            .build()
            .expect("a runtime");
        let inside = runtime.enter();
        let stores = configs.map(|config| {
            let config = config.response_timeout(setup.attempt);
            let config = config.heartbeat(setup.heartbeat).tracking(on.tracking != Tracking::Off);
            let config = match on.user {
                User::Full => config,
                _ => config.username(USER).password(PASSWORD),
            };
            let redis = Redis::new(config).expect("the settings are good");
            // Until the nodes are known, nobody can be asked who loads what.
            runtime.block_on(redis.connect()).expect("the nodes are there");
            redis
        });
        let builder = build(setup.settings(on.memory), stores).seed(setup.seed ^ number as u64);
        let builder = match setup.without {
            Some(guard) => builder.without(guard),
            None => builder,
        };
        let cache = builder.build().expect("the settings are good");
        drop(inside);
        let (log, stop) = (Log::default(), Arc::default());
        Self { number, cache, log, stop, callers: Vec::new(), runtime: Some(runtime) }
    }

    /// Tells callers that they are to end.
    pub(crate) fn stop_sign(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Runs a caller in it, until it sees the stop sign.
    pub(crate) fn call(&mut self, caller: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            self.callers.push(runtime.spawn(caller));
        }
    }

    /// Runs something in it and waits for that; `None` in a dead process.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let runtime = self.runtime.as_ref()?;
        let answer = runtime.spawn(question);
        Some(runtime.block_on(answer).expect("no call panics"))
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.runtime.is_some()
    }

    /// Lets it stand still for a while, with its connections open; does not wait.
    pub(crate) fn stall(&self, duration: Duration) {
        if let Some(runtime) = &self.runtime {
            for _ in 0..THREADS {
                runtime.spawn(async move { std::thread::sleep(duration) });
            }
        }
    }

    /// Ends it as a crash does: nothing is finished, nothing is said.
    pub(crate) fn die(&mut self) {
        self.callers.clear();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Tells its callers to end, without waiting.
    pub(crate) fn begin_to_stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Waits until its callers have ended; panics if one of them did.
    pub(crate) fn stop(&mut self) {
        self.begin_to_stop();
        let callers = std::mem::take(&mut self.callers);
        let Some(runtime) = &self.runtime else { return };
        let number = self.number;
        runtime.block_on(async move {
            let all = async {
                for caller in callers {
                    caller.await.expect("no call panics");
                }
            };
            let ended = tokio::time::timeout(PATIENCE, all).await;
            ended.unwrap_or_else(|_| panic!("calls of process {number} do not end"));
        });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.die();
    }
}
