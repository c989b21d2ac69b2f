//! Why a cache did not do what it was asked: it goes on without telling its callers.

use std::sync::{Arc, Mutex, PoisonError};

use athena_cache_core::backend::Class;
use athena_cache_core::{Event, Observer};

/// Remembers the last failure of the backend, or one of rights if there was any; clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Option<(String, Class)>>>);

impl Witness {
    /// What failed since it was asked last.
    pub(super) fn last(&self) -> Option<(String, Class)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Observer for Witness {
    fn observe(&self, event: &Event<'_>) {
        let (Event::BackendFailed { failure, .. } | Event::Refused { failure, .. }) = event else {
            return;
        };
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_denied = last.as_ref().is_some_and(|(_, class)| *class == Class::Denied);
        if !is_denied {
            *last = Some((failure.to_string(), failure.class()));
        }
    }
}
