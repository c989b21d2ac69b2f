//! A look in the backend before anything else is set up for a call, where memory does not answer first.
//!
//! No flight is begun for it: callers of one key meet in the batch in which their names go to the node, and
//! flights begin at the load. Where memory answers first, the first of them keeps what it finds for all; so there
//! it is the leader of a flight who looks. So it is where values are large, which would be sent to each who comes while
//! one is on its way.
//!
//! Invariant: an answer is what the whole way would have answered. All else is handed to it, and counts there only
//! while nothing has changed since (coherence 22).

use std::future::Future;

use super::course::Looked;
use super::{Answer, Ask};
use crate::clock::{Stopwatch, Tick};
use crate::coherence::guards::Guard;
use crate::coherence::revision::Revision;
use crate::entry::Slot;
use crate::flight::{Calm, Lead};
use crate::policy::freshness::Verdict;
use crate::remote::Remote;
use crate::runtime::Runtime;
use crate::telemetry::Source;

/// What a glance came to.
pub(super) enum Glance {
    /// The answer.
    Answer(Answer),
    /// More is to be done; with what was seen, if there was a look.
    Seen(Option<Glimpsed>),
}

/// What was seen of the backend without a flight.
#[derive(Debug)]
pub(super) struct Glimpsed {
    pub(super) looked: Looked,
    /// The revision before the question.
    pub(super) since: Revision,
    pub(super) sent: Tick,
    /// Since the call began.
    pub(super) watch: Stopwatch,
    calm: Calm,
}

/// What was noted before a look.
struct BegunGlance {
    since: Revision,
    sent: Tick,
    watch: Stopwatch,
    calm: Calm,
}

impl Ask {
    /// Looks, if no flight of the key is there to be joined.
    pub(super) fn glance(&self) -> impl Future<Output = Glance> + Send {
        async move {
            let Some((remote, begun)) = self.begin_glance() else {
                return Glance::Seen(None);
            };
            let looked = self.look_in(remote, begun.sent).await;
            self.end_glance(looked, begun)
        }
    }

    /// What is noted before a look, if there is to be one.
    fn begin_glance(&self) -> Option<(&Remote, BegunGlance)> {
        let Runtime { flights, revisions, clock, .. } = &*self.runtime;
        if self.runtime.reads_memory() {
            return None;
        }
        let (remote, calm) = self.remote().zip(flights.calm(&self.key))?;
        if self.address().is_some_and(|address| remote.carries_large_values(address)) {
            return None;
        }
        self.runtime.keep_alive();
        let since = revisions.now();
        let (sent, watch) = clock.begin();
        Some((remote, BegunGlance { since, sent, watch, calm }))
    }

    /// The answer, if what was seen is one.
    fn end_glance(&self, looked: Looked, begun: BegunGlance) -> Glance {
        let BegunGlance { since, sent, watch, calm } = begun;
        // Coherence 5: without a word of those who decide it may be flagged, or not served at all.
        if let Ok(Some(seen)) = &looked
            && seen.is_confirmed
            && seen.verdict == Verdict::Fresh
            && self.can_recall(&seen.slot)
        {
            let took = watch.elapsed();
            let answer = self.hit_at(sent.after(took), &seen.slot, Source::Backend);
            self.keep_glimpsed(&seen.slot, calm);
            self.runtime.telemetry.answered(&answer.outcome, took, || self.topic());
            return Glance::Answer(answer);
        }
        Glance::Seen(Some(Glimpsed { looked, since, sent, watch, calm }))
    }

    /// Whether what was seen is what a leader would see who looked now.
    pub(super) fn still_counts(
        &self,
        lead: &Lead,
        Glimpsed { since, calm, .. }: &Glimpsed,
    ) -> bool {
        let Runtime { flights, revisions, guards, .. } = &*self.runtime;
        if guards.lacks(Guard::Glance) {
            return true;
        }
        !lead.has_changed(revisions, *since) && !flights.has_ended_since(&self.key, *calm)
    }

    /// Keeps it for the time when the backend is away, unless the same is there.
    fn keep_glimpsed(&self, slot: &Slot, calm: Calm) {
        let Runtime { memory, flights, clock, revisions, .. } = &*self.runtime;
        if !self.runtime.keeps_copies() {
            return;
        }
        let now = clock.now();
        let is_here = |there: Slot| {
            let meta = there.meta();
            meta.is_of_same_load(slot.meta())
                && meta.is_trusted(now)
                && meta.judge(now, None, revisions) == Verdict::Fresh
        };
        if memory.get(&self.key).is_some_and(is_here) {
            return;
        }
        let weighed = memory.weigh(&self.key, slot);
        flights.while_calm(&self.key, calm, || memory.insert(&self.key, &weighed));
    }
}
