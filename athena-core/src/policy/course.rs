//! What to do after a look: the one decision of every way of reading, for one entry or for many.
//!
//! Invariant: what nobody vouches for is served only where the fallback says so, and flagged.

use super::fallback::{Fallback, Plan};
use super::freshness::Verdict;

/// An entry that may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) verdict: Verdict,
    /// Whether a load failed so recently that none is tried now (behaviour G1).
    pub(crate) held_off: bool,
}

/// What a look in the backend came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackendAnswer {
    Entry(Candidate),
    /// An entry of a node that nobody confirms to be the one that serves (coherence 5).
    InDoubt(Candidate),
    Nothing,
    /// Nothing that counts: not the node that serves has answered, since names are on their way to another one.
    /// That proves nothing, also of what memory has (coherence 18).
    Unproven,
    /// The backend cannot say.
    Unanswered,
}

/// Everything that the decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Situation {
    pub(crate) report: BackendAnswer,
    /// What memory had before the look, past its ttl.
    pub(crate) kept: Option<Candidate>,
    /// What memory has for the time when the backend cannot answer.
    pub(crate) copy: Option<Candidate>,
    pub(crate) fallback: Fallback,
    /// Whether an error of the cache can reach the caller.
    pub(crate) carries_errors: bool,
}

/// Where an entry is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provenance {
    Backend,
    Kept,
    Copy,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Serve what the backend has; `due` for a refresh.
    Fresh { due: bool },
    /// Serve it without the backend's word.
    Degraded(Provenance),
    /// Serve it stale, since no load is tried now.
    Stale(Provenance),
    /// Load; what is in `grace` may answer if that fails. The backend may be `away`.
    Load { grace: Option<Provenance>, away: bool },
    /// Return the backend's failure.
    Fail,
}

impl Situation {
    pub(crate) fn course(self) -> Course {
        match self.report {
            BackendAnswer::Entry(found) => match found.verdict {
                Verdict::Fresh => Course::Fresh { due: false },
                Verdict::Refresh => Course::Fresh { due: true },
                Verdict::Stale => load_or_serve(Provenance::Backend, found, false),
                Verdict::Expired => self.without_backend_entry(false),
            },
            BackendAnswer::Nothing => self.without_backend_entry(false),
            BackendAnswer::Unproven => self.without_backend_entry(true),
            BackendAnswer::InDoubt(found) => match self.fallback.plan(Some(found.verdict)) {
                Plan::Serve => Course::Degraded(Provenance::Backend),
                Plan::Load | Plan::LoadOnly | Plan::Fail => {
                    Course::Load { grace: None, away: true }
                }
            },
            BackendAnswer::Unanswered => self.fall_back(),
        }
    }

    /// A load; without a lease if the backend is as good as `away`.
    fn without_backend_entry(self, away: bool) -> Course {
        match self.kept {
            Some(kept) => load_or_serve(Provenance::Kept, kept, away),
            None => Course::Load { grace: None, away },
        }
    }

    fn fall_back(self) -> Course {
        match (self.fallback.plan(self.copy.map(|copy| copy.verdict)), self.copy) {
            (Plan::Serve, Some(_)) => Course::Degraded(Provenance::Copy),
            (Plan::Load, Some(copy)) => load_or_serve(Provenance::Copy, copy, true),
            (Plan::Fail, _) if self.carries_errors => Course::Fail,
            _ => Course::Load { grace: None, away: true },
        }
    }
}

/// A stale entry answers while no load is tried, and else if the load fails.
fn load_or_serve(from: Provenance, entry: Candidate, away: bool) -> Course {
    if entry.held_off { Course::Stale(from) } else { Course::Load { grace: Some(from), away } }
}

#[cfg(test)]
mod tests {
    use super::Fallback::{FailFast, GracefulDegradation, OriginOnly, ServeStale};
    use super::*;

    const LOAD: Course = Course::Load { grace: None, away: false };
    const LOAD_AWAY: Course = Course::Load { grace: None, away: true };

    fn candidate(verdict: Verdict) -> Candidate {
        Candidate { verdict, held_off: false }
    }

    fn held_off(verdict: Verdict) -> Candidate {
        Candidate { verdict, held_off: true }
    }

    fn in_health(report: BackendAnswer) -> Situation {
        let fallback = GracefulDegradation;
        Situation { report, kept: None, copy: None, fallback, carries_errors: false }
    }

    #[test]
    fn what_the_backend_says_decides_where_it_can_say() {
        let (fresh, stale) = (candidate(Verdict::Fresh), candidate(Verdict::Stale));
        let grace = |from| Course::Load { grace: Some(from), away: false };
        for (report, kept, course) in [
            (BackendAnswer::Entry(fresh), None, Course::Fresh { due: false }),
            (BackendAnswer::Entry(fresh), Some(stale), Course::Fresh { due: false }),
            (BackendAnswer::Entry(candidate(Verdict::Refresh)), None, Course::Fresh { due: true }),
            (BackendAnswer::Entry(stale), None, grace(Provenance::Backend)),
            (
                BackendAnswer::Entry(stale),
                Some(held_off(Verdict::Stale)),
                grace(Provenance::Backend),
            ),
            (BackendAnswer::Entry(candidate(Verdict::Expired)), None, LOAD),
            (BackendAnswer::Nothing, None, LOAD),
            (BackendAnswer::Nothing, Some(stale), grace(Provenance::Kept)),
            (BackendAnswer::Unproven, None, LOAD_AWAY),
            (
                BackendAnswer::Unproven,
                Some(stale),
                Course::Load { grace: Some(Provenance::Kept), away: true },
            ),
        ] {
            // Whatever the fallback is, and whatever memory has for it: it is not asked.
            for fallback in [GracefulDegradation, ServeStale, FailFast, OriginOnly] {
                let situation =
                    Situation { kept, copy: Some(fresh), fallback, ..in_health(report) };
                assert_eq!(situation.course(), course, "{situation:?}");
            }
        }
    }

    #[test]
    fn g1_a_stale_value_answers_while_no_load_is_tried() {
        let stale = held_off(Verdict::Stale);
        let kept = Situation { kept: Some(stale), ..in_health(BackendAnswer::Nothing) };
        let copy = Situation { copy: Some(stale), ..in_health(BackendAnswer::Unanswered) };
        for (situation, from) in [
            (in_health(BackendAnswer::Entry(stale)), Provenance::Backend),
            (kept, Provenance::Kept),
            (copy, Provenance::Copy),
        ] {
            assert_eq!(situation.course(), Course::Stale(from), "{situation:?}");
        }
        let fresh = in_health(BackendAnswer::Entry(held_off(Verdict::Fresh)));
        assert_eq!(fresh.course(), Course::Fresh { due: false });
    }

    #[test]
    fn the_fallback_decides_where_the_backend_cannot_say() {
        let (fresh, stale) = (Some(candidate(Verdict::Fresh)), Some(candidate(Verdict::Stale)));
        let (copy, grace) = (
            Course::Degraded(Provenance::Copy),
            Course::Load { grace: Some(Provenance::Copy), away: true },
        );
        for (fallback, of_fresh, of_stale, of_none) in [
            (GracefulDegradation, copy, grace, LOAD_AWAY),
            (ServeStale, copy, copy, LOAD_AWAY),
            (FailFast, copy, Course::Fail, Course::Fail),
            (OriginOnly, LOAD_AWAY, LOAD_AWAY, LOAD_AWAY),
        ] {
            for (copy, course) in [(fresh, of_fresh), (stale, of_stale), (None, of_none)] {
                let situation = Situation {
                    copy,
                    fallback,
                    carries_errors: true,
                    ..in_health(BackendAnswer::Unanswered)
                };
                assert_eq!(situation.course(), course, "{situation:?}");
            }
        }
        let silent = Situation { fallback: FailFast, ..in_health(BackendAnswer::Unanswered) };
        assert_eq!(silent.course(), LOAD_AWAY, "nobody could be told");
    }

    #[test]
    fn what_a_doubtful_node_says_is_served_where_a_copy_would_be() {
        for (fallback, verdict, course) in [
            (GracefulDegradation, Verdict::Fresh, Course::Degraded(Provenance::Backend)),
            (GracefulDegradation, Verdict::Stale, LOAD_AWAY),
            (ServeStale, Verdict::Stale, Course::Degraded(Provenance::Backend)),
            (FailFast, Verdict::Fresh, Course::Degraded(Provenance::Backend)),
            (OriginOnly, Verdict::Fresh, LOAD_AWAY),
        ] {
            let report = BackendAnswer::InDoubt(candidate(verdict));
            let situation = Situation { fallback, ..in_health(report) };
            assert_eq!(situation.course(), course, "{situation:?}");
        }
    }
}
