//! Who hears events.

use std::fmt;

use super::event::Event;

/// Hears events. Called in the caller's task: be quick, never block.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use athena_cache_core::{Cache, Event, Observer};
///
/// #[derive(Debug, Default)]
/// struct Misses(AtomicU64);
///
/// impl Observer for Misses {
///     fn observe(&self, event: &Event<'_>) {
///         if let Event::Miss { .. } = event {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let cache = Cache::builder("shop").observer(Misses::default()).build()?;
/// # Ok::<(), athena_cache_core::Error>(())
/// ```
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Hears one event.
    fn observe(&self, event: &Event<'_>);

    /// Whether fresh hits are wanted as well; they cost an allocation each. Default no.
    fn wants_hits(&self) -> bool {
        false
    }

    /// Whether [`Answered`](Event::Answered) and [`Asked`](Event::Asked) are wanted as well: one for each call that
    /// memory does not answer at once, and for each exchange with the backend. Default no.
    fn wants_calls(&self) -> bool {
        false
    }
}
