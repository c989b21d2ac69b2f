//! Sees to it, from time to time, that a cache gets well where it does not by itself.
//!
//! Invariant: it ends with its cache, and nothing that goes wrong in one look keeps the next one from coming. What is done
//! to servers is done by the one process that holds the lease, and it stops once it no longer does.

mod acting;
mod look;
mod taken;

use std::sync::Arc;

use super::{Cache, Reconnection};
use crate::backend::Class;
use crate::contained::contained_future;
use crate::error::Error;
use crate::recovery::{RecoveryStep, Seen, StepResult, Supervision};
use crate::telemetry::{Event, log};

use acting::Acting;
use look::Lookout;
use taken::TakenStep;

/// A supervision that has not looked for so many of its times has stopped.
const TIMES: u32 = 3;
/// The share by which times differ, so that processes that begin together do not go on so.
const SPREAD: f64 = 0.1;

impl Cache {
    /// Has somebody see to it from now on, unless somebody does so already or nobody wants it.
    ///
    /// Where there is no tokio runtime to do it in, whoever asks for the status begins it.
    pub(super) fn supervise(&self) {
        let runtime = self.runtime();
        let Some(every) = runtime.settings.recovery.every else { return };
        let patience = every.saturating_mul(TIMES);
        if runtime.remote().is_none() || runtime.recovery.task.is_running(patience) {
            return;
        }
        let Some(spawner) = runtime.tasks.spawner() else { return };
        let (there, clock) = (Arc::downgrade(runtime), runtime.clock.clone());
        runtime.recovery.task.start(spawner, patience, |sole| async move {
            let _sole = sole;
            let (mut supervision, mut lookout) = (Supervision::new(), Lookout::default());
            loop {
                let share = there.upgrade().map(|runtime| runtime.random.share());
                let Some(share) = share else { return };
                clock.sleep(every.mul_f64(1.0 + SPREAD * (2.0 * share - 1.0))).await;
                let Some(runtime) = there.upgrade() else { return };
                let cache = Self(runtime);
                let round = contained_future(cache.recover(&mut supervision, &mut lookout));
                if let Err(panic) = round.await {
                    log::recovery_panicked(cache.namespace(), &panic);
                }
            }
        });
    }

    /// Looks once, and does what follows.
    async fn recover(&self, supervision: &mut Supervision, lookout: &mut Lookout) {
        let runtime = self.runtime();
        let Some(seen) = self.look(lookout).await else { return };
        let steps = supervision.tick(&seen, runtime.clock.now());
        runtime.recovery.set_troubles(supervision.troubles());
        let Some(acting) = Acting::of(runtime) else { return };
        if !supervision.is_for_one() {
            acting.give_up().await;
        } else if runtime.recovery.token().is_some() {
            // Who has it goes on until all is well, so that no other begins the same again.
            // Who is not answered finds out before it does anything.
            let _ = acting.hold().await;
        }
        for step in steps {
            let TakenStep { result, text, details } = self.take(step, &acting, &seen).await;
            if !supervision.note(step, result) {
                continue;
            }
            runtime.recovery.count(step, result);
            runtime.telemetry.tell(&Event::Recovery {
                step,
                result,
                text: &text,
                details: &details,
            });
        }
    }

    async fn take(&self, step: RecoveryStep, acting: &Acting<'_>, seen: &Seen) -> TakenStep {
        if step.is_for_one() {
            match acting.hold().await {
                Ok(true) => {}
                Ok(false) => return TakenStep::new(StepResult::Left, "another process sees to it"),
                Err(failure) => return failed(&Error::backend(failure)),
            }
        }
        match step {
            RecoveryStep::Reconnect => self.connect_anew(),
            RecoveryStep::Verify => acting.held(self.verified(false)).await,
            RecoveryStep::Repair => acting.held(self.verified(true)).await,
            RecoveryStep::AdviseOnSpeed => slow(seen),
            RecoveryStep::AdviseOnMemory => {
                let text = "nodes are short of memory: give them more, or keep less, for less long";
                TakenStep::new(StepResult::Done, text).with(seen.memory.clone().unwrap_or_default())
            }
            RecoveryStep::PurgeMemory => acting.held(self.purged()).await,
        }
    }

    /// It is tried by the links, who know when a node was tried last.
    fn connect_anew(&self) -> TakenStep {
        match self.reconnect() {
            Reconnection::Begun => {
                let text =
                    "no node answered for several looks, though all connections seemed to be up";
                TakenStep::new(StepResult::Done, text)
            }
            Reconnection::Isolated | Reconnection::NoBackend => {
                TakenStep::new(StepResult::Refused, "there is nobody to connect to")
            }
        }
    }

    async fn verified(&self, repairs: bool) -> TakenStep {
        let verify = if repairs { self.verify().repair() } else { self.verify() };
        match verify.run().await {
            Ok(seen) => {
                let (damaged, all, removed) = (seen.repairable(), seen.looked_at, seen.removed);
                let found = format!("{damaged} of {all} values and generations are damaged");
                let text = if repairs {
                    format!("{found}, {removed} were removed")
                } else {
                    format!("{found}; `athena repair`, or `recovery.act`, removes them")
                };
                TakenStep::new(StepResult::Done, text)
            }
            Err(error) => failed(&error),
        }
    }

    async fn purged(&self) -> TakenStep {
        let operator = self.runtime().remote().and_then(|remote| remote.operator());
        let Some(operator) = operator else {
            return TakenStep::new(StepResult::Refused, "nobody is asked");
        };
        match operator.purge_memory().await {
            Ok(()) => TakenStep::new(StepResult::Done, "each node gave back what it did not use"),
            Err(failure) => failed(&Error::backend(failure)),
        }
    }

    /// Lets another process act for all, once this one is closed.
    pub(super) async fn give_up_acting(&self) {
        if let Some(acting) = Acting::of(self.runtime()) {
            acting.give_up().await;
        }
    }
}

fn slow(seen: &Seen) -> TakenStep {
    let (now, usual) = seen.exchanges.unwrap_or_default();
    let text = format!(
        "99 of 100 exchanges with the nodes took up to {now:?} since the last look, and {usual:?} of late: see what they \
         are busy with (`SLOWLOG`, `LATENCY DOCTOR`)"
    );
    TakenStep::new(StepResult::Done, text)
}

fn failed(error: &Error) -> TakenStep {
    let is_refused = error.class() == Some(Class::Denied);
    let result = if is_refused { StepResult::Refused } else { StepResult::Failed };
    let text = error.class().map_or("it cannot be done", Class::name);
    TakenStep::new(result, text).with(error.to_string())
}

#[cfg(all(test, feature = "testing"))]
mod tests;
