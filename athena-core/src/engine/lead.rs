//! The leader's way: look once more, ask the backend, then load.

use std::sync::Arc;

use super::answer::Judged;
use super::follow::{Followed, WaitingFor};
use super::{Answer, Ask, Job, Origin, Purpose};
use crate::backend::Failure;
use crate::entry::Slot;
use crate::error::Error;
use crate::flight::{Landing, Lead};
use crate::policy::fallback::Plan;
use crate::policy::freshness::Verdict;
use crate::policy::timeout::Limit;
use crate::tasks::Spawner;
use crate::telemetry::{Event, Outcome, Source};

/// What the leader knows once tiers and fallback have spoken.
enum Course<R> {
    /// There is an answer.
    Answer(Answer<R>),
    /// There is one, and it is due for a refresh.
    Refresh(Answer<R>, Slot),
    /// Load; `stale` may answer if that fails.
    Load { stale: Option<Slot>, away: bool },
}

impl<R, V, E> Ask<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    pub(super) async fn lead<O: Origin<R, V, E>>(
        self,
        lead: Lead,
        stale: Option<Slot>,
        origin: O,
    ) -> Answer<R> {
        let (stale, away) = match self.course(&lead, stale).await {
            Course::Answer(answer) => return answer,
            Course::Refresh(answer, slot) => {
                drop(lead);
                self.refresh(Some(Judged::new(slot, Verdict::Refresh)), origin);
                return answer;
            }
            Course::Load { stale, away } => (stale, away),
        };
        if let Some(answer) = self.while_throttled(&lead, stale.as_ref()) {
            return answer;
        }
        let purpose = if away { Purpose::AnswerWithoutBackend } else { Purpose::Answer };
        let soft = matches!(self.policy.limit(stale.is_some()), Some(Limit::Soft(_)));
        if let Some(slot) = stale.as_ref().filter(|_| soft && O::DETACHES)
            && let Some(current) = self.recall(slot)
            && let Some(spawner) = self.runtime.tasks.spawner()
        {
            let slot = Arc::clone(slot);
            return self.load_softly(lead, slot, current, spawner, origin).await;
        }
        Job::new(self, lead, stale, purpose).run(origin.load()).await
    }

    /// Asks the tiers; whatever answers is landed for the followers.
    async fn course(&self, lead: &Lead, stale: Option<Slot>) -> Course<R> {
        // Another leader may have landed between our look and our lead.
        if let Some(seen) = self.in_memory().filter(Judged::is_fresh)
            && let Some(answer) = self.hit(&seen.slot, Source::Memory)
        {
            lead.land(Self::landing(&seen.slot, answer.outcome));
            return Course::Answer(answer);
        }
        let Some(remote) = self.remote() else {
            return Course::Load { stale, away: false };
        };
        match self.look_as(lead, remote, remote.deadline()).await {
            Ok(Some(seen)) if seen.is_in_doubt() => self.in_doubt(lead, &seen),
            Ok(Some(seen)) if seen.is_fresh() => match self.hit(&seen.slot, Source::Backend) {
                Some(answer) => {
                    lead.land(Self::landing(&seen.slot, answer.outcome));
                    match seen.verdict {
                        Verdict::Refresh => Course::Refresh(answer, seen.slot),
                        _ => Course::Answer(answer),
                    }
                }
                None => Course::Load { stale: None, away: false },
            },
            Ok(seen) => {
                let stale = stale.filter(|slot| self.still_serves(slot));
                Course::Load { stale: seen.map(|seen| seen.slot).or(stale), away: false }
            }
            Err(failure) => self.fall_back(lead, failure),
        }
    }

    /// What the fallback strategy says of a value from a node that may have been replaced.
    fn in_doubt(&self, lead: &Lead, seen: &Judged) -> Course<R> {
        match self.serves(seen).then(|| self.degraded(seen)).flatten() {
            Some(answer) => {
                lead.land(Self::landing(&seen.slot, answer.outcome));
                Course::Answer(answer)
            }
            None => Course::Load { stale: None, away: true },
        }
    }

    /// What the fallback strategy says when the backend cannot answer.
    fn fall_back(&self, lead: &Lead, failure: Failure) -> Course<R> {
        let copy = self.copy();
        let away = |stale| Course::Load { stale, away: true };
        match self.policy.fallback.plan(copy.as_ref().map(|seen| seen.verdict)) {
            Plan::Serve => {
                match copy.as_ref().and_then(|seen| Some((seen, self.degraded(seen)?))) {
                    Some((seen, answer)) => {
                        lead.land(Self::landing(&seen.slot, answer.outcome));
                        Course::Answer(answer)
                    }
                    None => away(None),
                }
            }
            Plan::Load => away(copy.map(|seen| seen.slot)),
            Plan::LoadOnly => away(None),
            Plan::Fail => match self.errors.carry {
                Some(carry) => {
                    let error = Error::backend(failure);
                    lead.land(Landing::Refusal(error.clone()));
                    let value = (self.shape.failed)(carry(error));
                    self.tell(|key| Event::Bypassed { key, reason: "the backend cannot answer" });
                    Course::Answer(Answer { value, outcome: Outcome::new(Source::Bypass) })
                }
                None => away(None),
            },
        }
    }

    /// The stale value, while the last load's failure is too recent for another.
    fn while_throttled(&self, lead: &Lead, stale: Option<&Slot>) -> Option<Answer<R>> {
        let remembered = self.runtime.memory.get(&self.key);
        let held_off = |slot: &Slot| self.is_throttled(slot);
        let slot = stale?;
        if !held_off(slot) && !remembered.as_ref().is_some_and(held_off) {
            return None;
        }
        let answer = self.stale(slot, Source::Memory)?;
        lead.land(Self::landing(slot, answer.outcome));
        Some(answer)
    }

    /// Loads in the background and waits for it as long as the soft timeout allows.
    async fn load_softly<O: Origin<R, V, E>>(
        self,
        lead: Lead,
        slot: Slot,
        current: R,
        spawner: Spawner,
        origin: O,
    ) -> Answer<R> {
        let flight = Arc::clone(lead.flight());
        let job = Job::new(self.clone(), lead, Some(Arc::clone(&slot)), Purpose::Background);
        origin.detach(spawner, job);
        match self.follow(&flight, Some(&slot), WaitingFor::ForOwnLoad).await {
            Followed::Answer(answer) => answer,
            // The load panicked or was ended with its runtime.
            Followed::Again | Followed::Alone | Followed::Impatient => {
                let outcome = self.outcome(&slot, Source::Memory);
                self.tell(|key| Event::Stale { key, age: outcome.age });
                Answer { value: current, outcome: Outcome { stale: true, ..outcome } }
            }
        }
    }

    /// Loads in the background while the current value serves.
    pub(super) fn depart_eagerly<O: Origin<R, V, E>>(self, lead: Lead, slot: Slot, origin: O) {
        if let Some(spawner) = self.runtime.tasks.spawner() {
            self.tell(|key| Event::Refreshing { key });
            origin.detach(spawner, Job::new(self, lead, Some(slot), Purpose::Refresh));
        }
    }
}
