//! How long what a load came to is kept.

use std::time::Duration;

use super::freshness::Life;
use super::{LONGEST, Policy};

impl Policy {
    /// The life of a value, which may know itself how long it is fresh.
    pub(crate) fn life(&self, of_value: Option<Duration>) -> Life {
        Life { ttl: of_value.map_or(self.ttl, |ttl| ttl.min(LONGEST)), grace: self.grace }
    }

    /// The life of the knowledge that there is no value: like one, unless it has a ttl of its own.
    pub(crate) fn life_of_absence(&self) -> Life {
        match self.negative_ttl {
            Some(ttl) => Life { ttl, grace: Duration::ZERO },
            None => self.life(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Defaults, Fallback, Percent, SitePolicy};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_value_may_tell_its_own_ttl_and_nothing_has_one_of_its_own() {
        let defaults = Defaults {
            ttl: SECOND,
            grace: 2 * SECOND,
            throttle: SECOND,
            jitter: Percent::new(0),
            fallback: Fallback::GracefulDegradation,
        };
        let policy = SitePolicy::default().over(&defaults);
        for (of_value, ttl) in [
            (None, SECOND),
            (Some(Duration::ZERO), Duration::ZERO),
            (Some(5 * SECOND), 5 * SECOND),
            (Some(Duration::MAX), LONGEST),
        ] {
            assert_eq!(policy.life(of_value), Life { ttl, grace: 2 * SECOND });
        }
        assert_eq!(policy.life_of_absence(), policy.life(None));
        let policy = Policy { negative_ttl: Some(3 * SECOND), ..policy };
        let life = Life { ttl: 3 * SECOND, grace: Duration::ZERO };
        assert_eq!(policy.life_of_absence(), life);
    }
}
