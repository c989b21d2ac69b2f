//! Being the process that acts for all.
//!
//! Invariant: what runs under the lease is dropped as soon as another process may have it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::taken::TakenStep;
use crate::backend::Failure;
use crate::clock::Tick;
use crate::recovery::StepResult;
use crate::remote::{RecoveryLease, Remote};
use crate::runtime::Runtime;

/// A lease lives for so many looks: one that dies is replaced by then.
const LOOKS: u32 = 2;
/// How often it is prolonged in its life while something is done under it.
const TIMES: u32 = 4;

/// The lease, as this process has it or not.
pub(super) struct Acting<'a> {
    runtime: &'a Runtime,
    remote: &'a Arc<Remote>,
    life: Duration,
}

impl<'a> Acting<'a> {
    /// `None` of a cache that nobody sees to.
    pub(super) fn of(runtime: &'a Runtime) -> Option<Self> {
        let every = runtime.settings.recovery.every?;
        let remote = runtime.remote()?;
        // A look comes a little late, by the spread, and by how long it takes.
        Some(Self { runtime, remote, life: every.saturating_mul(LOOKS).mul_f64(1.25) })
    }

    /// Asks for the lease, or prolongs it; tells whether this process has it.
    pub(super) async fn hold(&self) -> Result<bool, Failure> {
        let ledger = &self.runtime.recovery;
        if let Some(token) = ledger.token() {
            let kept = self.remote.keep_recovery(token, self.life).await;
            // A lease that was asked for in vain may have been granted after all.
            let is_ours =
                kept.inspect_err(|_| ledger.note_lease(Some(token), false))? == RecoveryLease::Ours;
            ledger.note_lease(is_ours.then_some(token), is_ours);
            if is_ours {
                return Ok(true);
            }
        }
        let token = self.remote.recovery_token();
        ledger.note_lease(Some(token), false);
        let is_ours = self.remote.take_recovery(token, self.life).await? == RecoveryLease::Ours;
        ledger.note_lease(is_ours.then_some(token), is_ours);
        Ok(is_ours)
    }

    /// Does something while the lease is held.
    pub(super) async fn held(&self, work: impl Future<Output = TakenStep>) -> TakenStep {
        let (clock, ledger) = (&self.runtime.clock, &self.runtime.recovery);
        let mut work = pin!(work);
        let mut until = clock.now().after(self.life);
        loop {
            if let Some(taken) = clock.within(self.life / TIMES, work.as_mut()).await {
                return taken;
            }
            let Some(token) = ledger.token() else { return lost() };
            let asked = clock.now();
            match self.remote.keep_recovery(token, self.life).await {
                Ok(RecoveryLease::Ours) => until = asked.after(self.life),
                Ok(RecoveryLease::Theirs) => {
                    ledger.note_lease(None, false);
                    return lost();
                }
                Err(_) if self.is_over(until) => {
                    ledger.note_lease(Some(token), false);
                    return lost();
                }
                Err(_) => {}
            }
        }
    }

    /// Whether the lease may have ended before it is asked for again.
    fn is_over(&self, until: Tick) -> bool {
        self.runtime.clock.now().after(self.life / TIMES) >= until
    }

    /// Gives the lease back, if this process may have it.
    pub(super) async fn give_up(&self) {
        if let Some(token) = self.runtime.recovery.token() {
            self.runtime.recovery.note_lease(None, false);
            // Else it ends by itself.
            let _ = self.remote.give_recovery_back(token).await;
        }
    }
}

fn lost() -> TakenStep {
    TakenStep::new(StepResult::Left, "another process may see to it by now, so it was not ended")
}
