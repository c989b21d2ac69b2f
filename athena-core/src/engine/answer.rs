//! Entries as answers.

use std::fmt;
use std::sync::Arc;

use super::{Ask, Destination};
use crate::clock::Tick;
use crate::entry::Slot;
use crate::envelope::EntryKind;
use crate::error::Error;
use crate::flight::Landing;
use crate::policy::freshness::Verdict;
use crate::remote::Remote;
use crate::runtime::Runtime;
use crate::shape::SharedError;
use crate::telemetry::{Event, Outcome, Source, collect};

/// What a caller gets.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) content: AnswerContent,
    pub(crate) outcome: Outcome,
}

impl Answer {
    /// What the call's own load returned.
    pub(super) fn own() -> Self {
        Self { content: AnswerContent::Own, outcome: Outcome::new(Source::Load) }
    }

    /// What the function returned without the cache.
    pub(crate) fn bypass(reason: &'static str) -> Self {
        Self { content: AnswerContent::Own, outcome: Outcome::bypass(reason) }
    }

    /// An error of the cache.
    pub(super) fn refusal(error: Error, source: Source) -> Self {
        Self { content: AnswerContent::Refusal(error), outcome: Outcome::new(source) }
    }

    pub(super) fn entry(slot: &Slot, outcome: Outcome) -> Self {
        Self { content: AnswerContent::Entry(Arc::clone(slot)), outcome }
    }

    /// The entry that it is, if it may be outdated: whoever does not hand it on at once judges that again
    /// (coherence 11).
    pub(super) fn flagged(&self) -> Option<&Slot> {
        match &self.content {
            AnswerContent::Entry(slot) if self.outcome.stale || self.outcome.degraded => Some(slot),
            _ => None,
        }
    }
}

/// What a call is answered with.
#[derive(Clone)]
pub(crate) enum AnswerContent {
    /// What its own load returned.
    Own,
    /// What an entry holds, in the function's words.
    Entry(Slot),
    /// The error that another caller's load returned.
    Error(SharedError),
    /// An error of the cache.
    Refusal(Error),
}

impl fmt::Debug for AnswerContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "Own",
            Self::Entry(_) => "Entry",
            Self::Error(_) => "Error",
            Self::Refusal(_) => "Refusal",
        })
    }
}

/// An entry of memory or of the backend, judged.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) slot: Slot,
    pub(super) verdict: Verdict,
    /// Whether those who decide which node serves still stood by the one that it is from.
    pub(super) is_confirmed: bool,
}

impl Judged {
    /// An entry of which nobody needs to confirm anything.
    pub(super) fn new(slot: Slot, verdict: Verdict) -> Self {
        Self { slot, verdict, is_confirmed: true }
    }
}

impl Ask {
    /// The backend, if entries of this call are kept there.
    pub(super) fn remote(&self) -> Option<&Arc<Remote>> {
        let remotes = self.runtime.remotes.as_ref()?;
        matches!(self.destination, Destination::Backend { .. }).then(|| remotes.at(self.region))
    }

    /// What memory answers with before the backend is asked (coherence 4 and 12b).
    pub(super) fn in_memory(&self) -> Option<Judged> {
        if self.is_shared() && !self.runtime.reads_memory() {
            return None;
        }
        let slot = self.runtime.memory.get(&self.key)?;
        let now = self.runtime.clock.now();
        let verdict = slot.meta().judge(now, self.policy.refresh, &self.runtime.revisions);
        let is_usable = verdict != Verdict::Expired && slot.meta().is_trusted(now);
        is_usable.then(|| Judged::new(slot, verdict))
    }

    /// What memory answers with while the backend cannot.
    pub(super) fn copy(&self) -> Option<Judged> {
        let Runtime { memory, clock, revisions, settings, .. } = &*self.runtime;
        let slot = memory.get(&self.key).filter(|_| self.runtime.keeps_copies())?;
        let longest = settings.memory.fallback_ttl;
        let verdict = slot.meta().judge_copy(clock.now(), longest, revisions);
        (verdict != Verdict::Expired).then(|| Judged::new(slot, verdict))
    }

    /// An answer from memory alone: fresh, or stale while no load is tried.
    pub(super) fn answer_from(&self, seen: Option<&Judged>) -> Option<Answer> {
        let Judged { slot, verdict, .. } = seen?;
        match verdict {
            Verdict::Fresh | Verdict::Refresh => self.hit(slot, Source::Memory),
            Verdict::Stale if self.is_throttled(slot) => self.stale(slot, Source::Memory),
            Verdict::Stale | Verdict::Expired => None,
        }
    }

    /// A fresh entry as an answer; `None` if it is of another type.
    pub(super) fn hit(&self, slot: &Slot, source: Source) -> Option<Answer> {
        self.can_recall(slot).then(|| self.hit_at(self.runtime.clock.now(), slot, source))
    }

    /// The same at a moment for who knows that it is of this call's types.
    pub(super) fn hit_at(&self, now: Tick, slot: &Slot, source: Source) -> Answer {
        let outcome = Outcome { age: slot.meta().age(now), ..Outcome::new(source) };
        self.tell_hit(&outcome);
        Answer::entry(slot, outcome)
    }

    /// Counts a fresh hit.
    pub(super) fn tell_hit(&self, Outcome { source, age, .. }: &Outcome) {
        collect::hit(|| *age);
        self.runtime.telemetry.hit(self.site, *source, &|| self.topic());
    }

    /// A stale entry as an answer; `None` if it is of another type.
    pub(super) fn stale(&self, slot: &Slot, source: Source) -> Option<Answer> {
        if !self.can_recall(slot) {
            return None;
        }
        let outcome = Outcome { stale: true, ..self.outcome(slot, source) };
        self.tell(|key| Event::Stale { key, age: outcome.age });
        Some(Answer::entry(slot, outcome))
    }

    /// An entry as an answer that is not the word of a backend in health.
    pub(super) fn degraded(&self, seen: &Judged) -> Option<Answer> {
        let source = if seen.is_confirmed { Source::Memory } else { Source::Backend };
        let answer = match seen.verdict {
            Verdict::Fresh | Verdict::Refresh => self.hit(&seen.slot, source),
            Verdict::Stale => self.stale(&seen.slot, source),
            Verdict::Expired => None,
        }?;
        self.tell(|key| Event::Degraded { key });
        Some(Answer { outcome: Outcome { degraded: true, ..answer.outcome }, ..answer })
    }

    /// Whether an entry is of this call's types, so that it can answer.
    pub(super) fn can_recall(&self, slot: &Slot) -> bool {
        match slot.meta().kind {
            EntryKind::Value => slot.holds(self.typing.value.id),
            EntryKind::Absent => self.typing.has_absent,
            EntryKind::Failed => self.typing.remembered.is_some_and(|it| slot.holds(it.ty.id)),
        }
    }

    pub(super) fn outcome(&self, slot: &Slot, source: Source) -> Outcome {
        Outcome { age: slot.meta().age(self.runtime.clock.now()), ..Outcome::new(source) }
    }

    /// Whether an entry that was found before may still answer now (coherence 11).
    pub(super) fn still_serves(&self, slot: &Slot) -> bool {
        let now = self.runtime.clock.now();
        slot.meta().judge(now, None, &self.runtime.revisions) != Verdict::Expired
    }

    /// Whether a load failed so recently that none is tried now.
    pub(super) fn is_throttled(&self, slot: &Slot) -> bool {
        !slot.meta().may_retry(self.runtime.clock.now())
    }

    pub(super) fn landing(slot: &Slot, outcome: Outcome) -> Landing {
        Landing::Entry { slot: Arc::clone(slot), outcome }
    }
}
