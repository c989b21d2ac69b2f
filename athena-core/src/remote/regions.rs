//! The remote tiers of a namespace that has several regions: docs/protocol-regions.md.
//!
//! Invariant: an invalidation is done once the primary and the active region have executed it, in that order; and which
//! region is active changes only together with who is told of the next one.

mod carrying;
mod pumping;
mod routing;
mod shown;
mod status;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use self::pumping::Pumping;
use super::journal::Target;
use super::regional::{RegionPlace, RegionRole, Regional, Secondary};
use super::untold::TargetsUntold;
use super::{Arrival, Means, Remote};
use crate::backend::{Backend, Failure, Token};
use crate::clock::Clock;
use crate::coherence::guards::Guard;
use crate::key::name::{EntryName, Namespace};
use crate::lock::Mutex;
use crate::regions::{Maintenance, Router};
use crate::remote::pump::Pump;
use crate::resilience::settings::Resilience;
use crate::settings::{RegionSettings, Settings};
use crate::tasks::{Sole, Tasks};
use crate::telemetry::Telemetry;

pub use self::shown::RegionStatus;

/// All regions of a namespace, the primary first.
#[derive(Debug)]
pub(crate) struct Regions {
    remotes: Box<[Arc<Remote>]>,
    active: AtomicUsize,
    /// Held while the active region is changed, or looked at by an invalidation.
    turn: Mutex<()>,
    settings: RegionSettings,
    router: Mutex<Router>,
    /// What was announced of each region.
    maintenance: Box<[Mutex<Maintenance>]>,
    untold: Arc<TargetsUntold>,
    pump: Pump,
    /// For each secondary.
    pumping: Box<[Pumping]>,
    /// The task that decides which region is used.
    routing: Sole,
    tasks: Tasks,
    clock: Clock,
    telemetry: Arc<Telemetry>,
}

impl Regions {
    /// The regions that checked settings name, with the store of each.
    pub(crate) fn new(
        stores: Vec<Arc<dyn Backend>>,
        namespace: &Namespace,
        (settings, regions): (&Settings, &RegionSettings),
        means: &Means,
    ) -> Arc<Self> {
        let secondaries = stores.len().saturating_sub(1);
        let untold = Arc::new(TargetsUntold::new(secondaries, settings.resilience.max_journal));
        let mut remotes: Vec<Arc<Remote>> = Vec::with_capacity(stores.len());
        // Signs of life are missed several times before a region counts as silent.
        let pause = regions.detect / 6;
        for (place, (store, name)) in stores.into_iter().zip(regions.names()).enumerate() {
            let mut settings = settings.clone();
            settings.resilience = limited(regions, place, &settings.resilience);
            let role = match remotes.first() {
                None => RegionRole::Primary,
                Some(primary) => {
                    let limits = (regions.tolerance, regions.alone_ttl);
                    let (waiting, followed) = (&primary.journal, primary.log_names());
                    RegionRole::Secondary(Secondary::new(place - 1, waiting, followed, limits))
                }
            };
            let regional = Regional::new(name, role, &untold, pause);
            let remote =
                Remote::new(store, namespace.clone(), &settings, means.clone(), Some(regional));
            remotes.push(Arc::new(remote));
        }
        let Means { clock, random, telemetry, tasks, .. } = means.clone();
        let (now, preferred) = (clock.now(), regions.preferred());
        let window = settings.resilience.trust_window;
        let pumping = || Pumping::new(&clock, (regions.tolerance, window));
        Arc::new(Self {
            active: AtomicUsize::new(preferred),
            turn: Mutex::default(),
            router: Mutex::new(Router::new(regions.router(), remotes.len(), preferred, now)),
            untold,
            pump: Pump::new(Token::new(random.number()), namespace.as_str(), regions.tolerance),
            maintenance: remotes.iter().map(|_| Mutex::new(Maintenance::new(true))).collect(),
            pumping: (0..secondaries).map(|_| pumping()).collect(),
            routing: Sole::new(&clock),
            remotes: remotes.into(),
            settings: regions.clone(),
            tasks,
            clock,
            telemetry,
        })
    }

    #[inline]
    pub(crate) fn active(&self) -> RegionPlace {
        RegionPlace::new(self.active.load(Ordering::SeqCst))
    }

    /// The tier of a region.
    #[inline]
    pub(crate) fn at(&self, place: RegionPlace) -> &Arc<Remote> {
        &self.remotes[place.number().min(self.remotes.len() - 1)]
    }

    pub(crate) fn remotes(&self) -> &[Arc<Remote>] {
        &self.remotes
    }

    fn primary(&self) -> &Arc<Remote> {
        &self.remotes[0]
    }

    /// Has all regions asked for signs of life, one of them followed by the others, and the best of them used.
    pub(crate) fn keep_alive(self: &Arc<Self>) {
        self.remotes.iter().for_each(Remote::keep_alive);
        self.keep_pumping();
        self.keep_routing();
    }

    /// Invalidates in the primary, then in the active region (regions 1 and 2); what does not arrive is kept in the
    /// journals of both.
    pub(crate) async fn invalidate(
        &self,
        targets: impl Fn(&Remote) -> Vec<Target>,
    ) -> Result<Arrival, Failure> {
        let primary = self.primary();
        let of_primary = targets(primary);
        let direct = self.begin(&of_primary);
        // Made before anything is awaited: the caller may go away.
        let own = direct.map(|remote| remote.unsent(targets(remote)));
        if primary.guards.lacks(Guard::BothRegions)
            && let Some(own) = own
        {
            return own.send().await;
        }
        let told = primary.unsent(of_primary).send().await;
        let Some(own) = own else {
            if told.is_err() {
                self.leave_word(&targets).await;
            }
            return told;
        };
        let told_here = own.send().await;
        match (told?, told_here?) {
            (Arrival::Certain, Arrival::Certain) => Ok(Arrival::Certain),
            _ => Ok(Arrival::Unconfirmed),
        }
    }

    /// Notes what secondaries may not know of; answers the active one, which is told at once.
    fn begin(&self, targets: &[Target]) -> Option<&Arc<Remote>> {
        let _turn = self.turn.lock();
        let active = self.active.load(Ordering::SeqCst);
        self.untold.keep(targets, active.checked_sub(1));
        (active > 0).then(|| self.at(RegionPlace::new(active)))
    }

    /// Has a secondary keep what the primary could not be told, in case that this process ends (regions 14).
    async fn leave_word(&self, targets: impl Fn(&Remote) -> Vec<Target>) {
        let mut others = self.remotes.iter().skip(1);
        if let Some(other) = others.find(|remote| remote.is_available()) {
            // What does not arrive there is in its journal, and in that of the primary in any case.
            let _ = other.unsent(targets(other)).send().await;
        }
    }

    /// Keeps invalidations for the next time that a store is asked anything.
    pub(crate) fn keep(&self, targets: impl Fn(&Remote) -> Vec<Target>) {
        let of_primary = targets(self.primary());
        let direct = self.begin(&of_primary);
        if let Some(remote) = direct {
            remote.keep_all(targets(remote));
        }
        self.primary().keep_all(of_primary);
    }

    /// Has all regions forget an entry: a log says that something was invalidated, not how far.
    pub(crate) async fn expire(&self, entry: &EntryName) -> Result<(), Failure> {
        let forgotten = self.invalidate(|_| vec![Target::Entry(entry.clone())]).await;
        forgotten.map(drop)
    }

    /// Other limits from now on, for the operations that begin then.
    pub(crate) fn set_resilience(&self, resilience: &Resilience) {
        for (place, remote) in self.remotes.iter().enumerate() {
            remote.set_resilience(limited(&self.settings, place, resilience));
        }
    }

    /// Another region is used from now on.
    fn activate(&self, place: usize) {
        let _turn = self.turn.lock();
        self.active.store(place, Ordering::SeqCst);
    }
}

/// The limits around the operations of one region.
fn limited(regions: &RegionSettings, place: usize, resilience: &Resilience) -> Resilience {
    let mut resilience = resilience.clone();
    if place > 0 {
        resilience.attempt_timeout = regions.secondary_timeout.min(resilience.attempt_timeout);
    }
    resilience
}

/// How long an operation beside all calls may take: no longer than others wait for it.
fn within(settings: &RegionSettings) -> Duration {
    settings.tolerance / 2
}
