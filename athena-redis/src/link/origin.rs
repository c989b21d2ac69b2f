//! Which connections an answer came on.

use std::time::Duration;

use athena_cache_core::backend::Proof;

/// Where the replies to one batch came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From nowhere: the batch was not sent.
    Nowhere,
    /// All from one connection.
    One(Proof),
    /// From several connections, or from a node that was only asked in place of the one that serves.
    Mixed,
}

impl Origin {
    /// What proves all of the answer, if one connection does (coherence 4).
    pub(crate) fn proof(self) -> Option<Proof> {
        match self {
            Self::One(proof) => Some(proof),
            Self::Nowhere | Self::Mixed => None,
        }
    }

    /// The same, where not the one who serves was asked.
    pub(crate) fn mixed(self) -> Self {
        match self {
            Self::Nowhere => Self::Nowhere,
            Self::One(_) | Self::Mixed => Self::Mixed,
        }
    }

    /// Where replies came from of which some came from here, and some from there.
    ///
    /// Coherence 8: of two histories that one connection was told meanwhile, neither holds for all.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nowhere, it) | (it, Self::Nowhere) => it,
            (Self::One(one), Self::One(other)) if one == other => self,
            _ => Self::Mixed,
        }
    }

    /// The same, where it was confirmed so long ago that the node serves.
    pub(super) fn late_by(self, lag: Duration) -> Self {
        match self {
            Self::One(proof) => Self::One(Proof { lag, ..proof }),
            Self::Nowhere | Self::Mixed => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(epoch: u64, history: u64) -> Proof {
        Proof { epoch, history, tracks: true, lag: Duration::ZERO }
    }

    #[test]
    fn an_answer_that_came_in_pieces_proves_nothing() {
        let (one, other, renamed) = (on(1, 5), on(2, 6), on(1, 7));
        for (origin, proof) in [
            (Origin::Nowhere, None),
            (Origin::Nowhere.and(Origin::One(one)), Some(one)),
            (Origin::One(one).and(Origin::One(one)), Some(one)),
            (Origin::One(one).and(Origin::One(other)), None),
            (Origin::One(one).and(Origin::One(renamed)), None),
            (Origin::One(one).and(Origin::One(other)).and(Origin::One(one)), None),
            (Origin::One(one).mixed(), None),
        ] {
            assert_eq!(origin.proof(), proof, "{origin:?}");
        }
        let lag = Duration::from_secs(3);
        assert_eq!(Origin::One(one).late_by(lag).proof(), Some(Proof { lag, ..one }));
        assert_eq!(Origin::Nowhere.late_by(lag), Origin::Nowhere);
    }
}
