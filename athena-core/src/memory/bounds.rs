//! How much an entry takes, and how much there may be.
//!
//! Invariant: entries within the bounds are no more than `max_entries`, and take no more than `max_bytes` as
//! far as their sizes are known.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use crate::contained::contained;
use crate::entry::Slot;
use crate::settings::Memory;

/// Says how many bytes a value takes.
type Weigh = Arc<dyn Fn(&dyn Any) -> u64 + Send + Sync>;

/// What values of some types take, by their own account.
#[derive(Clone, Default)]
pub(crate) struct Weighers(HashMap<TypeId, Weigh>);

impl Weighers {
    pub(crate) fn add<V: 'static>(&mut self, weigh: impl Fn(&V) -> usize + Send + Sync + 'static) {
        let weigh =
            move |value: &dyn Any| value.downcast_ref::<V>().map_or(0, |it| weigh(it) as u64);
        self.0.insert(TypeId::of::<V>(), Arc::new(weigh));
    }

    /// What a value takes; `None` if nobody says, or if whoever does panics.
    fn weigh(&self, value: &dyn Any) -> Option<u64> {
        let weigh = self.0.get(&value.type_id())?;
        contained(|| weigh(value)).ok()
    }
}

impl std::fmt::Debug for Weighers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Weighers").field("types", &self.0.len()).finish()
    }
}

/// The bounds of memory, in units that fit moka's weights.
#[derive(Debug)]
pub(super) struct Bounds {
    /// In units; without a bound in bytes an entry is one.
    pub(super) capacity: u64,
    max_entries: u64,
    in_bytes: Option<InBytes>,
    weighers: Weighers,
}

#[derive(Debug, Clone, Copy)]
struct InBytes {
    most: u64,
    /// Bytes of a unit.
    unit: u64,
    /// Units that an entry counts for at least: its share of one in `max_entries`.
    least: u64,
}

/// What an entry takes beside its value: as measured (`tests/budget/kept.rs`), on an average of how full tables are.
const ENTRY: u64 = 375;
/// What it takes more if it depends on names, or is in a backend.
const TIES: u64 = 60;
/// What it takes for each name that it depends on, as if nothing else depended on it.
const DEPENDENCY: u64 = 65;
/// What is kept beside it of the generation of each tag, as far as there is a backend: those of the entry itself and of
/// the namespace come first.
const GENERATION: u64 = 20;

/// Half of the largest weight, so that what is too heavy can be told from what is not.
const MOST_UNITS: u64 = (u32::MAX / 2) as u64;

impl Bounds {
    pub(super) fn new(memory: &Memory, weighers: Weighers) -> Self {
        let max_entries = memory.max_entries;
        // The largest number means no limit.
        let Some(most) = memory.max_bytes.filter(|most| *most < u64::MAX) else {
            return Self { capacity: max_entries, max_entries, in_bytes: None, weighers };
        };
        let unit = most / MOST_UNITS + 1;
        let capacity = most / unit;
        let least = capacity.div_ceil(max_entries.max(1)).max(1);
        let in_bytes = Some(InBytes { most, unit, least });
        Self { capacity, max_entries, in_bytes, weighers }
    }

    /// How many units an entry takes, as far as is known.
    pub(super) fn size(&self, slot: &Slot) -> u32 {
        let meta = slot.meta();
        let (value, inline) = slot.value();
        let value = self.weighers.weigh(value).unwrap_or(inline as u64 + meta.encoded_len());
        let names = meta.ties().map_or(0, |names| {
            let (names, tags) = (names as u64, names.saturating_sub(2) as u64);
            let generations = GENERATION.saturating_mul(tags);
            DEPENDENCY.saturating_mul(names).saturating_add(generations).saturating_add(TIES)
        });
        let key = meta.key().apart() as u64;
        self.units([key, value, names].into_iter().fold(ENTRY, u64::saturating_add))
    }

    /// So many bytes in units; the largest number if there is none for them.
    fn units(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(self.unit())).unwrap_or(u32::MAX)
    }

    /// Units in bytes.
    pub(super) fn bytes(&self, units: u64) -> u64 {
        units.saturating_mul(self.unit())
    }

    /// Without a bound in bytes what is larger than 4 GiB counts for that.
    fn unit(&self) -> u64 {
        self.in_bytes.map_or(1, |it| it.unit)
    }

    /// The weight of so many units.
    pub(super) fn weight(&self, units: u32) -> u32 {
        let Some(InBytes { least, .. }) = self.in_bytes else { return 1 };
        u32::try_from(u64::from(units).max(least)).unwrap_or(u32::MAX)
    }

    /// Whether an entry of so many units has no room even alone.
    pub(super) fn is_too_large(&self, units: u32) -> bool {
        self.in_bytes.is_some() && u64::from(self.weight(units)) > self.capacity
    }

    /// Whether there are too many entries.
    pub(super) fn are_fewer_than(&self, entries: u64) -> bool {
        self.max_entries < entries
    }

    /// Whether so many bytes are too many for all entries.
    pub(super) fn are_exceeded_by(&self, bytes: u64) -> bool {
        self.in_bytes.is_some_and(|it| bytes > it.most)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Memory, Weighers};

    fn bounds(max_entries: u64, max_bytes: u64) -> Bounds {
        let memory = Memory { max_entries, max_bytes: Some(max_bytes), ..Memory::default() };
        Bounds::new(&memory, Weighers::default())
    }

    #[test]
    fn whatever_the_bounds_entries_within_the_capacity_are_within_both() {
        let numbers = [1, 2, 3, 10, 999, 10_000, 1 << 31, (1 << 32) + 1, 1 << 40, u64::MAX - 1];
        for (max_entries, max_bytes) in numbers.iter().flat_map(|a| numbers.map(|b| (*a, b))) {
            let bounds = bounds(max_entries, max_bytes);
            for bytes in numbers {
                let units = bounds.units(bytes);
                let weight = u64::from(bounds.weight(units));
                let fit = bounds.capacity / weight;
                assert!(fit <= max_entries, "{max_entries} {max_bytes} {bytes}");
                assert!(u128::from(fit) * u128::from(bytes) <= u128::from(max_bytes));
                assert_eq!(fit == 0, bounds.is_too_large(units));
            }
        }
    }

    #[test]
    fn the_largest_number_of_bytes_is_no_limit() {
        let bounds = bounds(7, u64::MAX);
        assert_eq!((bounds.capacity, bounds.weight(u32::MAX)), (7, 1));
        assert!(!bounds.is_too_large(u32::MAX));
    }
}
