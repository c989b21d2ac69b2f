//! Which link serves a name.
//!
//! Invariant: nothing outside this file knows how many nodes there are.

use std::time::Duration;

use athena_cache_core::backend::Failure;

use crate::config::Settings;
use crate::link::Link;

/// The nodes of one Redis.
#[derive(Debug)]
pub(crate) enum Topology {
    /// One node serves everything.
    Standalone(Link),
}

impl Topology {
    pub(crate) fn new(settings: Settings) -> Self {
        Self::Standalone(Link::new(settings))
    }

    /// The link to the node that serves a name, and with it all names of the same slot.
    pub(crate) fn link(&self, _name: &str) -> &Link {
        match self {
            Self::Standalone(link) => link,
        }
    }

    /// Every node that holds part of the data.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        match self {
            Self::Standalone(link) => std::iter::once(link),
        }
    }

    /// Waits for the outcome of the first attempts to connect.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        for link in self.links() {
            link.connect().await?;
        }
        Ok(())
    }

    /// Counts the connections made so far, on all links together.
    pub(crate) fn limit_attempts(&self, timeout: Duration) {
        self.links().for_each(|link| link.limit_attempts(timeout));
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.links().map(Link::epoch).sum()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.links().all(Link::is_ready)
    }

    pub(crate) fn endpoint(&self) -> String {
        self.links().map(Link::endpoint).collect::<Vec<_>>().join(",")
    }

    /// Ends all tasks and closes all sockets.
    pub(crate) async fn close(&self) {
        for link in self.links() {
            link.close().await;
        }
    }
}
