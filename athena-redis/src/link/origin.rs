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
    /// From several connections; the last reply came on this one.
    Mixed(Proof),
    /// The last reply came from a node that was only asked in place of the one that serves.
    StandIn,
}

impl Origin {
    /// What proves all of the answer, if one connection does (coherence 4).
    pub(crate) fn proof(self) -> Option<Proof> {
        match self {
            Self::One(proof) => Some(proof),
            Self::Nowhere | Self::Mixed(_) | Self::StandIn => None,
        }
    }

    /// The connection of the last reply, and nothing more than that where others came elsewhere; nothing where
    /// it came from a stand-in.
    pub(crate) fn last(self) -> Option<Proof> {
        match self {
            Self::Nowhere | Self::StandIn => None,
            Self::One(proof) => Some(proof),
            Self::Mixed(proof) => Some(Proof { history: 0, tracks: false, ..proof }),
        }
    }

    /// The same, where not the one who serves was asked.
    pub(crate) fn of_stand_in(self) -> Self {
        match self {
            Self::Nowhere => Self::Nowhere,
            Self::One(_) | Self::Mixed(_) | Self::StandIn => Self::StandIn,
        }
    }

    /// Where replies came from of which some came from here, and the last one from there.
    ///
    /// Coherence 8: of two histories that one connection was told meanwhile, neither holds for all.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nowhere, it) | (it, Self::Nowhere) => it,
            (Self::One(one), Self::One(other)) if one == other => self,
            (_, Self::One(proof) | Self::Mixed(proof)) => Self::Mixed(proof),
            (_, Self::StandIn) => Self::StandIn,
        }
    }

    /// The same, where it was confirmed so long ago that the node serves.
    pub(super) fn late_by(self, lag: Duration) -> Self {
        match self {
            Self::One(proof) => Self::One(Proof { lag, ..proof }),
            Self::Mixed(proof) => Self::Mixed(Proof { lag, ..proof }),
            Self::Nowhere | Self::StandIn => self,
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
    fn an_answer_that_came_in_pieces_proves_only_where_the_last_of_them_came_from() {
        let (one, other, renamed) = (on(1, 5), on(2, 6), on(1, 7));
        let unproven = |proof| Some(Proof { history: 0, tracks: false, ..proof });
        let stand_in = Origin::One(other).of_stand_in();
        for (origin, proof, last) in [
            (Origin::Nowhere, None, None),
            (Origin::Nowhere.and(Origin::One(one)), Some(one), Some(one)),
            (Origin::One(one).and(Origin::One(one)), Some(one), Some(one)),
            (Origin::One(one).and(Origin::One(other)), None, unproven(other)),
            (Origin::One(one).and(Origin::One(renamed)), None, unproven(renamed)),
            (Origin::One(one).and(Origin::One(other)).and(Origin::One(one)), None, unproven(one)),
            (stand_in, None, None),
            (Origin::One(one).and(stand_in), None, None),
            (stand_in.and(Origin::One(one)), None, unproven(one)),
        ] {
            assert_eq!((origin.proof(), origin.last()), (proof, last), "{origin:?}");
        }
        let lag = Duration::from_secs(3);
        assert_eq!(Origin::One(one).late_by(lag).proof(), Some(Proof { lag, ..one }));
        assert_eq!(Origin::Nowhere.late_by(lag), Origin::Nowhere);
    }
}
