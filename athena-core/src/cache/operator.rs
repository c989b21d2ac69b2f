//! What operators may ask of a cache's backend.

use std::sync::Arc;

use super::Cache;
use crate::backend::operate::Operator;

impl Cache {
    /// What may be asked of the backend beside entries: who is there, what is stored, what is wrong.
    ///
    /// `None` without a backend, with one that tells nothing, and while it is [isolated](Self::isolate): then nobody is
    /// asked anything.
    pub fn operator(&self) -> Option<Arc<dyn Operator>> {
        self.runtime().remote().and_then(|remote| remote.operator())
    }
}
