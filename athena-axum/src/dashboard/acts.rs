//! What a page may do, told by its type.

use std::sync::Arc;

use axum::Router;

use crate::caches::Caches;

/// Actions whose answers are full of addresses, and of what servers say.
const IN_DETAIL: [&str; 1] = ["examine"];

/// What a page may do.
pub(super) trait Acts {
    /// The actions, as the page is told of them; none where it only shows.
    const NAMES: &'static [&'static str];

    /// Those of them that there are: what tells of addresses is not there without details.
    fn names(details: bool) -> Vec<&'static str> {
        let is_there = |name: &&str| details || !IN_DETAIL.contains(name);
        Self::NAMES.iter().copied().filter(is_there).collect()
    }

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
