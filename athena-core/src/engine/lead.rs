//! The leader's way: look once more, ask the backend, then load.

use std::sync::Arc;

use super::answer::Judged;
use super::course::Next;
use super::follow::{Followed, WaitingFor};
use super::glance::Glimpsed;
use super::job::{Led, Yielding};
use super::{Answer, Ask, Caller, Job, Purpose};
use crate::entry::Slot;
use crate::flight::Lead;
use crate::policy::freshness::Verdict;
use crate::policy::grace;
use crate::policy::timeout::Limit;
use crate::tasks::{Spawner, Task};
use crate::telemetry::{Event, Outcome, Source};

/// What was seen before a caller leads.
#[derive(Debug)]
pub(super) struct Before {
    /// In memory: what is in grace.
    pub(super) stale: Option<Slot>,
    /// In the backend.
    pub(super) glimpsed: Option<Glimpsed>,
}

impl Ask {
    pub(super) async fn lead(
        self: Box<Self>,
        lead: Lead,
        Before { stale, glimpsed }: Before,
        yielding: Yielding,
        caller: &Caller,
    ) -> Led {
        if let Some(answer) = self.landed_meanwhile(&lead) {
            return Led::Answer(answer);
        }
        let glimpsed = glimpsed.filter(|glimpsed| self.still_counts(&lead, glimpsed));
        let looked_at = glimpsed.as_ref().map_or_else(|| lead.since(), |it| it.since);
        let looked = match (glimpsed, self.remote()) {
            (Some(Glimpsed { looked, sent, .. }), _) => {
                lead.asks_at(sent);
                looked
            }
            (None, Some(remote)) => self.look_in(remote, self.runtime.clock.now()).await,
            (None, None) => Ok(None),
        };
        let (stale, away) = match self.next(&lead, looked, stale) {
            Next::Answer(answer) => return Led::Answer(answer),
            Next::Refresh(answer, slot) => {
                drop(lead);
                let due = Some(Judged::new(slot, Verdict::Refresh));
                Box::pin(self.refresh(due, caller)).await;
                return Led::Answer(answer);
            }
            Next::Load { stale, away } => (stale, away),
        };
        let purpose = Purpose::of_caller(away);
        let soft = matches!(self.policy.limit(stale.is_some()), Some(Limit::Soft(_)));
        if let Some(slot) = stale.as_ref().filter(|_| soft && caller.detaches())
            && self.can_recall(slot)
            && let Some(spawner) = self.runtime.spawner_for_call()
        {
            let slot = Arc::clone(slot);
            return Led::Answer(Box::pin(self.load_softly(lead, slot, spawner, caller)).await);
        }
        Job::new(self, lead, stale, purpose).having_looked(looked_at).run(caller, yielding).await
    }

    /// Loads in the background and waits for it as long as the soft timeout allows.
    async fn load_softly(
        self: Box<Self>,
        lead: Lead,
        slot: Slot,
        spawner: Spawner,
        caller: &Caller,
    ) -> Answer {
        let flight = Arc::clone(lead.flight());
        let job = Job::new(self.clone(), lead, Some(Arc::clone(&slot)), Purpose::Background);
        let task = caller.leave().await.map(|load| spawner.spawn(job.run_in_background(load)));
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
        let pause = grace::throttle(self.policy.throttle, slot.meta().life().ttl);
        slot.meta().hold_off(now.after(pause));
        let outcome = self.outcome(&slot, Source::Memory);
        self.tell(|key| Event::Stale { key, age: outcome.age });
        Answer::entry(&slot, Outcome { stale: true, ..outcome })
    }

    /// Loads in the background while the current value serves.
    pub(super) async fn detach_eagerly(self, lead: Lead, slot: Slot, caller: &Caller) {
        let Some(spawner) = self.runtime.spawner_for_call() else { return };
        self.tell(|key| Event::Refreshing { key });
        let job = Job::new(self, lead, Some(slot), Purpose::Refresh);
        if let Some(load) = caller.leave().await {
            spawner.spawn(job.run_in_background(load));
        }
    }
}

/// What a load in a task came to; panics as it did, if it did.
async fn ended(task: Option<Task<Option<Answer>>>) -> Option<Answer> {
    task?.end().await?
}
