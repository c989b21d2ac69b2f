//! The middle and the end of what was measured.

/// Measurements of one thing.
#[derive(Debug, Default)]
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    pub(crate) fn add(&mut self, measured: f64) {
        let place = self.0.partition_point(|it| *it < measured);
        self.0.insert(place, measured);
    }

    /// What `share` of the measurements, from 0 to 1, do not exceed.
    pub(crate) fn at(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "there are thousands at most"
        )]
        let place = (share * (self.0.len() - 1) as f64).round() as usize;
        self.0[place]
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }
}
