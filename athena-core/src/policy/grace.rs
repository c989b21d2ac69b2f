//! When a stale value may answer, and how soon a failed load is tried again.

use std::time::Duration;

/// How long no further load is tried after one failed and a stale value answered (G1).
///
/// The configured throttle, at most the ttl, so that short-lived entries recover quickly.
pub(crate) fn throttle(configured: Duration, ttl: Duration) -> Duration {
    configured.min(ttl)
}

/// How long a failed eager refresh waits before the next: a tenth of the fresh time that is left.
///
/// So the attempts get closer together towards the expiry, and there is always a next one before it.
pub(crate) fn refresh_backoff(fresh_left: Duration) -> Duration {
    (fresh_left / 10).max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::{refresh_backoff, throttle};
    use std::time::Duration;

    #[test]
    fn the_throttle_is_at_most_the_ttl() {
        let configured = Duration::from_secs(30);
        assert_eq!(throttle(configured, Duration::from_secs(300)), configured);
        assert_eq!(throttle(configured, Duration::from_secs(2)), Duration::from_secs(2));
    }

    #[test]
    fn a_refresh_is_tried_again_before_the_expiry() {
        let left = Duration::from_secs(20);
        assert!(refresh_backoff(left) < left);
        assert_eq!(refresh_backoff(Duration::ZERO), Duration::from_millis(1));
    }
}
