//! The entries that are hit most, out of a sample of hits.
//!
//! Invariant: bounded; whoever samples never waits, and allocates only for an entry that is not here yet.

use std::sync::{Mutex, PoisonError, TryLockError};

use super::topic::Topic;

/// Entries that are kept.
const PLACES: usize = 128;

/// One hit of this many is sampled.
pub(crate) const SAMPLED: u64 = 1_024;

/// An entry that is hit often: from [`Cache::hot`](crate::Cache::hot).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HotEntry {
    /// The entry.
    pub topic: Topic,
    /// About how many hits it had, at most.
    pub hits: u64,
    /// By how much that may be too many, since the entry was not always among those that are kept.
    pub error: u64,
}

#[derive(Debug)]
struct HotPlace {
    hash: u64,
    topic: Topic,
    count: u64,
    error: u64,
}

/// Space-Saving: what is new takes the place of the least, and its count.
#[derive(Debug, Default)]
pub(crate) struct HotList(Mutex<Vec<HotPlace>>);

impl HotList {
    /// Offers a sampled hit; nothing happens while somebody else does so.
    pub(crate) fn offer(&self, hash: u64, topic: impl FnOnce() -> Topic) {
        let mut places = match self.0.try_lock() {
            Ok(places) => places,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if let Some(place) = places.iter_mut().find(|place| place.hash == hash) {
            place.count += 1;
            return;
        }
        if places.len() < PLACES {
            places.push(HotPlace { hash, topic: topic(), count: 1, error: 0 });
            return;
        }
        if let Some(least) = places.iter_mut().min_by_key(|place| place.count) {
            let (error, count) = (least.count, least.count + 1);
            *least = HotPlace { hash, topic: topic(), count, error };
        }
    }

    /// The entries, the hottest first.
    pub(crate) fn read(&self) -> Vec<HotEntry> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hot = places.iter().map(|place| HotEntry {
            topic: place.topic.clone(),
            hits: place.count.saturating_mul(SAMPLED),
            error: place.error.saturating_mul(SAMPLED),
        });
        let mut hot: Vec<_> = hot.collect();
        hot.sort_by_key(|entry| std::cmp::Reverse(entry.hits));
        hot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(list: &HotList, number: u64) {
        list.offer(number, || Topic::of_function(Box::leak(format!("f{number}").into())));
    }

    #[test]
    fn what_is_hit_most_stays_whatever_else_passes_by() {
        let list = HotList::default();
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            // Half of all hits go to four entries, the rest to ten thousand.
            offer(&list, if random.bool() { random.u64(..4) } else { random.u64(4..10_000) });
        }
        let hot = list.read();
        assert_eq!(hot.len(), PLACES);
        let mut first: Vec<_> = hot[..4].iter().filter_map(|hot| hot.topic.function()).collect();
        first.sort_unstable();
        assert_eq!(first, ["f0", "f1", "f2", "f3"]);
        for hot in &hot[..4] {
            let least = (hot.hits - hot.error) / SAMPLED;
            assert!((2_000..=2_800).contains(&least), "{hot:?}");
        }
    }
}
