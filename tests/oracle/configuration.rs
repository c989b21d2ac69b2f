//! What a play is set up on, by the words of the command line: `valkey,no-scripts,64kb`.
//!
//! Invariant: [`WORDS`] has every part that is not the default, the parts of one kind side by side; reading,
//! printing and drawing follow it.

mod user;

use std::fmt;
use std::mem::discriminant;
use std::str::FromStr;
use std::time::Duration;

use athena_cache::MemoryRole;

use super::fault::Fault;
use super::random::SplitMix64;
use crate::support::server::Make;
use crate::support::topology::Topology;
pub(crate) use user::{PASSWORD, USER, User};

/// The default is what most tests run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Configuration {
    pub(crate) make: Make,
    pub(crate) user: User,
    pub(crate) tracking: Tracking,
    pub(crate) memory: MemoryRole,
    pub(crate) size: Size,
    pub(crate) loads: Loads,
    pub(crate) room: Room,
    pub(crate) seeds: Seeds,
    pub(crate) sentinels: Sentinels,
    pub(crate) addresses: Addresses,
}

/// Whether servers announce what changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tracking {
    On,
    /// They are not asked to.
    Off,
    /// They are, and remember the readers of half the names that a play uses.
    Few,
}

/// How many bytes a value takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Up to 64, by its version.
    Small,
    /// That many.
    Bytes(usize),
    /// Up to 64, but for one item, whose values take longer on their way than an operation may.
    OneHeavy,
}

/// How long loads take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loads {
    /// As the workload says.
    Usual,
    /// 1 ms at most.
    Brief,
    /// Up to three windows.
    Long,
}

/// How much the servers may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Wide,
    /// Half of all entries; beyond that this policy acts.
    Tight(&'static str),
}

/// How the nodes of the URL are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seeds {
    ByAddress,
    ByName,
}

/// Which sentinels run when the processes start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sentinels {
    All,
    /// All but the first of three.
    OneMissing,
}

/// Whether what nodes announce as their addresses leads to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    Lead,
    /// No IP address does, and the cluster names no others: the host that was asked counts.
    Untold,
    /// No IP address does, but host names, which the cluster prefers.
    ByHostname,
    /// None does; the settings of the processes say where they are.
    Mapped,
}

/// One part of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Make(Make),
    User(User),
    Tracking(Tracking),
    Memory(MemoryRole),
    Size(Size),
    Loads(Loads),
    Room(Room),
    Seeds(Seeds),
    Sentinels(Sentinels),
    Addresses(Addresses),
}

const WORDS: [(&str, Part); 29] = [
    ("valkey", Part::Make(Make::Valkey)),
    ("recommended-user", Part::User(User::Recommended)),
    ("no-scripts", Part::User(User::WithoutScripts)),
    ("no-info", Part::User(User::WithoutInfo)),
    ("no-tracking", Part::User(User::WithoutTracking)),
    ("no-ping", Part::User(User::WithoutPing)),
    ("untracked", Part::Tracking(Tracking::Off)),
    ("few-readers", Part::Tracking(Tracking::Few)),
    ("fallback-memory", Part::Memory(MemoryRole::Fallback)),
    ("no-memory", Part::Memory(MemoryRole::Off)),
    ("4kb", Part::Size(Size::Bytes(4 << 10))),
    ("64kb", Part::Size(Size::Bytes(64 << 10))),
    ("1mb", Part::Size(Size::Bytes(1 << 20))),
    ("heavy", Part::Size(Size::OneHeavy)),
    ("brief-loads", Part::Loads(Loads::Brief)),
    ("long-loads", Part::Loads(Loads::Long)),
    ("noeviction", Part::Room(Room::Tight("noeviction"))),
    ("allkeys-lru", Part::Room(Room::Tight("allkeys-lru"))),
    ("allkeys-lfu", Part::Room(Room::Tight("allkeys-lfu"))),
    ("allkeys-random", Part::Room(Room::Tight("allkeys-random"))),
    ("volatile-lru", Part::Room(Room::Tight("volatile-lru"))),
    ("volatile-lfu", Part::Room(Room::Tight("volatile-lfu"))),
    ("volatile-random", Part::Room(Room::Tight("volatile-random"))),
    ("volatile-ttl", Part::Room(Room::Tight("volatile-ttl"))),
    ("by-name", Part::Seeds(Seeds::ByName)),
    ("missing-sentinel", Part::Sentinels(Sentinels::OneMissing)),
    ("no-endpoints", Part::Addresses(Addresses::Untold)),
    ("hostnames", Part::Addresses(Addresses::ByHostname)),
    ("mapped", Part::Addresses(Addresses::Mapped)),
];

/// What values take at least where room is tight: what connections take is little beside it.
const SIZE_TO_EVICT: usize = 256 << 10;

/// The item whose values are heavy where one is; it is read together with others as well.
pub(crate) const HEAVY: usize = 5;
const HEAVY_BYTES: usize = 4_000_000;
/// Bytes in a second: a heavy value takes four times an attempt.
const SLOW_WAY: u32 = 2_000_000;

impl Default for Configuration {
    fn default() -> Self {
        Self {
            make: Make::Usual,
            user: User::Full,
            tracking: Tracking::On,
            memory: MemoryRole::Tier,
            size: Size::Small,
            loads: Loads::Usual,
            room: Room::Wide,
            seeds: Seeds::ByAddress,
            sentinels: Sentinels::All,
            addresses: Addresses::Lead,
        }
    }
}

impl Configuration {
    /// The default, and each word alone.
    pub(crate) fn each() -> Vec<Self> {
        let alone = WORDS.iter().map(|(_, part)| Self::default().with(*part));
        std::iter::once(Self::default()).chain(alone).collect()
    }

    /// Each kind of part is another one than the default in one of three configurations.
    pub(crate) fn draw(random: &mut SplitMix64, topology: Topology) -> Self {
        let mut drawn = Self::default();
        for kind in WORDS.chunk_by(|(_, it), (_, other)| discriminant(it) == discriminant(other)) {
            // All of them are thrown for, so that each draw depends on the seed alone.
            let (is_drawn, (_, part)) = (random.below(3) == 0, kind[random.below(kind.len())]);
            let with = drawn.with(part);
            if is_drawn && with.suits(topology) {
                drawn = with;
            }
        }
        drawn
    }

    /// Whether it can be had there.
    pub(crate) fn suits(&self, topology: Topology) -> bool {
        let has_sentinels = self.sentinels == Sentinels::All || topology == Topology::Sentinel;
        let has_addresses = match self.addresses {
            Addresses::Lead => true,
            Addresses::Mapped => topology != Topology::Standalone,
            Addresses::Untold | Addresses::ByHostname => topology == Topology::Cluster,
        };
        // What is evicted is large, and so would be slow as well.
        let has_way = self.size != Size::OneHeavy || self.room == Room::Wide;
        has_sentinels && has_addresses && has_way
    }

    /// Whether its promises are the usual ones in the course of a fault.
    ///
    /// Who may not ask for `INFO` does not learn that a node has a past of its own, and may be served what it
    /// forgot (docs/high-availability.md).
    pub(crate) fn bears(&self, fault: Fault, topology: Topology) -> bool {
        let forgets = fault.is_failover(topology) || matches!(fault, Fault::Loading);
        let is_told = self.user != User::WithoutInfo || !forgets;
        // A way that is slow hides what else holds something up.
        let is_slow = self.size == Size::OneHeavy;
        is_told && (!is_slow || matches!(fault, Fault::Health | Fault::Partition))
    }

    /// Its words, or `default`.
    pub(crate) fn words(&self) -> Vec<&'static str> {
        let words = WORDS.iter().filter(|(_, part)| self.with(*part) == *self);
        let words: Vec<_> = words.map(|(word, _)| *word).collect();
        if words.is_empty() { vec!["default"] } else { words }
    }

    /// Whether the values of an item do not get through in time.
    pub(crate) fn is_heavy(&self, item: usize) -> bool {
        self.size == Size::OneHeavy && item == HEAVY
    }

    /// How wide the ways to the servers are, in bytes a second, if that is to be noticed.
    pub(crate) fn rate(&self) -> Option<u32> {
        (self.size == Size::OneHeavy).then_some(SLOW_WAY)
    }

    /// How many bytes the value of an item takes.
    pub(crate) fn bytes_of(&self, item: usize, version: u32) -> usize {
        if self.is_heavy(item) { HEAVY_BYTES } else { self.bytes(version) }
    }

    /// The same of one that is not heavy.
    pub(crate) fn bytes(&self, version: u32) -> usize {
        let bytes = match self.size {
            Size::Small | Size::OneHeavy => usize::try_from(version % 64).unwrap_or(0),
            Size::Bytes(bytes) => bytes,
        };
        if self.room == Room::Wide { bytes } else { bytes.max(SIZE_TO_EVICT) }
    }

    /// How long loads take that usually take as long as this.
    pub(crate) fn load_time(&self, usual: [Duration; 2], window: Duration) -> [Duration; 2] {
        match self.loads {
            Loads::Usual => usual,
            Loads::Brief => [Duration::ZERO, Duration::from_millis(1)],
            Loads::Long => [Duration::from_millis(1), window * 3],
        }
    }

    fn with(mut self, part: Part) -> Self {
        match part {
            Part::Make(make) => self.make = make,
            Part::User(user) => self.user = user,
            Part::Tracking(tracking) => self.tracking = tracking,
            Part::Memory(memory) => self.memory = memory,
            Part::Size(size) => self.size = size,
            Part::Loads(loads) => self.loads = loads,
            Part::Room(room) => self.room = room,
            Part::Seeds(seeds) => self.seeds = seeds,
            Part::Sentinels(sentinels) => self.sentinels = sentinels,
            Part::Addresses(addresses) => self.addresses = addresses,
        }
        self
    }
}

impl FromStr for Configuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut read = Self::default();
        for word in text.split(',').filter(|word| *word != "default") {
            let known = WORDS.iter().find(|(known, _)| *known == word);
            let Some((_, part)) = known else {
                let words: Vec<_> = WORDS.iter().map(|(word, _)| *word).collect();
                let words = words.join(", ");
                return Err(format!("unknown word `{word}`, expected some of default, {words}"));
            };
            read = read.with(*part);
        }
        Ok(read)
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_of_a_configuration_can_be_read() {
        for seed in 0..200 {
            let drawn = Configuration::draw(&mut SplitMix64::new(seed), Topology::Sentinel);
            assert_eq!(drawn.to_string().parse(), Ok(drawn));
        }
        let error = "valkey,redis".parse::<Configuration>().unwrap_err();
        assert!(error.starts_with("unknown word `redis`, expected some of default, valkey, "));
    }

    #[test]
    fn every_part_is_drawn_by_some_seed_where_it_suits() {
        let drawn = |topology| {
            let all = (0..1_000).map(SplitMix64::new);
            let all = all.map(|mut random| Configuration::draw(&mut random, topology).words());
            all.flatten().collect::<std::collections::BTreeSet<_>>()
        };
        let mut all = drawn(Topology::Sentinel);
        assert!(!all.contains("hostnames"));
        let of_cluster = drawn(Topology::Cluster);
        assert!(!of_cluster.contains("missing-sentinel"));
        all.extend(of_cluster);
        assert_eq!(all.len(), WORDS.len() + 1);
    }
}
