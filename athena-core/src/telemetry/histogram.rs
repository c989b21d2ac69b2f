//! How often something took how long.
//!
//! Invariant: counts are never behind the number that they add up to by more than what is being counted now; nothing
//! is allocated and no clock is read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Upper bounds of times, in seconds: from a look in memory to a load that nobody wants to wait for.
pub(crate) const TIMES: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// Upper bounds of ages, in seconds: from a second to a day.
pub(crate) const AGES: [f64; 9] = [1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0];

/// What sums of times are counted in: hits in memory take less than a microsecond.
pub(crate) const NANOS: u32 = 1_000_000_000;
/// What sums of ages are counted in: many days of nanoseconds would be too many.
pub(crate) const MICROS: u32 = 1_000_000;

/// Counts by size; the last one is of what is above every bound.
#[derive(Debug)]
pub(crate) struct Histogram<const BOUNDS: usize> {
    bounds: &'static [f64; BOUNDS],
    counts: [AtomicU64; BOUNDS],
    above: AtomicU64,
    /// The sum, in steps.
    steps: AtomicU64,
    steps_per_second: u32,
}

/// How often something took how long, or was how old: a histogram as Prometheus has them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use athena_cache_core::Cache;
/// let cache = Cache::in_memory("shop");
/// cache.entry("a").get_or_load(async || Ok::<_, std::io::Error>(1_u8)).await?;
/// let loads = &cache.report().sites[0].load_time;
/// assert_eq!(loads.count, 1);
/// assert!(loads.at_most(10.0) <= loads.count);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Distribution {
    /// Upper bounds in seconds, each with how many were at most as large and above the bound before it.
    pub buckets: Vec<(f64, u64)>,
    /// How many were above all bounds.
    pub above: u64,
    /// All of them.
    pub count: u64,
    /// All of them together, in seconds.
    pub sum: f64,
}

impl<const BOUNDS: usize> Histogram<BOUNDS> {
    pub(crate) const fn new(bounds: &'static [f64; BOUNDS], steps_per_second: u32) -> Self {
        let counts = [const { AtomicU64::new(0) }; BOUNDS];
        let [above, steps] = [const { AtomicU64::new(0) }; 2];
        Self { bounds, counts, above, steps, steps_per_second }
    }

    pub(crate) fn add(&self, size: Duration) {
        let seconds = size.as_secs_f64();
        let place = self.bounds.iter().position(|bound| seconds <= *bound);
        let count = place.map_or(&self.above, |place| &self.counts[place]);
        count.fetch_add(1, Ordering::Relaxed);
        let steps = size.as_nanos() / u128::from(NANOS / self.steps_per_second);
        self.steps.fetch_add(u64::try_from(steps).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How many there were, and their sum in seconds.
    pub(crate) fn total(&self) -> (u64, f64) {
        let all = self.counts.iter().chain([&self.above]);
        (all.map(|count| count.load(Ordering::Relaxed)).sum(), self.sum())
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum of times needs no 53 bits")]
    fn sum(&self) -> f64 {
        self.steps.load(Ordering::Relaxed) as f64 / f64::from(self.steps_per_second)
    }

    pub(crate) fn read(&self) -> Distribution {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let buckets: Vec<_> =
            self.bounds.iter().copied().zip(self.counts.iter().map(read)).collect();
        let above = read(&self.above);
        let count = buckets.iter().map(|(_, count)| count).sum::<u64>() + above;
        Distribution { buckets, above, count, sum: self.sum() }
    }
}

impl Distribution {
    /// The mean, in seconds; `None` of none.
    #[expect(clippy::cast_precision_loss, reason = "a mean needs no 53 bits")]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// How many were at most this large, in seconds; exact at the bounds, and no more than were so between them.
    pub fn at_most(&self, seconds: f64) -> u64 {
        let counted = self.buckets.iter().take_while(|(bound, _)| *bound <= seconds);
        counted.map(|(_, count)| count).sum()
    }

    /// Adds what was counted elsewhere in the same steps.
    pub(crate) fn add(&mut self, other: &Self) {
        for ((_, count), (_, more)) in self.buckets.iter_mut().zip(&other.buckets) {
            *count += more;
        }
        self.above += other.above;
        self.count += other.count;
        self.sum += other.sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn each_is_counted_under_the_lowest_bound_that_holds_it() {
        let times = Histogram::new(&TIMES, NANOS);
        for time in [
            Duration::ZERO,
            MILLISECOND,
            MILLISECOND + Duration::from_nanos(1),
            20_000 * MILLISECOND,
        ] {
            times.add(time);
        }
        let read = times.read();
        let counts: Vec<_> = read.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts[..5], [1, 0, 0, 1, 1]);
        assert_eq!((read.above, read.count), (1, 4));
        assert_eq!([read.at_most(0.001), read.at_most(0.002), read.at_most(1e9)], [2, 2, 3]);
        assert!((read.sum - 20.002).abs() < 1e-6, "{}", read.sum);
    }

    #[test]
    fn what_was_counted_elsewhere_is_added() {
        let (one, other) = (Histogram::new(&AGES, MICROS), Histogram::new(&AGES, MICROS));
        one.add(MILLISECOND);
        other.add(Duration::MAX);
        other.add(MILLISECOND);
        let mut all = one.read();
        all.add(&other.read());
        assert_eq!((all.buckets[0], all.above, all.count), ((1.0, 2), 1, 3));
    }
}
