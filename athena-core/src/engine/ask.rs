//! One call, as the engine is asked about it.

use std::sync::Arc;

use crate::codec::Wire;
use crate::key::Key;
use crate::policy::Policy;
use crate::runtime::Runtime;
use crate::shape::{Errors, Judge, Shape};
use crate::tag::{Tag, Tags};

/// Everything the engine needs to know about one call, but its load.
pub(crate) struct Ask<R, V, E> {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) key: Key,
    /// The number of the function; `None` for entries named by hand.
    pub(crate) site: Option<u32>,
    pub(crate) policy: Policy,
    pub(crate) tags: Tags,
    pub(crate) shape: Shape<R, V, E>,
    pub(crate) errors: Errors<E>,
    /// `None` keeps the values in this process.
    pub(crate) wire: Option<Wire<V>>,
    /// Values that are not kept.
    pub(crate) unless: Option<Arc<Judge<V>>>,
    /// Tags that only the value knows.
    pub(crate) tags_from: Option<Arc<Label<V>>>,
}

impl<R, V, E> Clone for Ask<R, V, E> {
    fn clone(&self) -> Self {
        Self {
            runtime: Arc::clone(&self.runtime),
            key: self.key.clone(),
            site: self.site,
            policy: self.policy,
            tags: self.tags.clone(),
            shape: self.shape,
            errors: self.errors.clone(),
            wire: self.wire,
            unless: self.unless.clone(),
            tags_from: self.tags_from.clone(),
        }
    }
}

/// Names the tags of a value.
pub(crate) type Label<V> = dyn Fn(&V) -> Vec<Tag> + Send + Sync;
