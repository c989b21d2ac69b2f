//! Which loads the current call is part of, so that none waits for itself (behaviour S8).

use std::future::Future;
use std::sync::Arc;

use super::Flight;

tokio::task_local! {
    /// The flights whose loads the current call is part of.
    static LEADING: Arc<Chain>;
}

/// The flights of one load, of which a batch has many, and those in whose load they were begun.
///
/// A link for each load, not for each flight: how deep it gets is how deep loads call each other.
struct Chain {
    flights: Box<[Arc<Flight>]>,
    outer: Option<Arc<Chain>>,
}

impl Chain {
    fn contains(&self, flight: &Arc<Flight>) -> bool {
        let chain = std::iter::successors(Some(self), |chain| chain.outer.as_deref());
        chain.flat_map(|chain| &chain.flights).any(|there| Arc::ptr_eq(there, flight))
    }
}

/// The loads that somebody is part of.
pub(crate) struct Leading(Arc<Chain>);

impl Leading {
    /// Those of the current call, if it is part of any.
    pub(crate) fn here() -> Option<Self> {
        LEADING.try_with(Arc::clone).ok().map(Self)
    }

    /// Runs something as part of them.
    pub(crate) fn enter<T>(&self, part: impl FnOnce() -> T) -> T {
        LEADING.sync_scope(Arc::clone(&self.0), part)
    }
}

impl std::fmt::Debug for Leading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Leading").field(&self.0.flights.len()).finish()
    }
}

impl Flight {
    /// Whether the caller is part of this flight's own load, which would wait for itself.
    pub(crate) fn is_led_here(self: &Arc<Self>) -> bool {
        LEADING.try_with(|chain| chain.contains(self)).unwrap_or(false)
    }

    /// Whether the caller is part of any flight's load.
    pub(crate) fn is_any_led_here() -> bool {
        LEADING.try_with(|_| ()).is_ok()
    }

    /// Runs a load of this flight so that calls inside it are known to belong to it.
    pub(crate) async fn led_here<F: Future>(self: &Arc<Self>, load: F) -> F::Output {
        Self::all_led_here(std::slice::from_ref(self), load).await
    }

    /// Runs a load of several flights.
    pub(crate) async fn all_led_here<F: Future>(flights: &[Arc<Self>], load: F) -> F::Output {
        let outer = LEADING.try_with(Arc::clone).ok();
        let flights = flights.iter().map(Arc::clone).collect();
        LEADING.scope(Arc::new(Chain { flights, outer }), load).await
    }
}
