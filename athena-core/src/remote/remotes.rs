//! The remote tier of a cache: one, or one for each region.
//!
//! Invariant: who has begun with the tier of a region goes on with it: leases and connections are of one store.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use futures_util::future::Either;

use super::journal::Target;
use super::regional::RegionPlace;
use super::regions::Regions;
use super::{Arrival, Means, Remote};
use crate::backend::{Backend, Failure};
use crate::key::name::{EntryName, Namespace};
use crate::resilience::settings::Resilience;
use crate::settings::Settings;

/// All remote tiers of a cache; of several one is active.
#[derive(Debug, Clone)]
pub(crate) enum Remotes {
    One(Arc<Remote>),
    Several(Arc<Regions>),
}

/// The same without keeping them alive.
#[derive(Debug, Clone)]
pub(crate) enum WeakRemotes {
    One(Weak<Remote>),
    Several(Weak<Regions>),
}

impl WeakRemotes {
    /// The one that is used now, if it is there still.
    pub(crate) fn active(&self) -> Option<Arc<Remote>> {
        match self {
            Self::One(remote) => remote.upgrade(),
            Self::Several(regions) => {
                regions.upgrade().map(|regions| Arc::clone(regions.at(regions.active())))
            }
        }
    }
}

impl Remotes {
    /// The tier of the only store, or those of several in the order of the regions that checked settings name.
    pub(crate) fn new(
        mut stores: Vec<Arc<dyn Backend>>,
        namespace: &Namespace,
        settings: &Settings,
        means: Means,
    ) -> Option<Self> {
        if let Some(regions) = &settings.regions {
            return Some(Self::Several(Regions::new(
                stores,
                namespace,
                (settings, regions),
                &means,
            )));
        }
        let store = stores.pop()?;
        Some(Self::One(Arc::new(Remote::new(store, namespace.clone(), settings, means, None))))
    }

    /// The one that is used now.
    #[inline]
    pub(crate) fn active(&self) -> &Arc<Remote> {
        self.at(self.place())
    }

    /// Which one that is.
    #[inline]
    pub(crate) fn place(&self) -> RegionPlace {
        match self {
            Self::One(_) => RegionPlace::default(),
            Self::Several(regions) => regions.active(),
        }
    }

    #[inline]
    pub(crate) fn at(&self, place: RegionPlace) -> &Arc<Remote> {
        match self {
            Self::One(remote) => remote,
            Self::Several(regions) => regions.at(place),
        }
    }

    pub(crate) fn downgrade(&self) -> WeakRemotes {
        match self {
            Self::One(remote) => WeakRemotes::One(Arc::downgrade(remote)),
            Self::Several(regions) => WeakRemotes::Several(Arc::downgrade(regions)),
        }
    }

    pub(crate) fn all(&self) -> &[Arc<Remote>] {
        match self {
            Self::One(remote) => std::slice::from_ref(remote),
            Self::Several(regions) => regions.remotes(),
        }
    }

    pub(crate) fn regions(&self) -> Option<&Arc<Regions>> {
        match self {
            Self::One(_) => None,
            Self::Several(regions) => Some(regions),
        }
    }

    /// Has the backends asked for signs of life from now on, and whatever else goes on in the background.
    pub(crate) fn keep_alive(&self) {
        match self {
            Self::One(remote) => remote.keep_alive(),
            Self::Several(regions) => regions.keep_alive(),
        }
    }

    /// Invalidates; what does not arrive, for whatever reason, is kept in a journal.
    ///
    /// The targets are made for each store, as what stands for everything depends on it.
    pub(crate) fn invalidate(
        &self,
        targets: impl Fn(&Remote) -> Vec<Target>,
    ) -> impl Future<Output = Result<Arrival, Failure>> {
        match self {
            Self::One(remote) => Either::Left(remote.invalidate(targets(remote))),
            // Boxed: it would stand in the future of every invalidation.
            Self::Several(regions) => Either::Right(Box::pin(regions.invalidate(targets))),
        }
    }

    /// Has other regions forget an entry that this process is about to write; `None` where there are none.
    ///
    /// What does not arrive is in a journal. Boxed: it would stand in the future of whoever writes.
    pub(crate) fn outdate_elsewhere(
        &self,
        entry: &EntryName,
    ) -> Option<Pin<Box<impl Future<Output = ()>>>> {
        let Self::Several(regions) = self else { return None };
        Some(Box::pin(async move {
            let _ = regions.invalidate(|_| vec![Target::Entry(entry.clone())]).await;
        }))
    }

    /// Keeps invalidations for the next time that a backend is asked anything (coherence 9 and 10).
    pub(crate) fn keep(&self, targets: impl Fn(&Remote) -> Vec<Target>) {
        match self {
            Self::One(remote) => remote.keep_all(targets(remote)),
            Self::Several(regions) => regions.keep(targets),
        }
    }

    /// Ends the fresh time of an entry.
    pub(crate) fn expire(&self, entry: &EntryName) -> impl Future<Output = Result<(), Failure>> {
        match self {
            Self::One(remote) => Either::Left(remote.expire(entry)),
            Self::Several(regions) => Either::Right(Box::pin(regions.expire(entry))),
        }
    }

    /// Replays the journals in the background, where anything waits.
    pub(crate) fn replay_what_waits(&self) {
        for remote in self.all().iter().filter(|remote| remote.journal_depth() > 0) {
            remote.replay_in_background();
        }
    }

    /// Whether anything waits for a backend.
    pub(crate) fn journal_depth(&self) -> usize {
        self.all().iter().map(|remote| remote.journal_depth()).sum()
    }

    /// Closes the backends; tells whether all had ended in time.
    pub(crate) async fn close(&self) -> bool {
        let closing = self.all().iter().map(|remote| remote.close());
        super::join_all(closing).await.into_iter().all(|ended| ended)
    }

    pub(crate) fn set_resilience(&self, settings: Resilience) {
        match self {
            Self::One(remote) => remote.set_resilience(settings),
            Self::Several(regions) => regions.set_resilience(&settings),
        }
    }
}
