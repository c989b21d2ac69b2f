//! Entries as answers.

use std::sync::Arc;

use super::Ask;
use crate::entry::{self, Slot};
use crate::envelope::Kind;
use crate::flight::Landing;
use crate::policy::freshness::Verdict;
use crate::telemetry::{Event, Outcome, Source};
use crate::tier::memory::Memory;

/// What a caller gets.
#[derive(Debug)]
pub(crate) struct Answer<R> {
    pub(crate) value: R,
    pub(crate) outcome: Outcome,
}

impl<R> Answer<R> {
    /// What the function returned without the cache.
    pub(crate) fn bypass(value: R) -> Self {
        Self { value, outcome: Outcome::new(Source::Bypass) }
    }
}

/// An entry in memory, judged.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) slot: Slot,
    pub(super) verdict: Verdict,
}

impl<R, V, E> Ask<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    /// The memory that answers before the backend is asked, if that is so for this call.
    pub(super) fn own_memory(&self) -> Option<&Memory> {
        let own = self.runtime.remote.is_none() || self.wire.is_none() || self.policy.memory_only;
        own.then_some(&self.runtime.memory)
    }

    /// Where copies of this call's entries go.
    pub(super) fn any_memory(&self) -> &Memory {
        self.own_memory().unwrap_or(&self.runtime.copies)
    }

    pub(super) fn in_memory(&self) -> Option<Seen> {
        self.seen_in(self.own_memory()?)
    }

    /// The copy for the time when the backend cannot answer.
    pub(super) fn copy(&self) -> Option<Seen> {
        self.seen_in(&self.runtime.copies)
    }

    fn seen_in(&self, memory: &Memory) -> Option<Seen> {
        let slot = memory.get(&self.key)?;
        let now = self.runtime.clock.now();
        let verdict = slot.head().judge(now, self.policy.refresh, &self.runtime.cells);
        (verdict != Verdict::Expired).then_some(Seen { slot, verdict })
    }

    /// An answer from memory alone: fresh, or stale while no load is tried.
    pub(super) fn answer_from(&self, seen: Option<&Seen>) -> Option<Answer<R>> {
        let Seen { slot, verdict } = seen?;
        match verdict {
            Verdict::Fresh | Verdict::Refresh => self.hit(slot, Source::Memory),
            Verdict::Stale if self.is_throttled(slot) => self.stale(slot, Source::Memory),
            Verdict::Stale | Verdict::Expired => None,
        }
    }

    /// A fresh entry as an answer; `None` if it is of another type.
    pub(super) fn hit(&self, slot: &Slot, source: Source) -> Option<Answer<R>> {
        let value = self.recall(slot)?;
        self.runtime.telemetry.hit(source, || self.key.readable());
        Some(Answer { value, outcome: self.outcome(slot, source) })
    }

    /// A stale entry as an answer; `None` if it is of another type.
    pub(super) fn stale(&self, slot: &Slot, source: Source) -> Option<Answer<R>> {
        let value = self.recall(slot)?;
        let outcome = Outcome { stale: true, ..self.outcome(slot, source) };
        self.tell(|key| Event::Stale { key, age: outcome.age });
        Some(Answer { value, outcome })
    }

    /// A memory copy as an answer while the backend cannot.
    pub(super) fn degraded(&self, seen: &Seen) -> Option<Answer<R>> {
        let answer = match seen.verdict {
            Verdict::Fresh | Verdict::Refresh => self.hit(&seen.slot, Source::Memory),
            Verdict::Stale => self.stale(&seen.slot, Source::Memory),
            Verdict::Expired => None,
        }?;
        self.tell(|key| Event::Degraded { key });
        let outcome = Outcome { degraded: true, ..answer.outcome };
        Some(Answer { outcome, ..answer })
    }

    /// The value in an entry, in the function's words.
    pub(super) fn recall(&self, slot: &Slot) -> Option<R> {
        match slot.head().kind {
            Kind::Value => entry::value::<V>(slot, Kind::Value).cloned().map(self.shape.found),
            Kind::Absent => self.shape.absent.map(|absent| absent()),
            Kind::Failed => {
                let remember = self.errors.remember.as_ref()?;
                (remember.recall)(slot).map(self.shape.failed)
            }
        }
    }

    pub(super) fn outcome(&self, slot: &Slot, source: Source) -> Outcome {
        Outcome { age: slot.head().age(self.runtime.clock.now()), ..Outcome::new(source) }
    }

    /// Whether an entry that was found before may still answer now.
    pub(super) fn still_serves(&self, slot: &Slot) -> bool {
        let now = self.runtime.clock.now();
        slot.head().judge(now, None, &self.runtime.cells) != Verdict::Expired
    }

    /// Whether a load failed so recently that none is tried now.
    pub(super) fn is_throttled(&self, slot: &Slot) -> bool {
        !slot.head().may_retry(self.runtime.clock.now())
    }

    pub(super) fn landing(slot: &Slot, outcome: Outcome) -> Landing {
        Landing::Entry { slot: Arc::clone(slot), outcome }
    }
}
