//! One limit for everything that a call does to the backend.

use std::time::Duration;

use crate::clock::Tick;

/// The moment after which a call asks the backend nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline(Tick);

/// How a caller waits, which decides for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// In a future.
    Async,
    /// In a thread that stands still meanwhile.
    Blocking,
}

impl Deadline {
    pub(crate) fn after(now: Tick, limit: Duration) -> Self {
        Self(now.after(limit))
    }

    /// How long one attempt may take; `None` once the deadline has passed.
    pub(crate) fn attempt(self, now: Tick, timeout: Duration) -> Option<Duration> {
        let left = self.left(now);
        (!left.is_zero()).then(|| left.min(timeout))
    }

    /// What is left; zero once it has passed.
    pub(crate) fn left(self, now: Tick) -> Duration {
        self.0.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::Deadline;
    use crate::clock::Tick;
    use std::time::Duration;

    #[test]
    fn an_attempt_gets_its_timeout_or_what_is_left() {
        let start = Tick::from_millis(1_000);
        let deadline = Deadline::after(start, Duration::from_secs(1));
        let timeout = Duration::from_millis(400);
        assert_eq!(deadline.attempt(start, timeout), Some(timeout));
        let late = Tick::from_millis(1_900);
        assert_eq!(deadline.attempt(late, timeout), Some(Duration::from_millis(100)));
        assert_eq!(deadline.attempt(Tick::from_millis(2_000), timeout), None);
    }

    #[test]
    fn what_is_left_ends_at_zero() {
        let deadline = Deadline::after(Tick::from_millis(1_000), Duration::from_secs(1));
        for (now, left) in [(1_000, 1_000), (1_999, 1), (2_000, 0), (9_000, 0)] {
            assert_eq!(deadline.left(Tick::from_millis(now)), Duration::from_millis(left));
        }
    }
}
