//! Settings of single functions, as they are now.
//!
//! Invariant: a hit reads one number as long as nothing is set that bears on hits, and takes no lock in any case.

mod groups;
pub(crate) mod on_hits;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock::Tick;
use crate::key::site;
use crate::lock::Mutex;
use crate::policy::{Defaults, Nature, Policy, SitePolicy};
use crate::settings::SiteSettings;
use crate::telemetry::log;

/// What is set for the functions that are called on a cache.
#[derive(Debug)]
pub(crate) struct Sites {
    cache: Box<str>,
    in_force: ArcSwap<InForce>,
    /// That of what is in force if it bears on hits, else 0.
    edition: AtomicU64,
    /// Held while both change, so that they are of one change.
    changing: Mutex<()>,
    /// Names of functions that it was told of that they cannot be invalidated, or may not be meant.
    told: Mutex<HashSet<(Box<str>, Doubt)>>,
}

/// What a name was told of for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Doubt {
    Unknown,
    Ungrouped,
}

/// What was set at one time.
#[derive(Debug)]
struct InForce {
    /// Never used twice, whatever the cache.
    edition: u64,
    sites: BTreeMap<String, InForceSite>,
    /// When names that no function has are told of.
    due: Tick,
    told_unmatched: AtomicBool,
}

#[derive(Debug)]
struct InForceSite {
    settings: SiteSettings,
    /// Whether it was told what of it has no effect.
    told_ineffective: AtomicBool,
}

/// A function that is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Called<'a> {
    pub(crate) name: &'static str,
    /// What its attribute says.
    pub(crate) written: &'a SitePolicy,
    pub(crate) nature: Nature,
}

/// A function is known once it is called, and some are called late.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

impl Sites {
    pub(crate) fn new(cache: &str, sites: BTreeMap<String, SiteSettings>, now: Tick) -> Self {
        let in_force = InForce::new(sites, now);
        let edition = AtomicU64::new(in_force.edition_on_hits());
        let (cache, in_force) = (cache.into(), ArcSwap::from_pointee(in_force));
        Self { cache, in_force, edition, changing: Mutex::default(), told: Mutex::default() }
    }

    /// Puts these in force, for calls that begin from now on.
    pub(crate) fn set(&self, sites: BTreeMap<String, SiteSettings>, now: Tick) {
        let in_force = InForce::new(sites, now);
        let edition = in_force.edition_on_hits();
        let _changing = self.changing.lock();
        self.in_force.store(in_force.into());
        // Afterwards: whoever sees the number finds what it is of, or something later.
        self.edition.store(edition, Ordering::Release);
    }

    pub(crate) fn get(&self) -> BTreeMap<String, SiteSettings> {
        let sites = &self.in_force.load().sites;
        sites.iter().map(|(name, site)| (name.clone(), site.settings.clone())).collect()
    }

    /// What holds for a call that memory has not answered; `None` if its function is switched off.
    pub(crate) fn policy(
        &self,
        called: Called<'_>,
        defaults: &Defaults,
        now: impl FnOnce() -> Tick,
    ) -> Option<Policy> {
        let in_force = self.in_force.load();
        if in_force.sites.is_empty() {
            return Some(called.written.over(defaults));
        }
        if !in_force.told_unmatched.load(Ordering::Relaxed) && in_force.due <= now() {
            self.tell_unmatched();
        }
        let Some(site) = in_force.sites.get(called.name) else {
            return Some(called.written.over(defaults));
        };
        let (policy, ineffective) = site.settings.over(called.written, called.nature, defaults);
        if !ineffective.is_empty() && !site.told_ineffective.swap(true, Ordering::Relaxed) {
            log::site_settings(&self.cache, called.name, &ineffective.join("; "));
        }
        site.settings.enabled.then(|| policy.over(defaults))
    }

    /// The number of what bears on hits; 0 if nothing does.
    #[inline]
    pub(crate) fn edition(&self) -> u64 {
        self.edition.load(Ordering::Acquire)
    }

    /// What bears on hits of a function, and of which edition that is.
    fn on_hits(&self, called: Called<'_>, defaults: &Defaults) -> (u64, Option<SitePolicy>) {
        let in_force = self.in_force.load();
        let policy = match in_force.sites.get(called.name) {
            None => Some(*called.written),
            Some(site) if !site.settings.enabled => None,
            Some(site) => Some(site.settings.over(called.written, called.nature, defaults).0),
        };
        (in_force.edition, policy)
    }

    /// The names that no function has which was called so far.
    pub(crate) fn unmatched(&self) -> Vec<String> {
        let in_force = self.in_force.load();
        let names = in_force.sites.keys();
        names.filter(|name| site::find(name).is_none()).cloned().collect()
    }

    /// Tells of those once.
    pub(crate) fn tell_unmatched(&self) {
        if self.in_force.load().told_unmatched.swap(true, Ordering::Relaxed) {
            return;
        }
        for name in self.unmatched() {
            log::site_unmatched(&self.cache, &name, site::nearest(&name));
        }
    }
}

impl InForce {
    fn new(sites: BTreeMap<String, SiteSettings>, now: Tick) -> Self {
        static EDITIONS: AtomicU64 = AtomicU64::new(1);
        let of = |settings| InForceSite { settings, told_ineffective: AtomicBool::new(false) };
        Self {
            edition: EDITIONS.fetch_add(1, Ordering::Relaxed),
            sites: sites.into_iter().map(|(name, settings)| (name, of(settings))).collect(),
            due: now.after(PATIENCE),
            told_unmatched: AtomicBool::new(false),
        }
    }

    fn edition_on_hits(&self) -> u64 {
        let bears = self.sites.values().any(|site| site.settings.bears_on_hits());
        if bears { self.edition } else { 0 }
    }
}
