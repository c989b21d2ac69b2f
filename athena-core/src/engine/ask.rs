//! One call, as the engine is asked about it.

use std::sync::{Arc, OnceLock};

use crate::backend::Token;
use crate::codec::Wire;
use crate::engine::waited::Waited;
use crate::key::Key;
use crate::key::name::EntryName;
use crate::policy::Policy;
use crate::remote::{Address, Wanted};
use crate::runtime::Runtime;
use crate::shape::{Errors, Judge, Shape};
use crate::tag::{Tag, TagExcess, Tags};

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
    pub(crate) destination: Destination<V>,
    /// Values that are not kept.
    pub(crate) unless: Option<Arc<Judge<V>>>,
    /// Tags that only the value knows.
    pub(crate) tags_from: Option<Arc<Label<V>>>,
    pub(crate) names: AskNames,
    pub(crate) waited: Waited,
}

/// Where the values of a call are kept beside memory.
#[derive(Debug)]
pub(crate) enum Destination<V> {
    /// Nowhere: they are this process's own.
    Here,
    /// Nowhere, since the cache has no backend; one would get them as these bytes.
    Rehearsed(Wire<V>),
    /// In the backend, as bytes that only this fingerprint reads.
    Backend { wire: Wire<V>, fingerprint: u64 },
    /// Nowhere. Other processes may invalidate them all the same, and nobody would hear of it here
    /// (coherence 18).
    Confined(Confinement),
}

/// Why values do not go to the backend that the cache has.
#[derive(Debug, Clone)]
pub(crate) enum Confinement {
    /// Their type cannot be read back.
    Type(Arc<str>),
    Tags(TagExcess),
}

/// What decides where the values of a call are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Labelled<'a> {
    pub(crate) key: &'a Key,
    pub(crate) site: Option<u32>,
    pub(crate) policy: &'a Policy,
    pub(crate) tags: &'a Tags,
}

impl<V: 'static> Destination<V> {
    /// Where values go that are written like this, if they go anywhere.
    pub(crate) fn of(wire: Option<Wire<V>>, runtime: &Runtime, call: Labelled<'_>) -> Self {
        let Labelled { key, site, policy, tags } = call;
        let Some(wire) = wire.filter(|_| !policy.memory_only) else {
            return Self::Here;
        };
        if runtime.remote.is_none() {
            return Self::Rehearsed(wire);
        }
        match (runtime.fingerprint(wire, key, site, policy.version), tags.check()) {
            (Ok(fingerprint), Ok(())) => Self::Backend { wire, fingerprint },
            (Ok(_), Err(excess)) => Self::Confined(Confinement::Tags(excess)),
            (Err(reason), _) => Self::Confined(Confinement::Type(reason.into())),
        }
    }

    /// The same for a function whose errors are remembered as well: what is read depends on both.
    pub(crate) fn with_errors(self, of_errors: u64) -> Self {
        match self {
            Self::Backend { wire, fingerprint } => {
                Self::Backend { wire, fingerprint: fingerprint ^ of_errors.rotate_left(17) }
            }
            other => other,
        }
    }
}

impl<V> Clone for Destination<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Here => Self::Here,
            Self::Rehearsed(wire) => Self::Rehearsed(*wire),
            Self::Backend { wire, fingerprint } => {
                Self::Backend { wire: *wire, fingerprint: *fingerprint }
            }
            Self::Confined(confinement) => Self::Confined(confinement.clone()),
        }
    }
}

/// The names of the entry in the backend, each made when it is asked for first.
#[derive(Debug, Clone, Default)]
pub(crate) struct AskNames {
    entry: OnceLock<EntryName>,
    address: OnceLock<Option<Arc<Address>>>,
}

/// The same for another load, which has waited for nothing yet.
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
            destination: self.destination.clone(),
            unless: self.unless.clone(),
            tags_from: self.tags_from.clone(),
            names: self.names.clone(),
            waited: Waited::default(),
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
        let Destination::Backend { wire, fingerprint } = self.destination else { return None };
        let whose = (self.key.clone(), self.site);
        Some(Address::new(whose, self.entry_name().clone(), wire.codec, fingerprint))
    }

    /// What a lease is asked for with.
    pub(super) fn wanted(&self, token: Token) -> Wanted<'_> {
        Wanted {
            token,
            life: self.runtime.settings.lease,
            entry_life: self.policy.longest_life(),
            tags: &self.tags,
            late_tags: self.tags_from.is_some(),
        }
    }

    /// Whether other processes may change what its values come from.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.destination, Destination::Backend { .. } | Destination::Confined(_))
    }
}
