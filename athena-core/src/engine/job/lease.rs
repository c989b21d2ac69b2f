//! The lease of a load: taken, waited for, kept alive.
//!
//! Invariant: a lease that is held is extended for as long as its load runs, and by nothing else.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use super::terms::{AfterReply, GuardFate, Joining, LeaseReply, LeaseState};
use super::{Job, Purpose};
use crate::backend::Failure;
use crate::clock::Tick;
use crate::coherence::joining::Joinable;
use crate::coherence::revision::Revision;
use crate::engine::answer::Judged;
use crate::engine::course::Next;
use crate::engine::lease_wait::LeaseWait;
use crate::engine::{Answer, Ask};
use crate::policy::freshness::Verdict;
use crate::remote::LeaseGuard;
use crate::remote::journal::Target;
use crate::remote::wake::Waiter;
use crate::remote::{Asked, SPARE};
use crate::resilience::class::is_miss;
use crate::runtime::Runtime;
use crate::telemetry::{Event, Source};

impl Job {
    /// The load, while its lease is kept alive.
    pub(super) async fn load<T>(&self, load: impl Future<Output = T>, leased: LeaseState) -> T {
        self.begins_to_load();
        let load = self.lead.flight().led_here(load);
        if leased != LeaseState::Held {
            return load.await;
        }
        match select(pin!(load), pin!(self.extend_for_ever())).await {
            Either::Left((returned, _)) => returned,
            Either::Right((never, _)) => match never {},
        }
    }

    /// Extends the lease whenever a third of its life has passed (coherence 6), and what its generations have
    /// to spare before it is used up (coherence 7).
    pub(in crate::engine) async fn extend_for_ever(&self) -> Infallible {
        let Runtime { clock, settings, .. } = &*self.ask.runtime;
        let mut completed = self.now();
        loop {
            clock.doze(settings.lease / 3).await;
            // Boxed: most loads are over before.
            if Box::pin(self.extend(&mut completed)).await.is_none() {
                return pending().await;
            }
        }
    }

    /// Extends the lease once; `None` if there is none. `completed` is when its generations were last let live on.
    async fn extend(&self, completed: &mut Tick) -> Option<()> {
        let (remote, (address, token)) = self.ask.remote().zip(self.flight().lease())?;
        let life = self.ask.runtime.settings.lease;
        let until = self.now().after(life);
        match remote.extend(&address, token, life).await {
            Some(true) => {
                self.flight().extended(until);
                if self.now().since(*completed) >= SPARE / 2 {
                    *completed = self.now();
                    // Not done, its entry ends early.
                    let _ = remote.prolong(&address, self.ask.wanted(token)).await;
                }
            }
            // Invalidated meanwhile, or another process has taken over.
            Some(false) => self.flight().seal(),
            None => {}
        }
        Some(())
    }

    /// The lease, or the value that another process has loaded under it meanwhile.
    ///
    /// It is waited for within `wait_for_lease`: until its holder has stored the value, has given the lease
    /// back, or is dead and the lease has ended; and no longer than for two holders whose loads bring nothing.
    pub(super) async fn lease_or_wait(&self) -> Result<LeaseState, Answer> {
        let Runtime { clock, revisions, .. } = &*self.ask.runtime;
        let mut wait = LeaseWait::begin(&self.ask.runtime);
        let mut looked = self.looked.unwrap_or_else(|| self.lead.since());
        loop {
            // From before the lease is asked for: that asking is what has its end announced.
            let waiter = self.waiter();
            let leased = self.lease_or_find(looked).await?;
            let Some(waiter) = waiter.filter(|_| leased == LeaseState::HeldElsewhere) else {
                return Ok(leased);
            };
            if wait.is_over(self.now()) || self.ask.waited.has_met_enough() {
                // The load begins now: that those who were waited for are done is no matter to it.
                self.lead.begins_after(looked);
                return Ok(leased);
            }
            wait.wait_for(clock, waiter.woken()).await;
            looked = revisions.now();
            match self.find().await {
                Ok(Some(answer)) => return Err(answer),
                Ok(None) => {}
                Err(failure) => return self.without_backend(failure),
            }
        }
    }

    /// Who hears that another process has stored the value, or has given the lease back.
    pub(in crate::engine) fn waiter(&self) -> Option<Waiter> {
        let (remote, address) = self.ask.remote().zip(self.ask.address())?;
        Some(remote.waiter(&address.entry))
    }

    /// The lease; or the value, if somebody has stored it since it was looked for.
    pub(in crate::engine) async fn lease_or_find(
        &self,
        looked: Revision,
    ) -> Result<LeaseState, Answer> {
        let leased = self.lease().await;
        if leased == LeaseState::Held
            && self.lead.has_changed(&self.ask.runtime.revisions, looked)
            && let Ok(Some(answer)) = self.find().await
        {
            drop(self.flight().take_lease());
            return Err(answer);
        }
        if leased == LeaseState::Held && self.lead.is_outdated(&self.ask.runtime.revisions) {
            // What was loaded under it would be kept nowhere. Mostly it is the end of the lease before that was
            // announced while this one was asked for.
            drop(self.flight().take_lease());
            return Ok(self.lease().await);
        }
        Ok(leased)
    }

    /// What follows where the backend does not say any more whether another process has stored the value: a load
    /// without a lease, or what may answer in its place.
    fn without_backend(&self, failure: Failure) -> Result<LeaseState, Answer> {
        if self.purpose == Purpose::Answer {
            let next = self.ask.next(&self.lead, Err(failure), self.stale.clone());
            if let Next::Answer(answer) | Next::Refresh(answer, _) = next {
                return Err(answer);
            }
        }
        Ok(self.unleased())
    }

    /// What another process has stored, as the answer of this job; it is landed for the followers.
    async fn find(&self) -> Result<Option<Answer>, Failure> {
        let Some(remote) = self.ask.remote().filter(|_| self.purpose != Purpose::Reload) else {
            return Ok(None);
        };
        let now = self.now();
        self.lead.asks_at(now);
        match self.ask.look_as(&self.lead, remote, now).await {
            Ok(seen) => {
                Ok(seen.filter(Judged::is_fresh).and_then(|seen| self.found_elsewhere(seen)))
            }
            Err(failure) if is_miss(failure.class()) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// A fresh entry of the backend as the answer of this job, if it is one.
    fn found_elsewhere(&self, Judged { slot, verdict, .. }: Judged) -> Option<Answer> {
        let answer = match self.purpose {
            Purpose::Refresh if verdict == Verdict::Refresh => return None,
            // It is counted where it is handed on, if it is.
            Purpose::Refresh | Purpose::Background if !self.ask.can_recall(&slot) => return None,
            Purpose::Refresh | Purpose::Background => {
                Answer::entry(&slot, self.ask.outcome(&slot, Source::Backend))
            }
            _ => self.ask.hit(&slot, Source::Backend)?,
        };
        self.lead.land(Ask::landing(&slot, answer.outcome));
        Some(answer)
    }

    /// Has the backend forget what a reload without a lease replaces, or the journal remember that it must
    /// (coherence 20).
    pub(super) async fn outdate_stored(&self) {
        let Some((remotes, address)) = self.ask.runtime.remotes.as_ref().zip(self.ask.address())
        else {
            return;
        };
        // What does not arrive is in the journal.
        let _ = remotes.invalidate(|_| vec![Target::Entry(address.entry.clone())]).await;
        self.lead.begins_after(self.ask.runtime.revisions.now());
        self.lead.stored();
    }

    /// Asks for the lease.
    async fn lease(&self) -> LeaseState {
        let ask = &self.ask;
        let Some((remote, address)) = ask.remote().zip(ask.address()) else {
            return if ask.is_shared() { LeaseState::Confined } else { LeaseState::NotNeeded };
        };
        // A fill needs a task: without one the lease would only be in the way of other processes.
        let is_away =
            self.purpose == Purpose::AnswerWithoutBackend || ask.waited.unanswered().is_some();
        if is_away || ask.runtime.spawner().is_none() {
            return self.unleased();
        }
        let life = ask.runtime.settings.lease;
        let limit = ask.runtime.settings.resilience.attempt_timeout;
        ask.runtime.clock.within(limit, remote.returned(&ask.key)).await;
        let token = remote.token(address);
        // Coherence 6: made before the lease is asked for, so that it is given back however that ends.
        let guard = LeaseGuard::new(remote, Arc::clone(address), token, life);
        let asked = remote.lease(address, ask.wanted(token)).await;
        match &asked {
            Ok(Asked::Elsewhere(Some(holder))) => ask.waited.note_holder(*holder),
            Err(failure) => ask.waited.note_failure(failure),
            Ok(Asked::Elsewhere(None) | Asked::Overdue | Asked::Granted(_)) => {}
        }
        self.apply(asked, guard)
    }

    /// Does what follows from the answer to a request for the lease.
    fn apply(&self, asked: Result<Asked, Failure>, guard: LeaseGuard) -> LeaseState {
        let AfterReply { state, guard: fate, joining } = reply(&asked).consequences();
        let grant = match asked {
            Ok(Asked::Granted(grant)) => Some(grant),
            Ok(Asked::Elsewhere(_) | Asked::Overdue) | Err(_) => None,
        };
        match (fate, grant) {
            (GuardFate::Held, Some(grant)) => {
                self.lead.may_be_joined(match joining {
                    Joining::UnderLease => {
                        Joinable::announced(grant.backing.clone(), guard.until())
                    }
                    Joining::ByArrival => Joinable::unannounced(),
                });
                self.lead.begins_after(grant.since);
                self.lead.flight().hold(guard.granted(grant));
            }
            (GuardFate::Forgotten, _) => guard.forget(),
            (GuardFate::Held | GuardFate::Dropped, _) => drop(guard),
        }
        match state {
            LeaseState::Unleased => self.unleased(),
            state => state,
        }
    }

    /// The backend cannot say whether another process loads the same.
    fn unleased(&self) -> LeaseState {
        self.ask.tell(|key| Event::Unleased { key });
        LeaseState::Unleased
    }
}

fn reply(asked: &Result<Asked, Failure>) -> LeaseReply {
    match asked {
        Ok(Asked::Granted(_)) => LeaseReply::Granted,
        Ok(Asked::Elsewhere(_)) => LeaseReply::Elsewhere,
        Ok(Asked::Overdue) => LeaseReply::Overdue,
        Err(failure) if failure.class().may_have_happened() => LeaseReply::Unanswered,
        Err(_) => LeaseReply::Refused,
    }
}
