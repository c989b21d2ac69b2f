//! How far something is that goes through all names.

use std::fmt;
use std::sync::Arc;

/// How far a backup, a restore or a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many values and generations are done with.
    pub done: u64,
    /// Of how many; `None` where nobody knows before the end.
    pub total: Option<u64>,
}

/// Who hears of it.
#[derive(Clone, Default)]
pub(crate) struct ProgressListener(Option<Arc<dyn Fn(Progress) + Send + Sync>>);

impl ProgressListener {
    pub(crate) fn new(listener: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    pub(super) fn tell(&self, done: u64, total: Option<u64>) {
        if let Some(listener) = &self.0 {
            listener(Progress { done, total });
        }
    }
}

impl fmt::Debug for ProgressListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressListener").finish_non_exhaustive()
    }
}
