//! What follows from a look, for one entry or for each of many: `policy::course` decides.
//!
//! Invariant: whatever answers is landed for the followers.

use super::Ask;
use super::answer::{Answer, Judged};
use crate::backend::{Class, Failure};
use crate::entry::Slot;
use crate::error::Error;
use crate::flight::{Landing, Lead};
use crate::policy::course::{BackendAnswer, Candidate, Course, Provenance, Situation};
use crate::policy::freshness::Verdict;
use crate::resilience::class::is_miss;
use crate::telemetry::{Event, Source};

/// What a leader does next.
pub(super) enum Next {
    /// There is an answer.
    Answer(Answer),
    /// There is one, and it is due for a refresh.
    Refresh(Answer, Slot),
    /// Load; `stale` may answer if that fails.
    Load { stale: Option<Slot>, away: bool },
}

/// What a look in the backend came to.
pub(super) type Looked = Result<Option<Judged>, Failure>;

impl Ask {
    /// What another leader has landed between our look in memory and our lead.
    pub(super) fn landed_meanwhile(&self, lead: &Lead) -> Option<Answer> {
        let seen = self.in_memory().filter(Judged::is_fresh)?;
        let answer = self.hit(&seen.slot, Source::Memory)?;
        lead.land(Self::landing(&seen.slot, answer.outcome));
        Some(answer)
    }

    /// What follows from a look; `kept` is what memory had before it.
    pub(super) fn next(&self, lead: &Lead, looked: Looked, kept: Option<Slot>) -> Next {
        let candidates = self.candidates(looked, kept);
        match candidates.situation(self).course() {
            Course::Fresh { due } => self.fresh(lead, candidates.found, due),
            Course::Degraded(from) => {
                let judged = candidates.take(from);
                let answer = judged.as_ref().and_then(|judged| self.degraded(judged));
                Self::served(lead, judged, answer, None, true)
            }
            Course::Stale(from) => {
                let judged = candidates.take(from);
                let stale = judged.as_ref().map(|judged| Slot::clone(&judged.slot));
                let answer =
                    judged.as_ref().and_then(|judged| self.stale(&judged.slot, Source::Memory));
                Self::served(lead, judged, answer, stale, from == Provenance::Copy)
            }
            Course::Load { grace, away } => {
                let stale = grace.and_then(|from| candidates.take(from)).map(|judged| judged.slot);
                Next::Load { stale, away }
            }
            Course::Fail => match candidates.failure {
                Some(failure) if self.typing.carries_errors => {
                    self.failed(lead, Error::backend(failure))
                }
                _ => Next::Load { stale: None, away: true },
            },
        }
    }

    /// What a caller is told who only looks: the failure is all that it gets then.
    pub(super) fn found_by_looking(&self, looked: Looked) -> Result<Option<Answer>, Failure> {
        let found = self.without_load(looked);
        if found.is_err() {
            self.tell(|key| Event::Failed { key });
        }
        found
    }

    /// What there is without a load; the failure if the backend cannot say and no copy may.
    pub(super) fn without_load(&self, looked: Looked) -> Result<Option<Answer>, Failure> {
        let candidates = self.candidates(looked, None);
        let answer = match candidates.situation(self).course() {
            Course::Fresh { .. } => {
                candidates.found.and_then(|seen| self.hit(&seen.slot, Source::Backend))
            }
            Course::Degraded(Provenance::Copy) => {
                candidates.copy.and_then(|copy| self.degraded(&copy))
            }
            Course::Degraded(_) => candidates.found.and_then(|seen| self.degraded(&seen)),
            Course::Stale(_) | Course::Load { .. } | Course::Fail => None,
        };
        match (answer, candidates.failure) {
            (Some(answer), _) => Ok(Some(answer)),
            (None, Some(failure)) => Err(failure),
            (None, None) => Ok(None),
        }
    }

    fn candidates(&self, looked: Looked, kept: Option<Slot>) -> Candidates {
        let is_unproven = matches!(&looked, Err(failure) if is_miss(failure.class()));
        if let Err(failure) = &looked
            && failure.class() == Class::HeldOff
        {
            self.runtime.held_off(self.typing.value.id, self.site, &self.topic(), failure);
        }
        let (found, failure) = match looked {
            Ok(found) => (found, None),
            Err(_) if is_unproven => (None, None),
            Err(failure) => (None, Some(failure)),
        };
        let copy = failure.is_some().then(|| self.copy()).flatten();
        let kept = kept.filter(|slot| self.still_serves(slot));
        let kept = kept.map(|slot| Judged::new(slot, Verdict::Stale));
        Candidates { found, is_unproven, failure, copy, kept }
    }

    fn fresh(&self, lead: &Lead, found: Option<Judged>, due: bool) -> Next {
        let answer = found.as_ref().and_then(|seen| self.hit(&seen.slot, Source::Backend));
        let (Some(Judged { slot, .. }), Some(answer)) = (found, answer) else {
            return Next::Load { stale: None, away: false };
        };
        self.keep_copy(lead, &slot);
        lead.land(Self::landing(&slot, answer.outcome));
        if due { Next::Refresh(answer, slot) } else { Next::Answer(answer) }
    }

    /// An answer, unless the entry was of another type.
    fn served(
        lead: &Lead,
        judged: Option<Judged>,
        answer: Option<Answer>,
        stale: Option<Slot>,
        away: bool,
    ) -> Next {
        match (judged, answer) {
            (Some(judged), Some(answer)) => {
                lead.land(Self::landing(&judged.slot, answer.outcome));
                Next::Answer(answer)
            }
            _ => Next::Load { stale, away },
        }
    }

    fn failed(&self, lead: &Lead, error: Error) -> Next {
        lead.land(Landing::Refusal(error.clone()));
        self.tell(|key| Event::Failed { key });
        Next::Answer(Answer::refusal(error, Source::Bypass))
    }
}

/// The entries that may answer.
struct Candidates {
    found: Option<Judged>,
    /// Whether nothing was found by those who can tell.
    is_unproven: bool,
    /// Why the backend cannot say, if so.
    failure: Option<Failure>,
    copy: Option<Judged>,
    kept: Option<Judged>,
}

impl Candidates {
    fn situation(&self, ask: &Ask) -> Situation {
        // An invalidation ends the pause as well.
        let remembered = ask.runtime.memory.get(&ask.key).filter(|slot| ask.still_serves(slot));
        let throttled = remembered.is_some_and(|slot| ask.is_throttled(&slot));
        let candidate = |judged: &Judged| Candidate {
            verdict: judged.verdict,
            held_off: throttled || ask.is_throttled(&judged.slot),
        };
        let report = match (&self.found, &self.failure) {
            (Some(seen), _) if seen.is_in_doubt() => BackendAnswer::InDoubt(candidate(seen)),
            (Some(seen), _) => BackendAnswer::Entry(candidate(seen)),
            (None, None) if self.is_unproven => BackendAnswer::Unproven,
            (None, None) => BackendAnswer::Nothing,
            (None, Some(_)) => BackendAnswer::Unanswered,
        };
        Situation {
            report,
            kept: self.kept.as_ref().map(candidate),
            copy: self.copy.as_ref().map(candidate),
            fallback: ask.policy.fallback,
            carries_errors: ask.typing.carries_errors,
        }
    }

    fn take(self, from: Provenance) -> Option<Judged> {
        match from {
            Provenance::Backend => self.found,
            Provenance::Kept => self.kept,
            Provenance::Copy => self.copy,
        }
    }
}
