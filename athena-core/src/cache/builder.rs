//! Building a cache: setters accept, `build` checks everything.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Cache;
use crate::backend::Backend;
use crate::checks::CheckSet;
use crate::clock::Clock;
use crate::coherence::guards::Guards;
use crate::coherence::revision::Revisions;
use crate::error::Error;
use crate::flight::Flights;
use crate::identity::Identity;
use crate::key::claims::Claims;
use crate::key::name::Namespace;
use crate::key::secret::SecretKey;
use crate::load_limits::LoadLimits;
use crate::lock::Mutex;
use crate::memory::{MemoryTier, Weighers};
use crate::policy::{Fallback, Percent};
use crate::random::Random;
use crate::recovery::RecoveryLedger;
use crate::remote::{Means, Remotes};
use crate::resilience::settings::Resilience;
use crate::runtime::Runtime;
use crate::settings::{Memory, RecoverySettings, RegionStores, Settings, SiteSettings};
use crate::sites::Sites;
#[cfg(feature = "json")]
use crate::tasks::Sole;
use crate::tasks::Tasks;
use crate::telemetry::log::Log;
use crate::telemetry::{Observer, Telemetry};

/// A cache under construction.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use athena_cache_core::{Cache, Memory};
///
/// let cache = Cache::builder("shop")
///     .ttl(Duration::from_secs(300))
///     .grace(Duration::from_secs(3600))
///     .memory(Memory::bounded(50_000))
///     .build()?;
/// cache.install(); // annotated functions use it from now on
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "call `build`"]
pub struct Builder {
    namespace: String,
    settings: Settings,
    backend: Option<Arc<dyn Backend>>,
    regions: RegionStores,
    observers: Vec<Arc<dyn Observer>>,
    clock: Clock,
    seed: Option<u64>,
    guards: Guards,
    weighers: Weighers,
    secret_key: SecretKey,
}

impl Cache {
    /// Begins a cache; the namespace prefixes everything it keeps in a backend.
    pub fn builder(namespace: impl Into<String>) -> Builder {
        Builder::new(namespace.into())
    }

    /// A cache in memory alone, with default settings, for tests and small programs.
    ///
    /// Characters that no namespace may hold become `_`.
    ///
    /// Values are answered as they were loaded. Those that a backend would get are written and read once when
    /// they are kept, as in every cache without a backend, so that a test meets the types that would stay in
    /// one process in production: `Stats::unwritable` and `Stats::unreadable` count them, and one record per
    /// function and type tells what to do. No call fails for it, since small programs may run so for good;
    /// a test asks the counters. `tier = memory` and [`Entry::in_memory`](crate::Entry::in_memory) are for
    /// values that are to stay in the process.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use athena_cache_core::Cache;
    ///
    /// let cache = Cache::in_memory("a test");
    /// assert_eq!(cache.namespace(), "a_test");
    /// cache.entry("user:42").insert("Ada".to_owned()).await?;
    /// assert_eq!(cache.stats().unwritable + cache.stats().unreadable, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_memory(namespace: &str) -> Self {
        Builder::embedded(namespace)
    }
}

impl Builder {
    pub(crate) fn new(namespace: String) -> Self {
        Self {
            namespace,
            settings: Settings::default(),
            backend: None,
            regions: RegionStores::default(),
            observers: Vec::new(),
            clock: Clock::system(),
            seed: None,
            guards: Guards::default(),
            weighers: Weighers::default(),
            secret_key: SecretKey::default(),
        }
    }

    /// Replaces all settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// How long an entry is fresh where its site says nothing. Default 60 min.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttl = ttl;
        self
    }

    /// How long past the ttl an entry may answer when the load cannot. Default 0.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// The share by which a ttl is randomly shortened at most. Default 0 %.
    pub fn jitter(mut self, jitter: Percent) -> Self {
        self.settings.jitter = jitter;
        self
    }

    /// What answers while the backend cannot. Default [`Fallback::GracefulDegradation`].
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.settings.fallback = fallback;
        self
    }

    /// Has events, records and errors show keys: arguments of calls, and values in names and tags.
    ///
    /// See [`Settings::show_keys`].
    pub fn show_keys(mut self) -> Self {
        self.settings.show_keys = true;
        self
    }

    /// The key of the digests that stand for `secret` arguments, 16 bytes at least.
    ///
    /// Without it who sees a digest can try whether it is that of a secret they guess, which short ones are found
    /// by: a number of some digits, a mail address. All processes that share a backend need the same: under another
    /// key all entries of functions with secrets are other ones.
    pub fn secret_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.secret_key = SecretKey::new(key.as_ref());
        self
    }

    /// Bounds of the memory tier.
    pub fn memory(mut self, memory: Memory) -> Self {
        self.settings.memory = memory;
        self
    }

    /// How many bytes a value of this type takes, for [`Memory::max_bytes`]: itself and all that it holds.
    ///
    /// The type is what a function returns inside of `Option` or `Result`. It is asked when an entry is
    /// kept, never for a hit; if it panics, the value counts as if nobody had said anything.
    ///
    /// ```
    /// use athena_cache_core::{Cache, Memory};
    ///
    /// let mut memory = Memory::default();
    /// memory.max_bytes = Some(64 << 20);
    /// let cache = Cache::builder("shop")
    ///     .memory(memory)
    ///     .weigh(|picture: &Vec<u8>| size_of_val(picture) + picture.capacity())
    ///     .build()?;
    /// # Ok::<(), athena_cache_core::Error>(())
    /// ```
    pub fn weigh<V: 'static>(
        mut self,
        weigh: impl Fn(&V) -> usize + Send + Sync + 'static,
    ) -> Self {
        self.weighers.add(weigh);
        self
    }

    /// Sets something for one annotated function, in place of what its attribute says; see [`SiteSettings`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use athena_cache_core::Cache;
    ///
    /// let cache = Cache::builder("shop")
    ///     .site("shop::products", |site| site.ttl = Some(Duration::from_secs(600)))
    ///     .build()?;
    /// # Ok::<(), athena_cache_core::Error>(())
    /// ```
    pub fn site(mut self, name: impl Into<String>, change: impl FnOnce(&mut SiteSettings)) -> Self {
        change(self.settings.sites.entry(name.into()).or_default());
        self
    }

    /// Limits around every operation on the backend.
    pub fn resilience(mut self, resilience: Resilience) -> Self {
        self.settings.resilience = resilience;
        self
    }

    /// Sees to it that the cache gets well where it does not by itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// use athena_cache_core::{Cache, RecoverySettings};
    ///
    /// let cache = Cache::builder("shop").recovery(RecoverySettings::every(Duration::from_secs(60))).build()?;
    /// # Ok::<(), athena_cache_core::Error>(())
    /// ```
    pub fn recovery(mut self, recovery: RecoverySettings) -> Self {
        self.settings.recovery = recovery;
        self
    }

    /// The remote tier. Without one the cache lives in memory alone, and tells of values that a backend
    /// would not take, as [`Cache::in_memory`] does.
    pub fn backend(mut self, backend: impl Backend) -> Self {
        self.backend = Some(Arc::new(backend));
        self
    }

    /// The store of one of the regions that [`Settings::regions`] names, in place of [`backend`](Self::backend).
    ///
    /// Each region needs one, and no two may have the same.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[cfg(feature = "testing")] {
    /// use athena_cache_core::testing::MemoryBackend;
    /// use athena_cache_core::{Cache, RegionSettings, Settings};
    ///
    /// let mut settings = Settings::default();
    /// settings.regions = Some(RegionSettings::new("westeurope", ["northeurope"]));
    /// let cache = Cache::builder("shop")
    ///     .settings(settings)
    ///     .region("westeurope", MemoryBackend::new())
    ///     .region("northeurope", MemoryBackend::new())
    ///     .build()?;
    /// assert_eq!(cache.regions().len(), 2);
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    pub fn region(mut self, name: impl Into<String>, backend: impl Backend) -> Self {
        self.regions.give(name, Arc::new(backend));
        self
    }

    /// Somebody who hears events, beside the `tracing` log.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// A clock that a test moves.
    ///
    /// Everything waits for it, the pauses between attempts at a failing backend too: move it, or switch
    /// [`RetrySettings::enabled`](crate::RetrySettings::enabled) off.
    #[cfg(feature = "testing")]
    pub fn clock(mut self, clock: &crate::testing::ManualClock) -> Self {
        self.clock = Clock::from(clock.clone());
        self
    }

    /// Makes jitter and other randomness repeatable.
    #[cfg(feature = "testing")]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Switches off one guard against outdated values, to see whether a test notices.
    #[cfg(feature = "testing")]
    pub fn without(mut self, guard: crate::testing::Guard) -> Self {
        self.guards = self.guards.without(guard);
        self
    }

    /// Checks everything and makes the cache. Connects to nothing: that happens in the background.
    ///
    /// # Errors
    ///
    /// If the namespace or any setting is out of its limits; the message lists every fault.
    pub fn build(self) -> Result<Cache, Error> {
        let namespace = Namespace::new(&self.namespace)?;
        self.settings.check()?;
        if let Some(fault) = self.secret_key.fault() {
            return Err(Error::settings(fault));
        }
        let stores = self.stores()?;
        Ok(self.assemble(namespace, stores))
    }

    /// The store, or those of the regions in the order of the settings.
    fn stores(&self) -> Result<Vec<Arc<dyn Backend>>, Error> {
        let mut faults = Vec::new();
        let stores = if let Some(regions) = &self.settings.regions {
            regions.refuse_what_is_missing(&mut faults);
            if self.backend.is_some() {
                faults.push(
                    "there are a backend and `regions`, expected one of them: give each region its store with \
                     `Builder::region`"
                        .to_owned(),
                );
            }
            self.regions.in_order(regions, &mut faults)
        } else {
            faults.extend(self.regions.without_settings());
            self.backend.iter().cloned().collect()
        };
        if faults.is_empty() { Ok(stores) } else { Err(Error::settings(faults.join("; "))) }
    }

    /// The embedded default.
    pub(crate) fn embedded(namespace: &str) -> Cache {
        Self::new(namespace.to_owned()).assemble(Namespace::lenient(namespace), Vec::new())
    }

    fn assemble(self, namespace: Namespace, stores: Vec<Arc<dyn Backend>>) -> Cache {
        let Self { settings, mut observers, clock, seed, guards, weighers, .. } = self;
        let secret_key = self.secret_key;
        observers.insert(0, Arc::new(Log::new(namespace.as_str(), &clock)));
        let telemetry = Arc::new(Telemetry::new(observers, settings.show_keys, clock.now()));
        let random = Arc::new(Random::new(seed));
        let revisions = Arc::new(Revisions::new());
        let tasks = Tasks::new();
        let means = Means {
            clock: clock.clone(),
            random: Arc::clone(&random),
            telemetry: Arc::clone(&telemetry),
            revisions: Arc::clone(&revisions),
            guards,
            tasks: tasks.clone(),
        };
        let remotes = Remotes::new(stores, &namespace, &settings, means);
        let checks = CheckSet::new(&settings, remotes.as_ref(), &tasks, &clock);
        let identity = Identity::new(namespace.as_str());
        let sites = Sites::new(namespace.as_str(), settings.sites.clone(), clock.now());
        let (memory, window) = (&settings.memory, settings.resilience.trust_window);
        let cache = Cache::from(Runtime {
            namespace,
            defaults: settings.defaults(),
            guards,
            flights: Arc::new(Flights::new(window, guards)),
            memory: MemoryTier::new(memory, weighers, &clock, &revisions, &tasks),
            revisions,
            remotes,
            telemetry,
            tasks,
            loads: LoadLimits::new(settings.degraded_loads),
            checks,
            recovery: RecoveryLedger::new(&clock),
            identity,
            claims: Claims::new(),
            sites,
            secret_key,
            logged: Mutex::new(HashSet::new()),
            told_outside: AtomicBool::new(false),
            #[cfg(feature = "json")]
            fleet: Sole::new(&clock),
            settings,
            clock,
            random,
        });
        cache.runtime().keep_alive();
        cache.supervise();
        #[cfg(feature = "json")]
        cache.join_fleet();
        cache
    }
}
