//! What the state of a lease means for a load: who may join it, how far what it leaves is trusted, where
//! that is kept (coherence 1 and 6).

use crate::coherence::joining::Joinable;
use crate::coherence::trust::Trust;
use crate::telemetry::not_kept::NotKept;

/// The lease of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum LeaseState {
    /// Nobody else can load it: there is no backend for it.
    NotNeeded,
    /// Others load it as well, and its value cannot be handed on.
    Confined,
    /// The value may go to the backend; the flight keeps the lease.
    Held,
    /// Another process loads the same.
    HeldElsewhere,
    /// Another process holds it, and was waited for in vain.
    Overdue,
    /// The value stays here: the backend cannot say who loads it.
    Unleased,
}

/// What a request for a lease was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseReply {
    Granted,
    /// Somebody else holds it.
    Elsewhere,
    /// Somebody else does, for longer than anybody waits.
    Overdue,
    /// Nothing: it may have been granted all the same.
    Unanswered,
    /// It was not asked, or will not be granted.
    Refused,
}

/// What follows from the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AfterReply {
    pub(super) state: LeaseState,
    pub(super) guard: GuardFate,
    pub(super) joining: Joining,
}

/// What becomes of the guard that was made before the lease was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GuardFate {
    /// The flight holds it.
    Held,
    /// It gives back what may have been granted.
    Dropped,
    /// There is nothing to give back.
    Forgotten,
}

/// Whether others may join whenever the load began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joining {
    /// While sessions announce, until the lease has ended.
    UnderLease,
    /// When they came decides (coherence 14).
    ByArrival,
}

/// What is done with a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct Keeping {
    pub(super) trusted: Trusted,
    pub(super) kept_in: KeptIn,
    /// Whether the loads of a function are bounded in this state.
    pub(in crate::engine) is_bounded: bool,
    /// Why the backend does not get it, where that is worth telling.
    pub(super) not_kept: Option<NotKept>,
}

/// What makes a result more than a copy for the time when the backend is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trusted {
    /// Nobody else can change it.
    Always,
    /// Its lease, for as long as others may join the load.
    UnderLease,
    /// Nothing: nobody would announce that it was invalidated.
    Never,
}

/// When the tags of a result were known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Labelling {
    BeforeLoad,
    /// Some of them after it.
    Late,
    /// They are more than are kept with an entry in the backend.
    Excessive,
}

/// Where a result is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeptIn {
    /// In memory, which is its only tier.
    Memory,
    /// In memory, and in the backend once that has taken it.
    Backend,
    /// In memory as a copy: the backend does not have it.
    Copy,
}

impl LeaseReply {
    pub(super) fn consequences(self) -> AfterReply {
        let (state, guard, joining) = match self {
            Self::Granted => (LeaseState::Held, GuardFate::Held, Joining::UnderLease),
            Self::Elsewhere => {
                (LeaseState::HeldElsewhere, GuardFate::Forgotten, Joining::ByArrival)
            }
            Self::Overdue => (LeaseState::Overdue, GuardFate::Forgotten, Joining::ByArrival),
            Self::Unanswered => (LeaseState::Unleased, GuardFate::Dropped, Joining::ByArrival),
            Self::Refused => (LeaseState::Unleased, GuardFate::Forgotten, Joining::ByArrival),
        };
        AfterReply { state, guard, joining }
    }
}

impl LeaseState {
    /// What is done with a result in this state.
    pub(in crate::engine) fn keeping(self, labelling: Labelling) -> Keeping {
        let copy = Keeping {
            trusted: Trusted::Never,
            kept_in: KeptIn::Copy,
            is_bounded: false,
            not_kept: None,
        };
        match self {
            Self::NotNeeded => {
                Keeping { trusted: Trusted::Always, kept_in: KeptIn::Memory, ..copy }
            }
            Self::Held => match labelling {
                Labelling::BeforeLoad => {
                    Keeping { trusted: Trusted::UnderLease, kept_in: KeptIn::Backend, ..copy }
                }
                // They have not been read yet: nobody announces that they change.
                Labelling::Late => Keeping { kept_in: KeptIn::Backend, ..copy },
                Labelling::Excessive => copy,
            },
            Self::HeldElsewhere => Keeping { not_kept: Some(NotKept::LeaseHeld), ..copy },
            // Nobody is known to load it: as without a word of the backend.
            Self::Overdue => {
                Keeping { is_bounded: true, not_kept: Some(NotKept::LeaseHeld), ..copy }
            }
            Self::Confined => copy,
            Self::Unleased => Keeping { is_bounded: true, ..copy },
        }
    }
}

impl Trusted {
    /// The trust in a result of a load that may be joined so far.
    pub(super) fn trust(self, joinable: &Joinable) -> Trust {
        match self {
            Self::Always => Trust::own(),
            Self::UnderLease => joinable.trust(),
            Self::Never => Trust::none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backend::{Node, Proof};
    use crate::clock::Tick;
    use crate::coherence::guards::Guards;
    use crate::coherence::session::Sessions;
    use crate::coherence::trust::Backing;

    const STATES: [LeaseState; 6] = [
        LeaseState::NotNeeded,
        LeaseState::Held,
        LeaseState::HeldElsewhere,
        LeaseState::Overdue,
        LeaseState::Unleased,
        LeaseState::Confined,
    ];

    #[test]
    fn every_answer_to_a_request_for_a_lease_has_its_consequences() {
        use {GuardFate as Guard, Joining as Join, LeaseReply as Reply, LeaseState as State};
        for (reply, state, guard, joining) in [
            (Reply::Granted, State::Held, Guard::Held, Join::UnderLease),
            (Reply::Elsewhere, State::HeldElsewhere, Guard::Forgotten, Join::ByArrival),
            (Reply::Overdue, State::Overdue, Guard::Forgotten, Join::ByArrival),
            (Reply::Unanswered, State::Unleased, Guard::Dropped, Join::ByArrival),
            (Reply::Refused, State::Unleased, Guard::Forgotten, Join::ByArrival),
        ] {
            assert_eq!(reply.consequences(), AfterReply { state, guard, joining }, "{reply:?}");
        }
    }

    #[test]
    fn a_result_is_kept_bounded_and_told_of_by_its_lease() {
        let held = Some(NotKept::LeaseHeld);
        let told = [None, None, held, held, None, None];
        let kept = [KeptIn::Memory, KeptIn::Backend].into_iter().chain([KeptIn::Copy; 4]);
        let kept: Vec<_> = kept.collect();
        for labelling in [Labelling::BeforeLoad, Labelling::Late, Labelling::Excessive] {
            for (number, state) in STATES.into_iter().enumerate() {
                let keeping = state.keeping(labelling);
                let is_unsent = labelling == Labelling::Excessive && state == LeaseState::Held;
                let kept = if is_unsent { KeptIn::Copy } else { kept[number] };
                assert_eq!(keeping.kept_in, kept, "{state:?} {labelling:?}");
                assert_eq!(keeping.not_kept, told[number], "{state:?} {labelling:?}");
                let is_bounded = matches!(state, LeaseState::Overdue | LeaseState::Unleased);
                assert_eq!(keeping.is_bounded, is_bounded, "{state:?} {labelling:?}");
            }
        }
    }

    /// What announces changes, as the trust in a result depends on it.
    #[derive(Debug, Clone, Copy)]
    enum Announcing {
        /// Signs of life are answered.
        Proven,
        /// None has been for the window.
        Silent,
        /// The connection was lost.
        Lost,
    }

    fn trust(state: LeaseState, labelling: Labelling, announcing: Announcing) -> bool {
        let (node, sent) = (Node::ONLY, Tick::from_millis(1_000));
        let sessions = Sessions::new(Duration::from_secs(2), Guards::default());
        let proof = Proof { epoch: 1, history: 7, tracks: true, lag: Duration::ZERO };
        let session = sessions.of(node, sessions.incarnation(node), &proof, sent);
        let lease_ends = Tick::from_millis(6_000);
        let joinable = Joinable::announced(Backing::of([session]), lease_ends);
        let trust = state.keeping(labelling).trusted.trust(&joinable);
        let now = match announcing {
            Announcing::Proven => Tick::from_millis(2_000),
            Announcing::Silent => Tick::from_millis(3_000),
            Announcing::Lost => {
                sessions.end(node);
                Tick::from_millis(2_000)
            }
        };
        trust.holds(now)
    }

    #[test]
    fn a_result_is_trusted_by_its_lease_and_its_session() {
        use Announcing::{Lost, Proven, Silent};
        for announcing in [Proven, Silent, Lost] {
            for labelling in [Labelling::BeforeLoad, Labelling::Late, Labelling::Excessive] {
                let trust = |state| trust(state, labelling, announcing);
                let is_announced =
                    matches!(announcing, Proven) && labelling == Labelling::BeforeLoad;
                assert!(trust(LeaseState::NotNeeded), "{announcing:?}");
                assert_eq!(trust(LeaseState::Held), is_announced, "{announcing:?} {labelling:?}");
                assert!(!trust(LeaseState::HeldElsewhere), "{announcing:?}");
                assert!(!trust(LeaseState::Overdue), "{announcing:?}");
                assert!(!trust(LeaseState::Unleased), "{announcing:?}");
                assert!(!trust(LeaseState::Confined), "{announcing:?}");
            }
        }
    }
}
