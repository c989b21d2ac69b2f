//! What a page may do, told by its type.

use std::sync::Arc;

use axum::Router;

use crate::caches::Caches;

/// What a page may do.
pub(super) trait Acts {
    /// The actions, as the page is told of them; none where it only shows.
    const NAMES: &'static [&'static str];

    /// Their routes.
    fn routes<S: Clone + Send + Sync + 'static>(self, caches: &Arc<Caches>) -> Router<S>;
}

impl Acts for WatchOnly {
    const NAMES: &'static [&'static str] = &[];

    fn routes<S: Clone + Send + Sync + 'static>(self, _: &Arc<Caches>) -> Router<S> {
        Router::new()
    }
}

/// A page that only shows.
#[derive(Debug, Clone)]
pub struct WatchOnly(());

impl WatchOnly {
    pub(super) fn new() -> Self {
        Self(())
    }
}
