//! The limits around operations on the backend, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::breaker::BreakerSettings;
use super::retry::{Jitter, RetrySettings};
use crate::duration::shown;
use crate::policy::Percent;

/// How long callers may be held up by a backend that hangs.
const LONGEST_DEADLINE: Duration = Duration::from_secs(3_600);

/// Limits around every operation on the backend.
///
/// ```
/// use std::time::Duration;
/// use athena_cache_core::{Cache, Resilience};
///
/// let mut limits = Resilience::default();
/// limits.attempt_timeout = Duration::from_millis(200);
/// limits.breaker.failure_threshold = 3;
/// let cache = Cache::builder("shop").resilience(limits).build()?;
/// # Ok::<(), athena_cache_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Resilience {
    /// How long one operation may take. Default 500 ms.
    #[serde(with = "crate::duration")]
    pub attempt_timeout: Duration,
    /// How long everything that one call asks the backend may take, 1 h at most. Default 1 s.
    #[serde(with = "crate::duration")]
    pub deadline: Duration,
    /// The same for a call of a function that is not `async`, whose thread stands still meanwhile. Default 1 s.
    #[serde(with = "crate::duration")]
    pub blocking_deadline: Duration,
    /// How long writes off the caller's path may take, 1 h at most. Default 2 s.
    #[serde(with = "crate::duration")]
    pub write_deadline: Duration,
    /// Most writes under way off the callers' path; more are left out. Default 1 024.
    #[serde(with = "crate::count")]
    pub max_pending_writes: usize,
    /// The largest value that goes to the backend, in bytes as they are stored there. Default 16 MiB.
    ///
    /// What is larger stays in this process, as long as a result does that the backend did not take, and is
    /// loaded by each process for itself (`Stats::too_large`). A node may take less: Redis what its
    /// `proto-max-bulk-len` says, which is found out, and what `RedisConfig::max_reply` lets back in, 64 MiB less
    /// 64 KiB. With `"unlimited"` the smaller of these is the limit. In a file it may have a unit: `"64 MiB"`, see
    /// [`size`](crate::size).
    #[serde(with = "crate::size")]
    pub max_value: u64,
    /// Most invalidations kept for a backend that is away. Default 10 000.
    ///
    /// Beyond it they become one invalidation of the whole namespace. As many of the last 30 s are
    /// remembered after they arrived, for a successor of the node that may not know of them.
    #[serde(with = "crate::count")]
    pub max_journal: usize,
    /// How long an entry in memory is trusted after the last proof that changes of it are announced.
    /// Default 2 s.
    ///
    /// It bounds how long a process that was cut off without noticing serves what others have
    /// invalidated. Proofs are asked for four times as often. Sentinels are asked once a second whether the
    /// primary is one still, so with them less than 1.5 s leaves gaps in which nothing is trusted.
    #[serde(with = "crate::duration")]
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
            blocking_deadline: Duration::from_secs(1),
            write_deadline: Duration::from_secs(2),
            max_pending_writes: 1_024,
            max_value: 16 * 1024 * 1024,
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
    /// wait 33 s for a frozen backend, and 5 s if its function is not `async`; with the defaults it waits half a second.
    #[must_use]
    pub fn guide() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(33),
            blocking_deadline: Duration::from_secs(5),
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
        self.check_counts(faults);
        self.check_durations(faults);
        self.check_deadlines(faults);
        self.check_order(faults);
        let multiplier = self.retry.multiplier;
        if !(1.0..=100.0).contains(&multiplier) {
            faults.push(format!(
                "`resilience.retry.multiplier` is {multiplier:?}, expected 1 to 100"
            ));
        }
    }

    fn check_counts(&self, faults: &mut Vec<String>) {
        let (breaker, retry) = (&self.breaker, &self.retry);
        for (name, value) in [
            ("breaker.failure_threshold", u64::from(breaker.failure_threshold)),
            ("breaker.half_open_successes", u64::from(breaker.half_open_successes)),
            ("breaker.minimum_calls", u64::from(breaker.minimum_calls)),
            ("max_journal", self.max_journal as u64),
            ("max_pending_writes", self.max_pending_writes as u64),
            ("max_value", self.max_value),
            ("retry.read_attempts", u64::from(retry.read_attempts)),
            ("retry.write_attempts", u64::from(retry.write_attempts)),
        ] {
            if value < 1 {
                faults.push(format!("`resilience.{name}` is {value}, expected at least 1"));
            }
        }
    }

    fn check_durations(&self, faults: &mut Vec<String>) {
        for (name, value) in [
            ("attempt_timeout", self.attempt_timeout),
            ("deadline", self.deadline),
            ("blocking_deadline", self.blocking_deadline),
            ("write_deadline", self.write_deadline),
            ("breaker.window", self.breaker.window),
            ("breaker.recovery_time", self.breaker.recovery_time),
            ("trust_window", self.trust_window),
        ] {
            if value < Duration::from_millis(1) {
                faults.push(format!("`resilience.{name}` is {value:?}, expected at least 1ms"));
            }
        }
    }

    /// How long callers wait for a backend at most must have an end, whatever else has none.
    fn check_deadlines(&self, faults: &mut Vec<String>) {
        for (name, value) in [
            ("deadline", self.deadline),
            ("blocking_deadline", self.blocking_deadline),
            ("write_deadline", self.write_deadline),
        ] {
            if value > LONGEST_DEADLINE {
                let value = shown(value);
                faults.push(format!(
                    "`resilience.{name}` is {value}, expected at most 1h: callers wait as long for a \
                     backend that hangs"
                ));
            }
        }
    }

    /// What must not be longer than something else.
    fn check_order(&self, faults: &mut Vec<String>) {
        let (attempt, retry) = (self.attempt_timeout, &self.retry);
        for (name, value, longest, limit) in [
            ("attempt_timeout", attempt, "deadline", self.deadline),
            ("attempt_timeout", attempt, "write_deadline", self.write_deadline),
            ("retry.delay", retry.delay, "retry.max_delay", retry.max_delay),
        ] {
            if value > limit {
                let [value, limit] = [value, limit].map(shown);
                faults.push(format!(
                    "`resilience.{name}` is {value}, expected at most `resilience.{longest}`, {limit}"
                ));
            }
        }
    }
}
