//! One call, as the engine is asked about it.

use std::any::TypeId;
use std::sync::{Arc, OnceLock};

use crate::backend::Token;
use crate::codec::Coding;
use crate::engine::waited::Waited;
use crate::key::Key;
use crate::key::name::EntryName;
use crate::policy::Policy;
use crate::remote::{Address, RegionPlace, Wanted};
use crate::resilience::deadline::Manner;
use crate::runtime::Runtime;
use crate::shape::Typing;
use crate::tag::{TagExcess, Tags};

/// Everything the engine needs to know about one call, but its load.
pub(crate) struct Ask {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) key: Key,
    /// The number of the function; `None` for entries named by hand.
    pub(crate) site: Option<u32>,
    pub(crate) policy: Policy,
    pub(crate) tags: Tags,
    pub(crate) typing: Typing,
    pub(crate) destination: Destination,
    /// Whether there are tags that only the value knows.
    pub(crate) has_late_tags: bool,
    pub(crate) manner: Manner,
    pub(crate) names: AskNames,
    /// Where it looks and stores, to its end.
    pub(crate) region: RegionPlace,
    pub(crate) waited: Waited,
}

/// Where the values of a call are kept beside memory.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// Nowhere: they are this process's own.
    Here,
    /// Nowhere, since the cache has no backend; one would get them as these bytes.
    Rehearsed(Coding),
    /// In the backend, as bytes that only this fingerprint reads.
    Backend { coding: Coding, fingerprint: u64 },
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
    /// The type of its values.
    pub(crate) value: TypeId,
}

impl Labelled<'_> {
    /// The fingerprint of a type, or why its values are not read back.
    pub(crate) fn fingerprint(&self, runtime: &Runtime, coding: Coding) -> Result<u64, String> {
        runtime.fingerprint(coding, self.value, self.key, self.site, self.policy.version)
    }
}

impl Destination {
    /// Where values go that are written like this, if they go anywhere.
    pub(crate) fn of(coding: Option<Coding>, runtime: &Runtime, call: Labelled<'_>) -> Self {
        let Labelled { policy, tags, .. } = call;
        let Some(coding) = coding.filter(|_| !policy.memory_only) else {
            return Self::Here;
        };
        if runtime.remotes.is_none() {
            return Self::Rehearsed(coding);
        }
        match (call.fingerprint(runtime, coding), tags.check()) {
            (Ok(fingerprint), Ok(())) => Self::Backend { coding, fingerprint },
            (Ok(_), Err(excess)) => Self::Confined(Confinement::Tags(excess)),
            (Err(reason), _) => Self::Confined(Confinement::Type(reason.into())),
        }
    }

    /// The same for a function whose errors are remembered as well: what is read depends on both.
    pub(crate) fn with_errors(self, of_errors: u64) -> Self {
        self.branded(of_errors.rotate_left(17))
    }

    /// The same for a function whose entries are invalidated together: it reads what carries its tag, and no others.
    pub(crate) fn in_group(self, brand: u64) -> Self {
        self.branded(brand)
    }

    fn branded(self, brand: u64) -> Self {
        match self {
            Self::Backend { coding, fingerprint } => {
                Self::Backend { coding, fingerprint: fingerprint ^ brand }
            }
            other => other,
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
impl Clone for Ask {
    fn clone(&self) -> Self {
        Self {
            runtime: Arc::clone(&self.runtime),
            key: self.key.clone(),
            site: self.site,
            policy: self.policy,
            tags: self.tags.clone(),
            typing: self.typing,
            destination: self.destination.clone(),
            has_late_tags: self.has_late_tags,
            manner: self.manner,
            names: self.names.clone(),
            region: self.region,
            waited: Waited::default(),
        }
    }
}

impl Ask {
    /// A call about an entry that is named by hand.
    pub(crate) fn named(
        runtime: &Arc<Runtime>,
        key: Key,
        policy: Policy,
        tags: Tags,
        (typing, coding): (Typing, Option<Coding>),
    ) -> Self {
        let (site, value) = (None, typing.value.id);
        let call = Labelled { key: &key, site, policy: &policy, tags: &tags, value };
        let destination = Destination::of(coding, runtime, call);
        Self {
            runtime: Arc::clone(runtime),
            key,
            site,
            policy,
            tags,
            typing,
            destination,
            has_late_tags: false,
            manner: Manner::Async,
            names: AskNames::default(),
            region: runtime.region(),
            waited: Waited::default(),
        }
    }

    /// What all names of the entry in the backend share.
    pub(super) fn entry_name(&self) -> &EntryName {
        self.names.entry.get_or_init(|| self.runtime.namespace.entry(&self.key))
    }

    /// Where this call's entry is in the backend; `None` if values of its type do not go there.
    pub(super) fn address(&self) -> Option<&Arc<Address>> {
        self.names.address.get_or_init(|| self.find_address().map(Arc::new)).as_ref()
    }

    fn find_address(&self) -> Option<Address> {
        let Destination::Backend { coding, fingerprint } = self.destination else { return None };
        let whose = (self.key.clone(), self.site);
        Some(Address::new(whose, self.entry_name().clone(), coding.codec, fingerprint))
    }

    /// What a lease is asked for with.
    pub(super) fn wanted(&self, token: Token) -> Wanted<'_> {
        Wanted {
            token,
            life: self.runtime.settings.lease,
            entry_life: self.policy.longest_life(),
            tags: &self.tags,
            late_tags: self.has_late_tags,
            manner: self.manner,
        }
    }

    /// Whether other processes may change what its values come from.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.destination, Destination::Backend { .. } | Destination::Confined(_))
    }
}
