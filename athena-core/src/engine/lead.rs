//! The leader's way: look once more, ask the backend, then load.

use std::sync::Arc;

use super::answer::Judged;
use super::course::Next;
use super::follow::{Followed, WaitingFor};
use super::job::{Led, Yielding};
use super::origin::LoadTask;
use super::{Answer, Ask, Job, Origin, Purpose};
use crate::entry::Slot;
use crate::flight::Lead;
use crate::policy::freshness::Verdict;
use crate::policy::grace;
use crate::policy::timeout::Limit;
use crate::tasks::Spawner;
use crate::telemetry::{Event, Outcome, Source};

impl<R, V, E> Ask<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    pub(super) async fn lead<O: Origin<R, V, E>>(
        self,
        lead: Lead,
        stale: Option<Slot>,
        yielding: Yielding,
        origin: O,
    ) -> Led<R, V, E, O> {
        if let Some(answer) = self.landed_meanwhile(&lead) {
            return Led::Answer(answer);
        }
        let looked = match self.remote() {
            Some(remote) => self.look_in(remote, remote.deadline()).await,
            None => Ok(None),
        };
        let (stale, away) = match self.next(&lead, looked, stale) {
            Next::Answer(answer) => return Led::Answer(answer),
            Next::Refresh(answer, slot) => {
                drop(lead);
                self.refresh(Some(Judged::new(slot, Verdict::Refresh)), origin);
                return Led::Answer(answer);
            }
            Next::Load { stale, away } => (stale, away),
        };
        let purpose = Purpose::of_caller(away);
        let soft = matches!(self.policy.limit(stale.is_some()), Some(Limit::Soft(_)));
        if let Some(slot) = stale.as_ref().filter(|_| soft && O::DETACHES)
            && let Some(current) = self.recall(slot)
            && let Some(spawner) = self.runtime.spawner_for_call()
        {
            let slot = Arc::clone(slot);
            return Led::Answer(self.load_softly(lead, slot, current, spawner, origin).await);
        }
        Job::new(self, lead, stale, purpose).run(origin, O::load, yielding).await
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
        let task = origin.detach(spawner, job);
        let mut stale = Some(&slot);
        loop {
            match self.follow(&flight, stale, WaitingFor::OwnLoad).await {
                Followed::Answer(answer) => return answer,
                // It is past its grace: as if it had not been there.
                Followed::Impatient => stale = None,
                // An error that cannot be handed on.
                Followed::Alone => {
                    if let Some(answer) = ended(task).await {
                        self.tell(|key| Event::Miss { key });
                        return answer;
                    }
                    break;
                }
                // The load panicked or was ended with its runtime.
                Followed::Again => {
                    if !self.still_serves(&slot) {
                        // As without a cache: nothing that may still answer stands in for it.
                        drop(ended(task).await);
                    }
                    break;
                }
            }
        }
        let now = self.runtime.clock.now();
        let pause = grace::throttle(self.policy.throttle, slot.meta().life.ttl);
        slot.meta().hold_off(now.after(pause));
        let outcome = self.outcome(&slot, Source::Memory);
        self.tell(|key| Event::Stale { key, age: outcome.age });
        Answer::new(current, Outcome { stale: true, ..outcome })
    }

    /// Loads in the background while the current value serves.
    pub(super) fn detach_eagerly<O: Origin<R, V, E>>(self, lead: Lead, slot: Slot, origin: O) {
        if let Some(spawner) = self.runtime.spawner_for_call() {
            self.tell(|key| Event::Refreshing { key });
            origin.detach(spawner, Job::new(self, lead, Some(slot), Purpose::Refresh));
        }
    }
}

/// What a load in a task came to; panics as it did, if it did.
async fn ended<R>(task: Option<LoadTask<R>>) -> Option<Answer<R>> {
    task?.end().await?
}
