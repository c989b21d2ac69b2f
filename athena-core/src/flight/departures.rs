//! Which keys have lately had a flight that ended.
//!
//! Invariant: a flight that has ended since a count that was noted is told of, and one too many at most.

/// How many are remembered.
const REMEMBERED: usize = 16;

/// The flights that have ended.
#[derive(Debug, Default)]
pub(super) struct Departures {
    count: u64,
    /// The hashes of the last ones' keys.
    last: [u64; REMEMBERED],
}

impl Departures {
    /// How many there have been.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn note(&mut self, hash: u64) {
        let place = self.place(self.count);
        self.last[place] = hash;
        self.count += 1;
    }

    /// Whether a flight of a key with this hash may be among those since then.
    pub(super) fn may_include(&self, hash: u64, since: u64) -> bool {
        let past = self.count.saturating_sub(since);
        past > REMEMBERED as u64
            || (since..self.count).any(|number| self.last[self.place(number)] == hash)
    }

    fn place(&self, number: u64) -> usize {
        usize::try_from(number % self.last.len() as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_since_is_told_of() {
        let mut departures = Departures::default();
        departures.note(7);
        let since = departures.count();
        assert!(departures.may_include(7, 0));
        assert!(!departures.may_include(7, since), "before");
        (0..REMEMBERED as u64 - 1).for_each(|number| departures.note(100 + number));
        assert!(!departures.may_include(7, since));
        departures.note(7);
        assert!(departures.may_include(7, since));
        assert!(!departures.may_include(8, since));
        departures.note(9);
        assert!(departures.may_include(8, since), "too many to tell");
    }
}
