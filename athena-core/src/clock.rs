//! Time, from one place.
//!
//! Invariant: nothing else in the crate reads a clock or sleeps, so that a manual clock moves all of
//! it, and none of it needs a runtime. Times are compared only within one process.

mod coarse;
mod sleep;
mod stopwatch;
mod timer;
mod within;

#[cfg(feature = "testing")]
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(feature = "testing")]
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use coarse::SystemClock;

pub(crate) use stopwatch::Stopwatch;

/// Milliseconds since the clock was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Tick(u64);

impl Tick {
    /// Never comes.
    pub(crate) const FAR: Self = Self(u64::MAX);

    pub(crate) fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub(crate) fn as_millis(self) -> u64 {
        self.0
    }

    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// Time passed since `earlier`; zero if it lies ahead.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis_since(earlier))
    }

    /// The same in milliseconds.
    #[inline]
    pub(crate) fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// A tick that lies `age` before this one; the clock's start if that is later.
    pub(crate) fn before(self, age: Duration) -> Self {
        Self(self.0.saturating_sub(millis(age)))
    }
}

/// Whole milliseconds, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    let millis = u64::from(duration.subsec_millis());
    duration.as_secs().saturating_mul(1_000).saturating_add(millis)
}

/// The machine's wall clock, for people: milliseconds since 1970.
pub(crate) fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// A clock: the machine's, or one that a test moves.
#[derive(Debug, Clone)]
pub(crate) struct Clock(TimeSource);

#[derive(Debug, Clone)]
enum TimeSource {
    System(SystemClock),
    #[cfg(feature = "testing")]
    Manual(ManualClock),
}

/// A head start, so that entries older than the process have a tick of their own.
const HEAD_START: u64 = 1 << 40;

impl Clock {
    pub(crate) fn system() -> Self {
        Self(TimeSource::System(SystemClock::new()))
    }

    #[inline]
    pub(crate) fn now(&self) -> Tick {
        let passed = match &self.0 {
            TimeSource::System(system) => millis(system.passed()),
            #[cfg(feature = "testing")]
            TimeSource::Manual(manual) => manual.state.now.load(Ordering::Acquire),
        };
        Tick(HEAD_START.saturating_add(passed))
    }

    /// A time that is not before now, and at most some milliseconds behind it.
    ///
    /// It costs a hit a fraction of [`now`](Self::now). What is fresh and trusted then is so now.
    #[inline]
    pub(crate) fn now_at_latest(&self) -> Tick {
        let passed = match &self.0 {
            TimeSource::System(system) => {
                system.passed_at_most().unwrap_or_else(|| millis(system.passed()))
            }
            #[cfg(feature = "testing")]
            TimeSource::Manual(manual) => manual.state.now.load(Ordering::Acquire),
        };
        Tick(HEAD_START.saturating_add(passed))
    }
}

/// A clock that stands still until a test moves it.
///
/// Give it to [`Builder::clock`](crate::Builder::clock); clones share the time.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use athena_cache_core::Cache;
/// use athena_cache_core::testing::ManualClock;
///
/// let clock = ManualClock::new();
/// let cache = Cache::builder("test").clock(&clock).build()?;
/// cache.entry("a").ttl(Duration::from_secs(10)).insert(1_u8).await?;
/// clock.advance(Duration::from_secs(10));
/// assert_eq!(cache.entry("a").get::<u8>().await?, None);
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "testing")]
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    state: Arc<Manual>,
}

#[cfg(feature = "testing")]
#[derive(Debug, Default)]
struct Manual {
    now: AtomicU64,
    sleepers: AtomicUsize,
    moved: tokio::sync::Notify,
}

#[cfg(feature = "testing")]
impl ManualClock {
    /// A clock at its start.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the time ahead and wakes whoever slept until then.
    pub fn advance(&self, duration: Duration) {
        self.state.now.fetch_add(millis(duration), Ordering::AcqRel);
        self.state.moved.notify_waiters();
    }

    /// How many timers are running, so that a test can wait until its subject sleeps.
    pub fn sleepers(&self) -> usize {
        self.state.sleepers.load(Ordering::Acquire)
    }

    fn passed(&self) -> u64 {
        self.state.now.load(Ordering::Acquire)
    }

    /// Counts from now on, whenever it is polled first, as a sleep of the system's clock does.
    fn sleep(self, duration: Duration) -> impl Future<Output = ()> {
        let wake = self.wake(duration);
        async move {
            let state = Arc::clone(&self.state);
            let _counted = Sleeper::new(&state.sleepers);
            self.doze_until(wake).await;
        }
    }

    fn doze(self, duration: Duration) -> impl Future<Output = ()> {
        let wake = self.wake(duration);
        self.doze_until(wake)
    }

    fn wake(&self, duration: Duration) -> u64 {
        self.passed().saturating_add(millis(duration))
    }

    async fn doze_until(self, wake: u64) {
        loop {
            let moved = self.state.moved.notified();
            if self.passed() >= wake {
                return;
            }
            moved.await;
        }
    }
}

#[cfg(feature = "testing")]
impl From<ManualClock> for Clock {
    fn from(manual: ManualClock) -> Self {
        Self(TimeSource::Manual(manual))
    }
}

#[cfg(feature = "testing")]
struct Sleeper<'a>(&'a AtomicUsize);

#[cfg(feature = "testing")]
impl<'a> Sleeper<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

#[cfg(feature = "testing")]
impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
