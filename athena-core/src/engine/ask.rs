//! One call, as the engine is asked about it.

use std::sync::{Arc, OnceLock};

use crate::codec::Wire;
use crate::key::Key;
use crate::key::name::EntryName;
use crate::policy::Policy;
use crate::remote::Address;
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
    pub(crate) names: AskNames,
}

/// The names of the entry in the backend, each made when it is asked for first.
#[derive(Debug, Clone, Default)]
pub(crate) struct AskNames {
    entry: OnceLock<EntryName>,
    address: OnceLock<Option<Arc<Address>>>,
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
            names: self.names.clone(),
        }
    }
}

/// Names the tags of a value.
pub(crate) type Label<V> = dyn Fn(&V) -> Vec<Tag> + Send + Sync;

impl<R, V, E> Ask<R, V, E> {
    /// What all names of the entry in the backend share.
    pub(super) fn entry_name(&self) -> &EntryName {
        self.names.entry.get_or_init(|| self.runtime.namespace.entry(&self.key))
    }

    /// Where this call's entry is in the backend; `None` if values of its type do not go there.
    pub(super) fn address(&self) -> Option<&Arc<Address>> {
        self.names.address.get_or_init(|| self.find_address().map(Arc::new)).as_ref()
    }

    fn find_address(&self) -> Option<Address> {
        let wire = self.wire.as_ref()?;
        let version = self.policy.version;
        let of_errors = self.errors.remember.as_ref().and_then(|remember| remember.wire);
        let fingerprint = wire.fingerprint(version).ok()?;
        let of_errors = of_errors.map_or(Ok(0), |wire| wire.fingerprint(version)).ok()?;
        let fingerprint = fingerprint ^ of_errors.rotate_left(17);
        Some(Address::new(self.entry_name().clone(), wire.codec, fingerprint))
    }
}
