//! What answers while the backend cannot.

use serde::{Deserialize, Serialize};

use super::freshness::Verdict;

/// The order in which other sources are asked when the backend cannot answer.
///
/// What is served without the backend's word is flagged `degraded` in the outcome. A miss in the
/// fallback is a miss: the function runs, there is no default value.
///
/// ```
/// use athena_cache_core::{Cache, Fallback};
///
/// let cache = Cache::builder("shop").fallback(Fallback::ServeStale).build()?;
/// # Ok::<(), athena_cache_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Fallback {
    /// A fresh memory copy, then the function, then a stale copy within grace.
    #[default]
    GracefulDegradation,
    /// A memory copy, fresh or within grace, then the function.
    ServeStale,
    /// A fresh memory copy, then an error of the cache.
    FailFast,
    /// The function, always.
    OriginOnly,
}

/// What a fallback decides for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Serve the memory copy.
    Serve,
    /// Run the function; keep the copy, if any, for the case that it fails.
    Load,
    /// Run the function, whatever memory holds.
    LoadOnly,
    /// Return the backend's failure.
    Fail,
}

impl Fallback {
    /// Decides from what is in memory; `None` if nothing is.
    pub(crate) fn plan(self, copy: Option<Verdict>) -> Plan {
        use Verdict::{Expired, Fresh, Refresh, Stale};
        match (self, copy) {
            (Self::OriginOnly, _) => Plan::LoadOnly,
            (_, Some(Fresh | Refresh)) | (Self::ServeStale, Some(Stale)) => Plan::Serve,
            (Self::FailFast, Some(Stale | Expired) | None) => Plan::Fail,
            (_, Some(Stale)) => Plan::Load,
            (_, Some(Expired) | None) => Plan::LoadOnly,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fallback::{FailFast, GracefulDegradation, OriginOnly, ServeStale};
    use super::Plan::{Fail, Load, LoadOnly, Serve};
    use crate::policy::freshness::Verdict::{Expired, Fresh, Stale};

    #[test]
    fn a_strategy_is_an_order_of_sources() {
        for (strategy, copy, plan) in [
            (GracefulDegradation, Some(Fresh), Serve),
            (GracefulDegradation, Some(Stale), Load),
            (GracefulDegradation, Some(Expired), LoadOnly),
            (GracefulDegradation, None, LoadOnly),
            (ServeStale, Some(Fresh), Serve),
            (ServeStale, Some(Stale), Serve),
            (ServeStale, None, LoadOnly),
            (FailFast, Some(Fresh), Serve),
            (FailFast, Some(Stale), Fail),
            (FailFast, None, Fail),
            (OriginOnly, Some(Fresh), LoadOnly),
            (OriginOnly, None, LoadOnly),
        ] {
            assert_eq!(strategy.plan(copy), plan, "{strategy:?} with {copy:?}");
        }
    }
}
