//! Settings as plain data, and what they must satisfy.
//!
//! Invariant: settings that `check` accepted cannot make the runtime panic, overflow or wait for ever.

mod health;
mod recovery;
mod regions;
mod site;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::policy::{Defaults, Fallback, Percent};
use crate::resilience::settings::Resilience;

use site::SHORTEST_WAIT;

pub use health::HealthSettings;
pub use recovery::RecoverySettings;
pub(crate) use regions::RegionStores;
pub use regions::{RegionReplication, RegionSettings};
pub use site::SiteSettings;

/// Everything a cache can be told at start-up; load it with any `serde` format.
///
/// Durations are written `"5s"`, `"250ms"`, `"1h 30m"`; shares `"10%"`. Whatever bounds something has no bound at
/// the largest value of its type: `Duration::MAX`, `usize::MAX`, `u64::MAX`, `u32::MAX`, all of which are written
/// `"unlimited"`. Zero is never that: it is refused, or means none.
///
/// ```toml
/// ttl = "10m"
/// grace = "1h"
/// [memory]
/// max_entries = 50_000
/// [resilience]
/// attempt_timeout = "300ms"
/// max_journal = "unlimited"
/// [resilience.breaker]
/// failure_threshold = 10
/// [sites."shop::products"]
/// ttl = "1m"
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// How long an entry is fresh where its site says nothing. Default 60 min.
    #[serde(with = "crate::duration")]
    pub ttl: Duration,
    /// How long past the ttl an entry may answer when the load cannot. Default 0.
    #[serde(with = "crate::duration")]
    pub grace: Duration,
    /// How long no load is tried after one failed and a stale value answered. Default 30 s.
    ///
    /// The ttl of the entry bounds it.
    #[serde(with = "crate::duration")]
    pub throttle: Duration,
    /// The share by which a ttl is randomly shortened at most. Default 0 %.
    pub jitter: Percent,
    /// What answers while the backend cannot; `FailFast` only per function.
    pub fallback: Fallback,
    /// How long a caller waits for a load of its own process before it loads itself. Default 30 s.
    ///
    /// Also how long a load waits for one of the [`degraded_loads`](Self::degraded_loads).
    #[serde(with = "crate::duration")]
    pub wait_for_load: Duration,
    /// How long a load waits for another process that holds the lease before it goes on without.
    /// Default 30 s.
    ///
    /// A process waits so long once for each lease, from when it met it first: one that is held for longer may
    /// be of a process that is dead.
    /// Nor does it wait for more than two loads of others that bring nothing: what is invalidated all the time is
    /// kept by nobody.
    #[serde(with = "crate::duration")]
    pub wait_for_lease: Duration,
    /// How long a load in the background may take where its function has no `hard_timeout`.
    /// Default 30 s.
    #[serde(with = "crate::duration")]
    pub background_timeout: Duration,
    /// How long the lease of a load lives unless its holder extends it. Default 5 s, from 100 ms to 1 h.
    ///
    /// So long at most does a process that dies during a load hold up the others that want its value.
    #[serde(with = "crate::duration")]
    pub lease: Duration,
    /// How many loads one function runs at once while the backend is away. Default 64.
    ///
    /// Loads that no caller waits for have as many permits of their own. A caller's load waits for a permit
    /// while others end; if none has for a second, it may be waiting for itself, and runs all the same
    /// (`Stats::unbounded_loads`). Also bounds the callers that load side by side after a load failed.
    #[serde(with = "crate::count")]
    pub degraded_loads: usize,
    /// Whether events, records and errors show keys: the arguments of calls, and the values in names of entries
    /// and in tags. Default no.
    ///
    /// Without it they show the function, or the word that the name of an entry begins with; see
    /// [`Topic`](crate::Topic). Arguments are often what nobody else should read: tokens, addresses. Errors of a
    /// cache reach callers by `hard_timeout` and `FailFast`, who may hand them on to their clients.
    pub show_keys: bool,
    /// The memory tier.
    pub memory: Memory,
    /// What stands between the cache and a failing backend.
    pub resilience: Resilience,
    /// What health checks expect.
    pub health: HealthSettings,
    /// Whether it is seen to, from time to time, that the cache gets well where it does not by itself.
    pub recovery: RecoverySettings,
    /// How often this process writes of itself into the roster of those that share the namespace. Default never; from
    /// 1 s to 1 h.
    ///
    /// [`Cache::fleet`](crate::Cache::fleet), the page and `athena status --fleet` show what all of them say, who is
    /// missing, and what they disagree about. It costs a write of at most 16 KiB each time, and takes the feature
    /// `json`.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Duration>,
    /// Two or more stores as one namespace, each in a region. Default `None`: one store.
    ///
    /// Each region is given its store with [`Builder::region`](crate::Builder::region).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<RegionSettings>,
    /// What is set for single functions, by their names; it takes the place of what their attributes say.
    ///
    /// A function is known once it is called: a name that none has is told with one WARN, see
    /// [`Cache::unmatched_sites`](crate::Cache::unmatched_sites).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sites: BTreeMap<String, SiteSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(60 * 60),
            grace: Duration::ZERO,
            throttle: Duration::from_secs(30),
            jitter: Percent::new(0),
            fallback: Fallback::GracefulDegradation,
            wait_for_load: Duration::from_secs(30),
            wait_for_lease: Duration::from_secs(30),
            background_timeout: Duration::from_secs(30),
            lease: Duration::from_secs(5),
            degraded_loads: 64,
            show_keys: false,
            memory: Memory::default(),
            resilience: Resilience::default(),
            health: HealthSettings::default(),
            recovery: RecoverySettings::default(),
            fleet: None,
            regions: None,
            sites: BTreeMap::new(),
        }
    }
}

/// The memory tier: entries of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Memory {
    /// Most entries. Default 10 000.
    #[serde(with = "crate::count")]
    pub max_entries: u64,
    /// Most bytes that entries take together. Default `None`: no limit, as is the largest number.
    ///
    /// It holds beside `max_entries`: an entry counts for its size, and for its share of one in `max_entries` at
    /// least. What is larger than all of it is not kept here.
    ///
    /// An entry takes some 375 bytes, 60 more if it has tags or is shared through a backend, 65 for each tag and for
    /// each of two names in a backend, 20 more for each of these beyond two, a key of more than 30 bytes (one of more
    /// than 256 is kept as a digest), and its value. What a value takes is what
    /// [`Builder::weigh`](crate::Builder::weigh) says of its type. Else it is its own size in memory (`size_of`) and,
    /// once it was read from or encoded for a backend, the length of its bytes there (no more than `max_value`, since
    /// writing ends there):
    /// what stands for its heap, which may be twice as much for many small parts. Of a value that never meets a
    /// backend the heap is not known, and counts nothing.
    ///
    /// In a file it may have a unit: `"256 MiB"`, see [`size`](crate::size).
    #[serde(with = "crate::size::optional")]
    pub max_bytes: Option<u64>,
    /// What entries of a cache with a backend are kept for.
    pub role: MemoryRole,
    /// Longest that an entry counts as fresh while the backend cannot answer. Default 30 min.
    #[serde(with = "crate::duration")]
    pub fallback_ttl: Duration,
}

/// What memory does for entries that are in the backend as well.
///
/// Caches without a backend, and sites with `tier = memory`, have memory as their only tier.
///
/// ```
/// use athena_cache_core::{Memory, MemoryRole};
///
/// assert_eq!(Memory::bounded(50_000).role, MemoryRole::Tier);
/// assert_eq!(Memory::fallback_only(1_000).role, MemoryRole::Fallback);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum MemoryRole {
    /// It answers first, for as long as changes are announced, and while the backend cannot answer.
    Tier,
    /// It answers only while the backend cannot.
    Fallback,
    /// Nothing.
    Off,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            max_entries: 10_000,
            max_bytes: None,
            role: MemoryRole::Tier,
            fallback_ttl: Duration::from_secs(30 * 60),
        }
    }
}

impl Memory {
    /// At most `entries` of this process.
    #[must_use]
    pub fn bounded(entries: u64) -> Self {
        Self { max_entries: entries, ..Self::default() }
    }

    /// At most `entries`, which answer only while the backend cannot.
    #[must_use]
    pub fn fallback_only(entries: u64) -> Self {
        Self { max_entries: entries, role: MemoryRole::Fallback, ..Self::default() }
    }

    /// Every entry from the backend, always: none is kept here.
    #[must_use]
    pub fn off() -> Self {
        Self { role: MemoryRole::Off, ..Self::default() }
    }
}

/// A lease is extended three times in its life, which takes a round trip each.
const SHORTEST_LEASE: Duration = Duration::from_millis(100);
/// A process that dies during a load holds up the others for as long.
pub(crate) const LONGEST_LEASE: Duration = Duration::from_secs(3_600);

const SHORTEST_FLEET: Duration = Duration::from_secs(1);
const LONGEST_FLEET: Duration = Duration::from_secs(3_600);

impl Settings {
    /// Checks everything together; the error lists every fault.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        for (name, value) in [
            ("degraded_loads", self.degraded_loads as u64),
            ("memory.max_entries", self.memory.max_entries),
            ("memory.max_bytes", self.memory.max_bytes.unwrap_or(u64::MAX)),
        ] {
            if value < 1 {
                faults.push(format!("`{name}` is {value}, expected at least 1"));
            }
        }
        for (name, value, least) in [
            ("wait_for_load", self.wait_for_load, SHORTEST_WAIT),
            ("wait_for_lease", self.wait_for_lease, SHORTEST_WAIT),
            ("background_timeout", self.background_timeout, SHORTEST_WAIT),
            ("lease", self.lease, SHORTEST_LEASE),
        ] {
            if value < least {
                faults.push(format!("`{name}` is {value:?}, expected at least {least:?}"));
            }
        }
        if self.lease > LONGEST_LEASE {
            let lease = crate::duration::shown(self.lease);
            faults.push(format!(
                "`lease` is {lease}, expected at most 1h: a process that dies during a load holds up the others for as \
                 long, and one that lives extends it"
            ));
        }
        faults.extend(site::not_whole([("ttl", Some(self.ttl)), ("grace", Some(self.grace))]));
        faults.extend(self.fleet.and_then(fleet_fault));
        self.resilience.check(&mut faults);
        self.health.check(&mut faults);
        self.recovery.check(&mut faults);
        if let Some(regions) = &self.regions {
            regions.check(self.resilience.deadline, &mut faults);
        }
        check_sites(&self.sites, &mut faults);
        if self.fallback == Fallback::FailFast {
            faults.push(
                "`fallback` is FailFast, expected GracefulDegradation, ServeStale or OriginOnly; \
                 FailFast needs an error type that carries the cache's, so it is set per function"
                    .to_owned(),
            );
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::settings(faults.join("; "))) }
    }

    /// A number that differs, almost surely, where anything in them does.
    pub(crate) fn digest(&self) -> String {
        let mut common = self.clone();
        if let Some(regions) = &mut common.regions {
            // Each process has its own.
            regions.prefer = None;
        }
        format!("{:08x}", crc32fast::hash(format!("{common:?}").as_bytes()))
    }

    pub(crate) fn defaults(&self) -> Defaults {
        Defaults {
            ttl: self.ttl,
            grace: self.grace,
            throttle: self.throttle,
            jitter: self.jitter,
            fallback: self.fallback,
        }
    }
}

/// Why a process cannot write of itself so often, if it cannot.
fn fleet_fault(interval: Duration) -> Option<String> {
    let shown = crate::duration::shown(interval);
    if !cfg!(feature = "json") {
        return Some(format!(
            "`fleet` is {shown}, and what a process writes of itself is JSON: add the feature `json`, or leave it out"
        ));
    }
    let is_fine = (SHORTEST_FLEET..=LONGEST_FLEET).contains(&interval);
    (!is_fine).then(|| format!("`fleet` is {shown}, expected 1s to 1h; leave it out for never"))
}

/// Adds what cannot be used of what is set for functions.
pub(crate) fn check_sites(sites: &BTreeMap<String, SiteSettings>, faults: &mut Vec<String>) {
    for (site, settings) in sites {
        settings.check(site, faults);
    }
}
