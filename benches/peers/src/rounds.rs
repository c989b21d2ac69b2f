//! Measurements of several subjects in turn.

use crate::spread::Spread;

/// The median of each subject's share of what the first came to in the same round, for all that is measured.
///
/// `measure` is told the round and the subject.
pub(crate) fn ratios<const N: usize>(
    rounds: usize,
    subjects: usize,
    mut measure: impl FnMut(usize, usize) -> [f64; N],
) -> [Vec<f64>; N] {
    let mut first = [1.0; N];
    let medians: Vec<[f64; N]> = medians(rounds, subjects, |round, subject| {
        let measured = measure(round, subject);
        if subject == 0 {
            first = measured;
        }
        std::array::from_fn(|what| measured[what] / first[what])
    });
    std::array::from_fn(|what| medians.iter().map(|medians| medians[what]).collect())
}

/// The median of all that is measured of each subject.
pub(crate) fn medians<const N: usize>(
    rounds: usize,
    subjects: usize,
    mut measure: impl FnMut(usize, usize) -> [f64; N],
) -> Vec<[f64; N]> {
    let fresh = |_| std::array::from_fn::<_, N, _>(|_| Spread::default());
    let mut spreads: Vec<_> = (0..subjects).map(fresh).collect();
    for round in 0..rounds {
        for (subject, spreads) in spreads.iter_mut().enumerate() {
            for (spread, measured) in spreads.iter_mut().zip(measure(round, subject)) {
                spread.add(measured);
            }
        }
    }
    spreads.iter().map(|spreads| spreads.each_ref().map(Spread::median)).collect()
}
