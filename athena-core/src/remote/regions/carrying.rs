//! Keeps each secondary up with the primary, for as long as this process lives.
//!
//! Invariant: at most one task for each secondary; what one round leaves undone the next one does, by whomever.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Regions, within};
use crate::backend::Failure;
use crate::contained::contained_future;
use crate::regions::{RoundEnd, RoundPace};
use crate::remote::Remote;
use crate::remote::pump::Pumped;
use crate::telemetry::Event;

/// The shortest time without a step after which the task's runtime counts as one that stands still.
const STANDSTILL: Duration = Duration::from_secs(1);
/// How many rounds follow each other at once: others want the links as well.
const MOST_ROUNDS: usize = 20;

impl Regions {
    /// Starts the tasks that do not run.
    pub(super) fn keep_pumping(self: &Arc<Self>) {
        // A round takes no longer for each of both stores and of their parts.
        let patience = STANDSTILL.max(self.settings.tolerance.saturating_mul(4));
        for (place, pumping) in self.pumping.iter().enumerate() {
            if pumping.task.is_running(patience) {
                continue;
            }
            let Some(spawner) = self.tasks.spawner() else { return };
            let (there, clock) = (Arc::downgrade(self), self.clock.clone());
            let (tolerance, window) = pumping.limits;
            pumping.task.start(spawner, patience, |sole| async move {
                let _sole = sole;
                let mut pace = RoundPace::new(tolerance, window);
                loop {
                    let Some(regions) = there.upgrade() else { return };
                    let revivals = regions.revivals(place);
                    let mut pause = pace.after(regions.pump_into(place).await);
                    drop(regions);
                    // In steps: that a store may answer again is no reason to wait any longer.
                    let step = pace.usual();
                    loop {
                        clock.doze(pause.min(step)).await;
                        pause = pause.saturating_sub(step);
                        let Some(regions) = there.upgrade() else { return };
                        if regions.revivals(place) != revivals {
                            pace.revive();
                            break;
                        }
                        if pause.is_zero() {
                            break;
                        }
                    }
                }
            });
        }
    }

    /// Changes whenever the primary or a secondary may answer again.
    fn revivals(&self, place: usize) -> u64 {
        [Some(self.primary()), self.remotes.get(place + 1)]
            .into_iter()
            .flatten()
            .fold(0, |sum, it| sum.wrapping_add(it.revivals()))
    }

    /// Carries what there is of all parts of the log into a secondary, and what that owes back.
    pub(super) async fn pump_into(&self, place: usize) -> RoundEnd {
        let Some(secondary) = self.remotes.get(place + 1) else { return RoundEnd::Elsewhere };
        let primary = self.primary();
        // Who cannot reach both takes no turn from others who can, and goes on as soon as both answer.
        if ![primary, secondary].iter().all(|it| it.is_available() && it.is_answering()) {
            return RoundEnd::Elsewhere;
        }
        let (mut end, mut failed) = (RoundEnd::Complete, None);
        for part in 0..primary.log_names().len() {
            match self.carry(place, part, secondary).await {
                Ok(RoundEnd::Elsewhere) => return RoundEnd::Elsewhere,
                Ok(RoundEnd::More) => end = RoundEnd::More,
                Ok(_) => {}
                Err(failure) => {
                    failed = Some(failure);
                    break;
                }
            }
        }
        // In any case: who takes nothing in gives away what it owes all the same.
        for part in 0..secondary.log_names().len() {
            match self.drain(part, secondary).await {
                Ok(true) => {}
                Ok(false) => end = RoundEnd::More,
                Err(failure) => {
                    failed = failed.or(Some(failure));
                    break;
                }
            }
        }
        if let Some(failure) = failed {
            return self.failed(place, secondary, failure.as_ref());
        }
        if let Some(pumping) = self.pumping.get(place) {
            pumping.is_failing.store(false, Ordering::Relaxed);
        }
        end
    }

    /// Carries one part of the log; the failure, or nothing if it took too long.
    async fn carry(
        &self,
        place: usize,
        part: usize,
        secondary: &Arc<Remote>,
    ) -> Result<RoundEnd, Option<Failure>> {
        for _ in 0..MOST_ROUNDS {
            let (from, to) = (self.primary().pumped(), secondary.pumped());
            let Some((from, to)) = from.zip(to) else { return Ok(RoundEnd::Elsewhere) };
            let round = contained_future(self.pump.round(part, &from, &to));
            let done = self.clock.within_dozing(within(&self.settings), round).await;
            match done.and_then(Result::ok).ok_or(None)?.map_err(Some)? {
                Pumped::Elsewhere => return Ok(RoundEnd::Elsewhere),
                Pumped::Itself => {
                    self.tell_alike(place, secondary);
                    return Ok(RoundEnd::Elsewhere);
                }
                Pumped::Resynced(reason) => {
                    let region = secondary.region_name();
                    self.telemetry.tell(&Event::Resynced { region, reason });
                    return Ok(RoundEnd::More);
                }
                Pumped::Carried { parked, is_last, applied } => {
                    if parked > 0 {
                        self.note_parked(place, secondary, parked);
                    }
                    // Nothing came, and it is not known to be all: the node waits for its confirmation.
                    if is_last || applied == 0 {
                        return Ok(RoundEnd::Complete);
                    }
                }
            }
        }
        Ok(RoundEnd::More)
    }

    /// Tells the primary what a secondary owes it; tells whether that was all.
    async fn drain(&self, part: usize, secondary: &Arc<Remote>) -> Result<bool, Option<Failure>> {
        let (from, to) = (self.primary().pumped(), secondary.pumped());
        let Some((primary, secondary)) = from.zip(to) else { return Ok(true) };
        let drained = contained_future(self.pump.drain(part, &primary, &secondary));
        let done = self.clock.within_dozing(within(&self.settings), drained).await;
        done.and_then(Result::ok).ok_or(None)?.map_err(Some)
    }

    /// The first failure of several in a row is told; the operations of each are by themselves.
    fn failed(&self, place: usize, secondary: &Remote, failure: Option<&Failure>) -> RoundEnd {
        let pumping = self.pumping.get(place);
        let is_news =
            pumping.is_some_and(|pumping| !pumping.is_failing.swap(true, Ordering::Relaxed));
        if is_news {
            let region = secondary.region_name();
            self.telemetry.tell(&Event::NotFollowed { region, failure });
        }
        RoundEnd::Failed
    }

    fn note_parked(&self, place: usize, secondary: &Remote, count: usize) {
        if let Some(pumping) = self.pumping.get(place) {
            pumping.parked.fetch_add(count as u64, Ordering::Relaxed);
        }
        let region = secondary.region_name();
        self.telemetry.tell(&Event::Parked { region, count });
    }

    /// How many records a secondary has rejected from this process.
    pub(super) fn parked(&self, place: usize) -> u64 {
        self.pumping.get(place).map_or(0, |pumping| pumping.parked.load(Ordering::Relaxed))
    }

    fn tell_alike(&self, place: usize, secondary: &Remote) {
        let pumping = self.pumping.get(place);
        if pumping.is_some_and(|pumping| !pumping.told_alike.swap(true, Ordering::Relaxed)) {
            let region = secondary.region_name();
            self.telemetry.tell(&Event::RegionsAlike { region });
        }
    }
}
