//! Repeatable randomness: `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).

use std::time::Duration;

/// The next number depends on the seed and on how many came before.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// Other random for a part of the play.
    pub(crate) fn of(seed: u64, part: &[u64]) -> Self {
        Self::new(part.iter().fold(seed, |seed, part| mix(seed ^ mix(*part))))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Less than `count`, which is not 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.number() % count as u64).expect("less than the count")
    }

    /// In a hundred throws about `percent` times.
    pub(crate) fn hits(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn between(&mut self, [least, most]: [Duration; 2]) -> Duration {
        let range = most.saturating_sub(least).as_micros() + 1;
        let more = u128::from(self.number()) % range;
        least + Duration::from_micros(u64::try_from(more).expect("a short time"))
    }

    /// So many places in a random order.
    pub(crate) fn order(&mut self, count: usize) -> Vec<usize> {
        let mut places: Vec<_> = (0..count).collect();
        for last in (1..count).rev() {
            places.swap(last, self.below(last + 1));
        }
        places
    }
}

/// Spreads a number over all bits.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
