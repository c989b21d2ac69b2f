//! Counts what happened in the recent past, in slices that age out one by one.
//!
//! Invariant: `total` is the sum of `slices`, so that neither counting nor asking walks over them
//! more than once per slice of time.

use std::time::Duration;

use crate::clock::{Tick, millis};

const SLICES: usize = 10;

/// How often something happened within a length of time, to a tenth of it.
#[derive(Debug)]
pub(super) struct Window {
    slices: [u32; SLICES],
    total: u32,
    /// The number of the newest slice, counted from tick 0.
    newest: u64,
    /// Milliseconds per slice.
    slice: u64,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self { slices: [0; SLICES], total: 0, newest: 0, slice: slice_of(length) }
    }

    /// Counts one more; a `now` from before the newest slice counts there.
    pub(super) fn add(&mut self, now: Tick) {
        self.advance(now.as_millis() / self.slice);
        self.put(1);
    }

    /// How many there were until `now`.
    pub(super) fn total(&mut self, now: Tick) -> u32 {
        self.advance(now.as_millis() / self.slice);
        self.total
    }

    /// Another length from now on; what was counted is kept, as far as it is not too old for it.
    pub(super) fn resize(&mut self, length: Duration) {
        if slice_of(length) == self.slice {
            return;
        }
        let old = std::mem::replace(self, Self::new(length));
        for number in old.newest.saturating_sub(SLICES as u64 - 1)..=old.newest {
            // In the units of the old slices, the product is at most the time of the last count.
            self.advance(number * old.slice / self.slice);
            self.put(old.slices[place(number)]);
        }
    }

    fn advance(&mut self, number: u64) {
        let passed = number.saturating_sub(self.newest).min(SLICES as u64);
        for step in 1..=passed {
            let aged = &mut self.slices[place(self.newest + step)];
            self.total -= *aged;
            *aged = 0;
        }
        self.newest = self.newest.max(number);
    }

    fn put(&mut self, count: u32) {
        if let Some(total) = self.total.checked_add(count) {
            self.total = total;
            self.slices[place(self.newest)] += count;
        }
    }
}

fn slice_of(length: Duration) -> u64 {
    (millis(length) / SLICES as u64).max(1)
}

fn place(number: u64) -> usize {
    usize::try_from(number % SLICES as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::Window;
    use crate::clock::Tick;

    const LENGTH: Duration = Duration::from_secs(10);

    fn at(millis: u64) -> Tick {
        Tick::from_millis((1 << 40) + millis)
    }

    fn counted(window: &mut Window, times: &[u64]) {
        for time in times {
            window.add(at(*time));
        }
    }

    #[test]
    fn what_is_older_than_the_window_ages_out_slice_by_slice() {
        let mut window = Window::new(LENGTH);
        let start = 224; // The meta start of 2^40 ms ends 776 ms into a slice of a second.
        counted(&mut window, &[start, start, start + 1_000, start + 5_000]);
        for (later, total) in [(9_999, 4), (10_000, 2), (11_000, 1), (14_999, 1), (15_000, 0)] {
            assert_eq!(window.total(at(start + later)), total, "after {later} ms");
        }
    }

    #[test]
    fn a_count_from_before_the_newest_slice_counts_there() {
        let mut window = Window::new(LENGTH);
        counted(&mut window, &[30_000, 0]);
        assert_eq!(window.total(at(30_000)), 2);
        assert_eq!(window.total(at(0)), 2);
    }

    #[test]
    fn another_length_keeps_what_is_young_enough_for_it() {
        for (length, total) in [(1, 2), (5, 3), (10, 4), (100, 4)] {
            let mut window = Window::new(LENGTH);
            counted(&mut window, &[0, 5_500, 9_000, 9_000]);
            window.resize(Duration::from_secs(length));
            assert_eq!(window.total(at(9_000)), total, "{length} s");
            let gone = Duration::from_secs(length + 1);
            assert_eq!(window.total(at(9_000).after(gone)), 0, "{length} s");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn it_counts_as_a_list_of_times_does(
            length in 1_u64..50_000,
            steps in prop::collection::vec((0_u64..10_000, any::<bool>()), 1..100),
        ) {
            let slice = (length / 10).max(1);
            let mut window = Window::new(Duration::from_millis(length));
            let (mut now, mut times) = (at(0), Vec::new());
            for (step, counts) in steps {
                now = now.after(Duration::from_millis(step));
                if counts {
                    window.add(now);
                    times.push(now.as_millis() / slice);
                }
                let oldest = now.as_millis() / slice - 9;
                let expected = times.iter().filter(|time| **time >= oldest).count();
                prop_assert_eq!(window.total(now) as usize, expected);
            }
        }
    }
}
