//! Entries as answers.

use std::sync::Arc;

use super::{Ask, Destination};
use crate::entry::{self, Slot};
use crate::envelope::EntryKind;
use crate::flight::Landing;
use crate::policy::freshness::Verdict;
use crate::remote::Remote;
use crate::runtime::Runtime;
use crate::telemetry::{Event, Outcome, Source};

/// What a caller gets.
#[derive(Debug)]
pub(crate) struct Answer<R> {
    pub(crate) value: R,
    pub(crate) outcome: Outcome,
    /// The entry that it is, if it may be outdated: whoever does not hand it on at once judges that again
    /// (coherence 11).
    pub(super) flagged: Option<Slot>,
}

impl<R> Answer<R> {
    pub(super) fn new(value: R, outcome: Outcome) -> Self {
        Self { value, outcome, flagged: None }
    }

    /// What the function returned without the cache.
    pub(crate) fn bypass(value: R) -> Self {
        Self::new(value, Outcome::new(Source::Bypass))
    }

    /// The same as the answer of an entry, which may be outdated.
    pub(super) fn flagged_as(self, slot: &Slot, outcome: Outcome) -> Self {
        Self { outcome, flagged: Some(Arc::clone(slot)), ..self }
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

impl<R, V, E> Ask<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    /// The backend, if entries of this call are kept there.
    pub(super) fn remote(&self) -> Option<&Arc<Remote>> {
        self.runtime
            .remote
            .as_ref()
            .filter(|_| matches!(self.destination, Destination::Backend { .. }))
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
    pub(super) fn answer_from(&self, seen: Option<&Judged>) -> Option<Answer<R>> {
        let Judged { slot, verdict, .. } = seen?;
        match verdict {
            Verdict::Fresh | Verdict::Refresh => self.hit(slot, Source::Memory),
            Verdict::Stale if self.is_throttled(slot) => self.stale(slot, Source::Memory),
            Verdict::Stale | Verdict::Expired => None,
        }
    }

    /// A fresh entry as an answer; `None` if it is of another type.
    pub(super) fn hit(&self, slot: &Slot, source: Source) -> Option<Answer<R>> {
        let value = self.recall(slot)?;
        self.runtime.telemetry.hit(source, || self.topic());
        Some(Answer::new(value, self.outcome(slot, source)))
    }

    /// A stale entry as an answer; `None` if it is of another type.
    pub(super) fn stale(&self, slot: &Slot, source: Source) -> Option<Answer<R>> {
        let value = self.recall(slot)?;
        let outcome = Outcome { stale: true, ..self.outcome(slot, source) };
        self.tell(|key| Event::Stale { key, age: outcome.age });
        Some(Answer::new(value, outcome).flagged_as(slot, outcome))
    }

    /// An entry as an answer that is not the word of a backend in health.
    pub(super) fn degraded(&self, seen: &Judged) -> Option<Answer<R>> {
        let source = if seen.is_confirmed { Source::Memory } else { Source::Backend };
        let answer = match seen.verdict {
            Verdict::Fresh | Verdict::Refresh => self.hit(&seen.slot, source),
            Verdict::Stale => self.stale(&seen.slot, source),
            Verdict::Expired => None,
        }?;
        self.tell(|key| Event::Degraded { key });
        let outcome = Outcome { degraded: true, ..answer.outcome };
        Some(answer.flagged_as(&seen.slot, outcome))
    }

    /// The value in an entry, in the function's words.
    pub(super) fn recall(&self, slot: &Slot) -> Option<R> {
        match slot.meta().kind {
            EntryKind::Value => {
                entry::value::<V>(slot, EntryKind::Value).cloned().map(self.shape.found)
            }
            EntryKind::Absent => self.shape.absent.map(|absent| absent()),
            EntryKind::Failed => {
                let remember = self.errors.remember.as_ref()?;
                (remember.recall)(slot).map(self.shape.failed)
            }
        }
    }

    /// Whether an entry is of this call's types, so that it can answer.
    pub(super) fn can_recall(&self, slot: &Slot) -> bool {
        match slot.meta().kind {
            EntryKind::Value => entry::value::<V>(slot, EntryKind::Value).is_some(),
            EntryKind::Absent => self.shape.absent.is_some(),
            EntryKind::Failed => {
                self.errors.remember.as_ref().is_some_and(|it| (it.recall)(slot).is_some())
            }
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
