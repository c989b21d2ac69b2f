//! Settings as plain data, and what they must satisfy.
//!
//! Invariant: settings that `check` accepted cannot make the runtime panic, overflow or wait for ever.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::policy::{Defaults, Fallback, Percent};
use crate::resilience::budget::BudgetSettings;
use crate::resilience::class::Wait;
use crate::resilience::retry::Backoff;

/// Everything a cache can be told at start-up; load it with any `serde` format.
///
/// Durations are written `"5s"`, `"250ms"`, `"1h 30m"`; shares `"10%"`.
///
/// ```toml
/// ttl = "10m"
/// grace = "1h"
/// [memory]
/// max_entries = 50_000
/// [resilience]
/// attempt_timeout = "300ms"
/// [resilience.breaker]
/// failure_threshold = 10
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// How long an entry is fresh where its site says nothing. Default 60 min.
    #[serde(with = "human")]
    pub ttl: Duration,
    /// How long past the ttl an entry may answer when the load cannot. Default 0.
    #[serde(with = "human")]
    pub grace: Duration,
    /// How long no load is tried after one failed and a stale value answered. Default 30 s.
    ///
    /// The ttl of the entry bounds it.
    #[serde(with = "human")]
    pub throttle: Duration,
    /// The share by which a ttl is randomly shortened at most. Default 0 %.
    pub jitter: Percent,
    /// What answers while the backend cannot; `FailFast` only per function.
    pub fallback: Fallback,
    /// How long callers wait for a load of somebody else before they load themselves. Default 30 s.
    #[serde(with = "human")]
    pub patience: Duration,
    /// How long the lease of a load lives unless its holder prolongs it. Default 5 s.
    ///
    /// So long at most does a process that dies during a load hold up the others that want its value.
    #[serde(with = "human")]
    pub lease: Duration,
    /// How many loads one function runs at once while the backend is away. Default 64.
    ///
    /// Also bounds the callers that load side by side after a load failed.
    pub degraded_loads: usize,
    /// The memory tier.
    pub memory: Memory,
    /// What stands between the cache and a failing backend.
    pub resilience: Resilience,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(60 * 60),
            grace: Duration::ZERO,
            throttle: Duration::from_secs(30),
            jitter: Percent::new(0),
            fallback: Fallback::GracefulDegradation,
            patience: Duration::from_secs(30),
            lease: Duration::from_secs(5),
            degraded_loads: 64,
            memory: Memory::default(),
            resilience: Resilience::default(),
        }
    }
}

/// The memory tier: entries of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Memory {
    /// Most entries. Default 10 000.
    pub max_entries: u64,
    /// What entries of a cache with a backend are kept for.
    pub role: MemoryRole,
    /// Longest that an entry counts as fresh while the backend cannot answer. Default 30 min.
    #[serde(with = "human")]
    pub fallback_ttl: Duration,
}

/// What memory does for entries that are in the backend as well.
///
/// Caches without a backend, and sites with `tier = memory`, have memory as their only tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum MemoryRole {
    /// It answers first, for as long as changes are announced, and while the backend cannot answer.
    Tier,
    /// It answers only while the backend cannot.
    Fallback,
    /// Nothing.
    Off,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            max_entries: 10_000,
            role: MemoryRole::Tier,
            fallback_ttl: Duration::from_secs(30 * 60),
        }
    }
}

impl Memory {
    /// At most `entries` of this process.
    #[must_use]
    pub fn bounded(entries: u64) -> Self {
        Self { max_entries: entries, ..Self::default() }
    }

    /// At most `entries`, which answer only while the backend cannot.
    #[must_use]
    pub fn fallback_only(entries: u64) -> Self {
        Self { max_entries: entries, role: MemoryRole::Fallback, ..Self::default() }
    }

    /// Every entry from the backend, always: none is kept here.
    #[must_use]
    pub fn off() -> Self {
        Self { role: MemoryRole::Off, ..Self::default() }
    }
}

/// Limits around every operation on the backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Resilience {
    /// How long one operation may take. Default 500 ms.
    #[serde(with = "human")]
    pub attempt_timeout: Duration,
    /// How long everything that one call asks the backend may take. Default 1 s.
    #[serde(with = "human")]
    pub deadline: Duration,
    /// How long writes off the caller's path may take. Default 2 s.
    #[serde(with = "human")]
    pub write_deadline: Duration,
    /// Most writes under way off the callers' path; more are left out. Default 1 024.
    pub max_pending_writes: usize,
    /// Most invalidations kept for a backend that is away. Default 10 000.
    ///
    /// Beyond it they become one invalidation of the whole namespace. As many of the last 30 s are
    /// remembered after they arrived, for a successor of the node that may not know of them.
    pub max_journal: usize,
    /// How long an entry in memory is trusted after the last proof that changes of it are announced.
    /// Default 2 s.
    ///
    /// It bounds how long a process that was cut off without noticing serves what others have
    /// invalidated. Proofs are asked for four times as often. Sentinels are asked once a second whether the
    /// primary is one still, so with them less than 1.5 s leaves gaps in which nothing is trusted.
    #[serde(with = "human")]
    pub trust_window: Duration,
    /// The circuit breakers: two for each node of the backend, one of them for writes alone.
    pub breaker: BreakerSettings,
    /// Whether and when an operation is attempted again.
    pub retry: RetrySettings,
}

impl Default for Resilience {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_millis(500),
            deadline: Duration::from_secs(1),
            write_deadline: Duration::from_secs(2),
            max_pending_writes: 1_024,
            max_journal: 10_000,
            trust_window: Duration::from_secs(2),
            breaker: BreakerSettings::default(),
            retry: RetrySettings::default(),
        }
    }
}

impl Resilience {
    /// The numbers of the high-availability guide.
    ///
    /// Threshold 5, recovery 30 s, timeout 10 s, 3 attempts in total, 1 s and 2 s apart. One call may
    /// wait 33 s for a frozen backend; with the defaults it waits half a second.
    #[must_use]
    pub fn guide() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(33),
            write_deadline: Duration::from_secs(33),
            breaker: BreakerSettings {
                failure_threshold: 5,
                failure_ratio: Percent::new(100),
                minimum_calls: u32::MAX,
                recovery_time: Duration::from_secs(30),
                max_recovery_time: Duration::from_secs(30),
                recovery_jitter: Percent::new(0),
                half_open_successes: 1,
                ..BreakerSettings::default()
            },
            retry: RetrySettings {
                read_attempts: 3,
                write_attempts: 3,
                delay: Duration::from_secs(1),
                multiplier: 2.0,
                max_delay: Duration::from_secs(30),
                jitter: Jitter::None,
                after_timeout: true,
                ..RetrySettings::default()
            },
            ..Self::default()
        }
    }

    /// Checks everything together, and adds every fault.
    pub(crate) fn check(&self, faults: &mut Vec<String>) {
        let (breaker, retry) = (&self.breaker, &self.retry);
        for (name, value) in [
            ("breaker.failure_threshold", u64::from(breaker.failure_threshold)),
            ("breaker.half_open_successes", u64::from(breaker.half_open_successes)),
            ("breaker.minimum_calls", u64::from(breaker.minimum_calls)),
            ("max_pending_writes", self.max_pending_writes as u64),
            ("retry.read_attempts", u64::from(retry.read_attempts)),
            ("retry.write_attempts", u64::from(retry.write_attempts)),
        ] {
            if value < 1 {
                faults.push(format!("`resilience.{name}` is {value}, expected at least 1"));
            }
        }
        for (name, value) in [
            ("attempt_timeout", self.attempt_timeout),
            ("deadline", self.deadline),
            ("write_deadline", self.write_deadline),
            ("breaker.window", breaker.window),
            ("breaker.recovery_time", breaker.recovery_time),
            ("trust_window", self.trust_window),
        ] {
            if value < Duration::from_millis(1) {
                faults.push(format!("`resilience.{name}` is {value:?}, expected at least 1ms"));
            }
        }
        for (name, deadline) in
            [("deadline", self.deadline), ("write_deadline", self.write_deadline)]
        {
            if self.attempt_timeout > deadline {
                faults.push(format!(
                    "`resilience.attempt_timeout` is {:?}, expected at most `resilience.{name}`, \
                     {deadline:?}",
                    self.attempt_timeout
                ));
            }
        }
        if !(1.0..=100.0).contains(&retry.multiplier) {
            faults.push(format!(
                "`resilience.retry.multiplier` is {}, expected 1 to 100",
                retry.multiplier
            ));
        }
        if retry.delay > retry.max_delay {
            faults.push(format!(
                "`resilience.retry.delay` is {:?}, expected at most `resilience.retry.max_delay`, \
                 {:?}",
                retry.delay, retry.max_delay
            ));
        }
    }
}

/// Whether and when an operation on the backend is attempted again.
///
/// Only what may be repeated is, never while the breaker is open, and never past the deadline of the
/// call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetrySettings {
    /// Whether anything is attempted again at all. Default true.
    pub enabled: bool,
    /// Attempts of an operation that a caller waits for, the first one included. Default 2.
    pub read_attempts: u32,
    /// Attempts of one off the callers' path and of invalidations, the first included. Default 3.
    pub write_attempts: u32,
    /// The pause after the first attempt; before jitter. Default 50 ms.
    #[serde(with = "human")]
    pub delay: Duration,
    /// What each further pause is multiplied by. Default 2.
    pub multiplier: f64,
    /// The longest pause. Default 500 ms.
    #[serde(with = "human")]
    pub max_delay: Duration,
    /// How pauses are spread. Default full.
    pub jitter: Jitter,
    /// Whether a read that had no answer in time is attempted again. Default false.
    ///
    /// Its caller has waited for a whole attempt timeout; the function is the better source then.
    pub after_timeout: bool,
    /// Retries as a share of the operations of the last 10 s. Default 20 %.
    pub budget: Percent,
    /// Retries per second that there may always be, on average over 10 s. Default 3.
    pub min_per_second: u32,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            read_attempts: 2,
            write_attempts: 3,
            delay: Duration::from_millis(50),
            multiplier: 2.0,
            max_delay: Duration::from_millis(500),
            jitter: Jitter::Full,
            after_timeout: false,
            budget: Percent::new(20),
            min_per_second: 3,
        }
    }
}

impl RetrySettings {
    /// What holds for an operation, by who waits for it.
    pub(crate) fn attempts(&self, wait: Wait) -> Backoff {
        let max_attempts = match wait {
            _ if !self.enabled => 1,
            Wait::Caller => self.read_attempts,
            Wait::Nobody => self.write_attempts,
        };
        let Self { delay: base, multiplier, max_delay: cap, jitter, .. } = *self;
        Backoff { max_attempts, base, multiplier, cap, jitter }
    }

    pub(crate) fn budget(&self) -> BudgetSettings {
        BudgetSettings { share: self.budget, minimum: self.min_per_second }
    }
}

/// How pauses between attempts are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Jitter {
    /// Anywhere from none to the whole pause.
    Full,
    /// Exactly the pause.
    None,
}

/// When the breaker opens, and how it closes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakerSettings {
    /// Whether there is a breaker at all. Default true.
    pub enabled: bool,
    /// Failures in a row that open it. Default 5.
    pub failure_threshold: u32,
    /// Share of failures in the window that opens it. Default 50 %.
    pub failure_ratio: Percent,
    /// Calls the window must hold for the share to count. Default 20.
    pub minimum_calls: u32,
    /// Length of the window. Default 10 s.
    #[serde(with = "human")]
    pub window: Duration,
    /// How long it stays open the first time; each further time twice as long. Default 5 s.
    #[serde(with = "human")]
    pub recovery_time: Duration,
    /// Longest it stays open. Default 30 s.
    #[serde(with = "human")]
    pub max_recovery_time: Duration,
    /// Spread of the recovery time, up and down, so that instances do not probe together. Default 20 %.
    pub recovery_jitter: Percent,
    /// Probes that must succeed one after another before it closes. Default 2.
    pub half_open_successes: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            failure_threshold: 5,
            failure_ratio: Percent::new(50),
            minimum_calls: 20,
            window: Duration::from_secs(10),
            recovery_time: Duration::from_secs(5),
            max_recovery_time: Duration::from_secs(30),
            recovery_jitter: Percent::new(20),
            half_open_successes: 2,
        }
    }
}

/// A lease is prolonged three times in its life, which takes a round trip each.
const SHORTEST_LEASE: Duration = Duration::from_millis(100);

impl Settings {
    /// Checks everything together; the error lists every fault.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        for (name, value) in [
            ("degraded_loads", self.degraded_loads as u64),
            ("memory.max_entries", self.memory.max_entries),
        ] {
            if value < 1 {
                faults.push(format!("`{name}` is {value}, expected at least 1"));
            }
        }
        if self.patience < Duration::from_millis(1) {
            faults.push(format!("`patience` is {:?}, expected at least 1ms", self.patience));
        }
        if self.lease < SHORTEST_LEASE {
            faults
                .push(format!("`lease` is {:?}, expected at least {SHORTEST_LEASE:?}", self.lease));
        }
        self.resilience.check(&mut faults);
        if self.fallback == Fallback::FailFast {
            faults.push(
                "`fallback` is FailFast, expected GracefulDegradation, ServeStale or OriginOnly; \
                 FailFast needs an error type that carries the cache's, so it is set per function"
                    .to_owned(),
            );
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::settings(faults.join("; "))) }
    }

    pub(crate) fn defaults(&self) -> Defaults {
        Defaults {
            ttl: self.ttl,
            grace: self.grace,
            throttle: self.throttle,
            jitter: self.jitter,
            fallback: self.fallback,
        }
    }
}

/// Durations as people write them.
mod human {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*duration))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(|reason| {
            D::Error::custom(format!(
                "invalid duration `{text}`: {reason}; expected something like `250ms`, `5s` or `1h 30m`"
            ))
        })
    }
}
