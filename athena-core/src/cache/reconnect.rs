//! New connections, when an operator asks for them.

use super::Cache;
use crate::resilience::breaker::BreakerState;

/// What became of a request for new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reconnection {
    /// They are being made.
    Begun,
    /// Nothing was done: nothing is sent to the backend, since it is [isolated](Cache::isolate).
    Isolated,
    /// Nothing was done: there is no backend, or it has no connections.
    NoBackend,
}

impl Cache {
    /// Connects to each node of the backend anew, for operators who know better; waits for nothing.
    ///
    /// Open connections go on until the new ones answer. One on which nothing comes back is replaced by itself, and a
    /// node that is not reached is tried again by itself: a node that has just been tried is left to that. Of several
    /// [regions](crate::Settings::regions) it is about the one that is used.
    ///
    /// ```
    /// use athena_cache_core::{Cache, Reconnection};
    ///
    /// assert_eq!(Cache::in_memory("shop").reconnect(), Reconnection::NoBackend);
    /// ```
    pub fn reconnect(&self) -> Reconnection {
        let Some(remote) = self.0.remote() else { return Reconnection::NoBackend };
        if self.breaker() == Some(BreakerState::Isolated) {
            return Reconnection::Isolated;
        }
        let Some(operator) = remote.operator() else { return Reconnection::NoBackend };
        operator.reconnect();
        Reconnection::Begun
    }
}
