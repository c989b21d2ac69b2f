//! What the tests share: a cache on a clock that stands still, an origin that counts, and both forms
//! in which a function can be cached.

use std::future::Future;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use athena_cache::testing::{Chaos, ChaosBackend, Connection, ManualClock, MemoryBackend};
use athena_cache::{Builder, Cache, Memory, Observed, Resilience, Source, athena_cache, of};
use tracing::Dispatch;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

pub const TTL: Duration = Duration::from_secs(10);
pub const GRACE: Duration = Duration::from_secs(60);
pub const THROTTLE: Duration = TTL; // the default of 30 s, but at most the ttl
pub const WAIT_FOR_LOAD: Duration = Duration::from_secs(30);

/// Why a load failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Fault {
    Down,
    NotFound,
    Cache(String),
}

impl From<athena_cache::Error> for Fault {
    fn from(error: athena_cache::Error) -> Self {
        Self::Cache(error.to_string())
    }
}

/// A cache on a clock that stands still.
pub struct World {
    pub cache: Cache,
    pub clock: ManualClock,
}

impl World {
    pub fn in_memory() -> Self {
        Self::with(|builder| builder)
    }

    pub fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = ManualClock::new();
        let builder = Cache::builder("test").clock(&clock).seed(1);
        Self { cache: change(builder).build().unwrap(), clock }
    }

    pub fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}

/// A cache whose backend does as it is told.
pub struct Remote {
    pub world: World,
    pub store: MemoryBackend,
    pub chaos: Chaos,
    /// What the cache hears of others through.
    pub connection: Connection,
    backend: ChaosBackend<MemoryBackend>,
}

impl Remote {
    /// Memory answers only while the backend cannot.
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// Memory answers first.
    pub fn tiered() -> Self {
        Self::with(|builder| builder.memory(Memory::default()))
    }

    pub fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = ManualClock::new();
        let store = MemoryBackend::with_clock(&clock);
        let own = store.clone();
        let connection = own.connection();
        let own = ChaosBackend::with_clock(own, 1, &clock);
        let (chaos, backend) = (own.chaos(), own.clone());
        let builder = Cache::builder("test").clock(&clock).seed(1).backend(own);
        let builder = builder.resilience(once(Resilience::default()));
        let builder = builder.memory(Memory::fallback_only(1_000));
        let world = World { cache: change(builder).build().unwrap(), clock };
        Self { world, store, chaos, connection, backend }
    }

    /// Another process on the same backend, which meets the same faults.
    pub fn beside(&self) -> Cache {
        let builder = Cache::builder("test").clock(&self.world.clock).seed(2);
        let builder = builder.resilience(once(Resilience::default()));
        let builder = builder.memory(Memory::fallback_only(1_000));
        builder.backend(self.backend.clone()).build().unwrap()
    }

    /// Another process on the same backend.
    pub fn neighbour(&self) -> Cache {
        self.neighbour_with(|builder| builder.memory(Memory::fallback_only(1_000)))
    }

    /// Another process on the same backend, in whose memory entries answer first.
    pub fn tiered_neighbour(&self) -> Cache {
        self.neighbour_with(|builder| builder)
    }

    fn neighbour_with(&self, change: impl FnOnce(Builder) -> Builder) -> Cache {
        let builder = Cache::builder("test").clock(&self.world.clock).seed(2);
        change(builder.backend(self.store.clone())).build().unwrap()
    }
}

/// Without retries, whose pauses would stand still with the clock.
pub fn once(mut resilience: Resilience) -> Resilience {
    resilience.retry.enabled = false;
    resilience
}

/// Counts its loads.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    loads: Arc<AtomicUsize>,
}

impl Origin {
    pub fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    /// Returns at once.
    pub fn returns<T>(&self, value: T) -> impl Future<Output = T> + use<T> {
        let loads = Arc::clone(&self.loads);
        async move {
            loads.fetch_add(1, Ordering::SeqCst);
            value
        }
    }

    /// Returns once the gate is open.
    pub fn waits<T>(&self, gate: &Gate, value: T) -> impl Future<Output = T> + use<T> {
        let (loads, gate) = (Arc::clone(&self.loads), gate.clone());
        async move {
            loads.fetch_add(1, Ordering::SeqCst);
            gate.pass().await;
            value
        }
    }
}

/// Something that loads wait for.
#[derive(Debug, Clone)]
pub struct Gate(Arc<tokio::sync::Semaphore>);

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(0)))
    }

    pub fn open(&self) {
        self.0.add_permits(1_000_000);
    }

    pub async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// Lets other tasks run until a condition holds.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if condition() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("in vain: {what}");
}

/// Lets other tasks run until none of them can.
pub async fn others_rest() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

/// The two forms in which a function can be cached; every case holds for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Attribute,
    Entry,
}

pub const FORMS: [Form; 2] = [Form::Attribute, Form::Entry];

pub type Answer = Observed<Result<u32, Fault>>;

impl Form {
    /// With a ttl, and nothing else.
    pub async fn plain(
        self,
        cache: &Cache,
        name: &str,
        load: impl Future<Output = Result<u32, Fault>>,
    ) -> Answer {
        match self {
            Self::Attribute => of(plain(cache, name, load)).observe().await.unwrap(),
            Self::Entry => cache.entry(format!("plain:{name}")).ttl(TTL).observe(|| load).await,
        }
    }

    /// With grace.
    pub async fn graceful(
        self,
        cache: &Cache,
        name: &str,
        load: impl Future<Output = Result<u32, Fault>>,
    ) -> Answer {
        match self {
            Self::Attribute => of(graceful(cache, name, load)).observe().await.unwrap(),
            Self::Entry => {
                let entry = cache.entry(format!("graceful:{name}"));
                entry.ttl(TTL).grace(GRACE).observe(|| load).await
            }
        }
    }

    /// With grace and a hard timeout of a second.
    pub async fn hard(
        self,
        cache: &Cache,
        name: &str,
        load: impl Future<Output = Result<u32, Fault>>,
    ) -> Answer {
        match self {
            Self::Attribute => of(hard(cache, name, load)).observe().await.unwrap(),
            Self::Entry => {
                let entry = cache.entry(format!("hard:{name}")).ttl(TTL).grace(GRACE);
                entry.hard_timeout(Duration::from_secs(1)).observe(|| load).await
            }
        }
    }

    /// With grace, a soft timeout of 100 ms and a refresh at 80 %.
    pub async fn background(
        self,
        cache: &Cache,
        name: &str,
        load: impl Future<Output = Result<u32, Fault>> + Send + 'static,
    ) -> Answer {
        match self {
            Self::Attribute => {
                let load = Loading::new(load);
                of(background(cache.clone(), name, load)).observe().await.unwrap()
            }
            Self::Entry => {
                let entry = cache.entry(format!("background:{name}")).ttl(TTL).grace(GRACE);
                let entry = entry.in_background().refresh(athena_cache::Percent::new(80));
                entry.soft_timeout(Duration::from_millis(100)).observe(|| load).await
            }
        }
    }
}

/// An answer of [`Form::plain`] that is not flagged.
pub async fn ask(
    form: Form,
    cache: &Cache,
    name: &str,
    origin: &Origin,
    value: u32,
) -> (Source, u32) {
    let answer = form.plain(cache, name, origin.returns(Ok(value))).await;
    assert!(!answer.outcome.degraded && !answer.outcome.stale, "{:?}", answer.outcome);
    (answer.outcome.source, answer.value.unwrap())
}

/// An entry of [`Form::plain`], loaded anew.
pub async fn refreshed(
    cache: &Cache,
    name: &str,
    load: impl Future<Output = Result<u32, Fault>>,
) -> Result<u32, Fault> {
    of(plain(cache, name, load)).refresh().await.unwrap()
}

#[athena_cache(ttl = "10s", key = "plain:{name}", shared, skip(load), cache = cache)]
async fn plain(
    cache: &Cache,
    name: &str,
    load: impl Future<Output = Result<u32, Fault>>,
) -> Result<u32, Fault> {
    load.await
}

#[athena_cache(
    ttl = "10s", grace = "1m", key = "graceful:{name}", shared, skip(load), cache = cache
)]
async fn graceful(
    cache: &Cache,
    name: &str,
    load: impl Future<Output = Result<u32, Fault>>,
) -> Result<u32, Fault> {
    load.await
}

#[athena_cache(
    ttl = "10s", grace = "1m", hard_timeout = "1s",
    key = "hard:{name}", shared, skip(load), cache = cache
)]
async fn hard(
    cache: &Cache,
    name: &str,
    load: impl Future<Output = Result<u32, Fault>>,
) -> Result<u32, Fault> {
    load.await
}

#[athena_cache(
    ttl = "10s", grace = "1m", refresh = "80%", soft_timeout = "100ms",
    key = "background:{name}", skip(load), cache = cache
)]
async fn background(cache: Cache, name: &str, load: Loading) -> Result<u32, Fault> {
    load.run().await
}

/// A load that can be cloned, to be run once by whoever gets to it.
#[derive(Clone)]
pub struct Loading(Arc<tokio::sync::Mutex<Option<BoxedLoad>>>);

type BoxedLoad = std::pin::Pin<Box<dyn Future<Output = Result<u32, Fault>> + Send>>;

impl Loading {
    fn new(load: impl Future<Output = Result<u32, Fault>> + Send + 'static) -> Self {
        Self(Arc::new(tokio::sync::Mutex::new(Some(Box::pin(load)))))
    }

    async fn run(self) -> Result<u32, Fault> {
        let load = self.0.lock().await.take();
        load.expect("a load runs at most once per call").await
    }
}

/// A value whose tag only it knows.
pub async fn labelled(
    cache: Cache,
    load: impl Future<Output = Result<u32, Fault>> + Send + 'static,
) -> Observed<Result<u32, Fault>> {
    #[athena_cache(
        ttl = "10s", key = "labelled", shared, skip(load),
        tags_from = |value| [format!("V{value}")], cache = cache
    )]
    async fn labelled(
        cache: &Cache,
        load: impl Future<Output = Result<u32, Fault>>,
    ) -> Result<u32, Fault> {
        load.await
    }
    of(labelled(&cache, load)).observe().await.unwrap()
}

/// Has there be a listener beside that of a test.
///
/// While there is one, `tracing` asks that of the thread which meets a record or span first, and takes the word of a
/// thread without any for that of all.
pub fn never_alone() {
    static OTHER: LazyLock<Dispatch> = LazyLock::new(|| {
        Dispatch::new(tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).finish())
    });
    LazyLock::force(&OTHER);
}

/// What an operator reads.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Hears this thread.
    pub fn set(&self) -> impl Sized + use<> {
        self.set_at(LevelFilter::INFO)
    }

    /// The same from a level on.
    pub fn set_at(&self, level: LevelFilter) -> impl Sized + use<> {
        never_alone();
        let (log, builder) = (self.clone(), tracing_subscriber::fmt().with_max_level(level));
        builder.with_ansi(false).with_writer(move || log.clone()).set_default()
    }

    pub fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
