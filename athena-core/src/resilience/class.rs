//! What follows from a failure: for the breaker, for whether to ask again, for trust.
//!
//! How a reply or an error of Redis becomes a class stands in `athena-redis/src/link/class.rs`.
//!
//! Invariant: this table is the only place that knows; nothing else matches on classes to decide.

use super::breaker::Ending;
use crate::backend::{Class, Failure};

/// What kind of operation was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OperationKind {
    pub(crate) traffic: Traffic,
    pub(crate) repeat: Repeat,
    pub(crate) wait: Wait,
}

/// What a store must be able to do for an operation; each has a breaker of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Traffic {
    /// Reads, and removals, which a store that refuses writes still takes.
    Serving,
    /// What writes values, leases and generations.
    Storing,
}

/// Whether an operation that may have happened may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Repeat {
    /// Twice is as good as once.
    Safe,
    /// Twice is not: one token asks for a lease once.
    Unsafe,
}

/// Who waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wait {
    /// A caller, who has waited long enough after one attempt that timed out.
    Caller,
    /// Nobody: it runs off the callers' path.
    Nobody,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// What the breaker is told; without it, the permit is dropped.
    pub(crate) ending: Option<Ending>,
    pub(crate) retry: Retry,
}

/// What a failure says about the node, whatever it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    /// It says itself that it does not serve: what was read from it is not trusted any more.
    pub(crate) ends_trust: bool,
    /// It may take a removal where it refused a write.
    pub(crate) may_remove: bool,
    /// It will never do what was asked, however often that is sent.
    pub(crate) is_final: bool,
    /// It answers, and does not do its work.
    pub(crate) refuses: Option<Refuses>,
}

/// When a node that answers counts as one that does not do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refuses {
    AtOnce,
    /// It says so during a failover as well, or while it starts.
    IfItLasts,
}

/// Whether to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    /// Without a pause: it was not done, and somebody else does it.
    AtOnce,
    /// After a pause.
    Later,
}

impl Traffic {
    pub(crate) const ALL: [Self; 2] = [Self::Serving, Self::Storing];

    /// A short name, as used in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serving => "reads",
            Self::Storing => "writes",
        }
    }
}

impl Word {
    pub(crate) fn of(class: Class) -> Self {
        let nothing = Self { ends_trust: false, may_remove: false, is_final: false, refuses: None };
        match class {
            Class::Unready | Class::Moved => {
                Self { ends_trust: true, refuses: Some(Refuses::IfItLasts), ..nothing }
            }
            // A user may be allowed to remove what it must not write.
            Class::WriteRefused | Class::Denied => {
                Self { may_remove: true, refuses: Some(Refuses::AtOnce), ..nothing }
            }
            // The breaker of writes may be open alone.
            Class::Open => Self { may_remove: true, ..nothing },
            Class::Rejected | Class::Closed => Self { is_final: true, ..nothing },
            Class::Unreachable
            | Class::Timeout
            | Class::Slow
            | Class::HeldOff
            | Class::Disconnected
            | Class::Scattered
            | Class::Overloaded
            | Class::TooLate => nothing,
        }
    }
}

/// Whether a read that failed has found nothing that counts, rather than not been answered (coherence 18).
pub(crate) fn is_miss(class: Class) -> bool {
    matches!(class, Class::Scattered | Class::HeldOff)
}

/// Whether a store that answered so may do the same for other names, and will not for these.
pub(crate) fn refuses_names(class: Class) -> bool {
    matches!(class, Class::Rejected | Class::Denied)
}

/// Whether whoever asked has waited in vain for as long as they may: they do not ask again (behaviour R8).
pub(crate) fn is_wait(class: Class) -> bool {
    matches!(class, Class::Timeout | Class::Slow | Class::TooLate)
}

impl OperationKind {
    /// What follows when an operation of this kind failed.
    pub(crate) fn judge(self, class: Class) -> Judgement {
        const FAILURE: Option<Ending> = Some(Ending::Failure);
        let (ending, retry) = match class {
            // It was not done.
            Class::Unreachable | Class::Unready => (FAILURE, Retry::Later),
            Class::Moved => (None, Retry::AtOnce),
            // It may have been done.
            Class::Timeout if self.wait == Wait::Caller => (FAILURE, Retry::Never),
            Class::Timeout | Class::Disconnected => (FAILURE, self.again()),
            // Nothing is wrong with the node.
            Class::Slow if self.wait == Wait::Caller => (None, Retry::Never),
            Class::Slow => (None, self.again()),
            // It would not be done next time either.
            Class::Rejected => (Some(Ending::Success), Retry::Never),
            Class::WriteRefused if self.traffic == Traffic::Storing => {
                (Some(Ending::Refused), Retry::Never)
            }
            Class::WriteRefused
            | Class::HeldOff
            | Class::Scattered
            | Class::Denied
            | Class::Overloaded
            | Class::Open
            | Class::TooLate
            | Class::Closed => (None, Retry::Never),
        };
        Judgement { ending, retry }
    }

    /// Whether to ask again; not where it is known that the node is away and somebody waits for the outcome,
    /// who has something better to do.
    pub(crate) fn retry(self, failure: &Failure) -> Retry {
        let is_waited_for = self.wait == Wait::Caller || self.traffic == Traffic::Serving;
        if failure.is_known_beforehand() && is_waited_for {
            return Retry::Never;
        }
        self.judge(failure.class()).retry
    }

    fn again(self) -> Retry {
        match self.repeat {
            Repeat::Safe => Retry::Later,
            Repeat::Unsafe => Retry::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Judgement, OperationKind, Refuses, Repeat, Retry, Traffic, Wait, Word};
    use crate::backend::Class;
    use crate::resilience::breaker::Ending;

    const SUCCESS: Option<Ending> = Some(Ending::Success);
    const FAILURE: Option<Ending> = Some(Ending::Failure);
    const REFUSED: Option<Ending> = Some(Ending::Refused);

    /// The breaker for Serve and Store; the retry of what is safe to repeat and nobody waits for, of
    /// what is safe and a caller waits for, and of what is not safe.
    type Row = (Class, [Option<Ending>; 2], [Retry; 3]);

    const TABLE: [Row; 15] = {
        use Retry::{AtOnce, Later, Never};
        [
            (Class::Unreachable, [FAILURE, FAILURE], [Later, Later, Later]),
            (Class::Timeout, [FAILURE, FAILURE], [Later, Never, Never]),
            (Class::Slow, [None, None], [Later, Never, Never]),
            (Class::HeldOff, [None, None], [Never, Never, Never]),
            (Class::Disconnected, [FAILURE, FAILURE], [Later, Later, Never]),
            (Class::Unready, [FAILURE, FAILURE], [Later, Later, Later]),
            (Class::Moved, [None, None], [AtOnce, AtOnce, AtOnce]),
            (Class::Scattered, [None, None], [Never, Never, Never]),
            (Class::WriteRefused, [None, REFUSED], [Never, Never, Never]),
            (Class::Denied, [None, None], [Never, Never, Never]),
            (Class::Rejected, [SUCCESS, SUCCESS], [Never, Never, Never]),
            (Class::Overloaded, [None, None], [Never, Never, Never]),
            (Class::Open, [None, None], [Never, Never, Never]),
            (Class::TooLate, [None, None], [Never, Never, Never]),
            (Class::Closed, [None, None], [Never, Never, Never]),
        ]
    };

    #[test]
    fn every_class_and_kind_is_judged_as_the_table_says() {
        assert_eq!(TABLE.map(|(class, ..)| class), Class::ALL);
        for (class, [serve, store], [nobody, caller, once]) in TABLE {
            for (traffic, ending) in [(Traffic::Serving, serve), (Traffic::Storing, store)] {
                for (repeat, wait, retry) in [
                    (Repeat::Safe, Wait::Nobody, nobody),
                    (Repeat::Safe, Wait::Caller, caller),
                    (Repeat::Unsafe, Wait::Nobody, once),
                    (Repeat::Unsafe, Wait::Caller, once),
                ] {
                    let kind = OperationKind { traffic, repeat, wait };
                    assert_eq!(kind.judge(class), Judgement { ending, retry }, "{class} {kind:?}");
                }
            }
        }
    }

    #[test]
    fn every_class_says_something_about_its_node_or_nothing() {
        for class in Class::ALL {
            let is = |classes: &[Class]| classes.contains(&class);
            let word = Word {
                ends_trust: is(&[Class::Unready, Class::Moved]),
                may_remove: is(&[Class::WriteRefused, Class::Denied, Class::Open]),
                is_final: is(&[Class::Rejected, Class::Closed]),
                refuses: if is(&[Class::WriteRefused, Class::Denied]) {
                    Some(Refuses::AtOnce)
                } else {
                    is(&[Class::Unready, Class::Moved]).then_some(Refuses::IfItLasts)
                },
            };
            assert_eq!(Word::of(class), word, "{class}");
        }
    }

    #[test]
    fn what_may_have_happened_is_never_sent_again_unless_that_is_safe() {
        for class in Class::ALL.into_iter().filter(|class| class.may_have_happened()) {
            for traffic in [Traffic::Serving, Traffic::Storing] {
                for wait in [Wait::Caller, Wait::Nobody] {
                    let kind = OperationKind { traffic, repeat: Repeat::Unsafe, wait };
                    assert_eq!(kind.judge(class).retry, Retry::Never, "{class} {kind:?}");
                }
            }
        }
    }
}
