//! One load for all that nobody else loads.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, join_all, select, select_all};

use super::{EntryPlace, LoadFailed, Many, ManyCaller};
use crate::clock::Tick;
use crate::engine::caller::{FailedLoad, Loaded};
use crate::engine::job::{Finished, Labelling, LeaseState, PendingFill};
use crate::engine::limits::LoadPermit;
use crate::engine::{AnswerContent, Ask, Job};
use crate::flight::Flight;
use crate::remote::wake::Waiter;
use crate::runtime::Runtime;
use crate::telemetry::Event;

type LeasedJob = (EntryPlace, Job, LeaseState);
/// An entry that another process loads, and who hears when it is done.
type Elsewhere = (EntryPlace, Ask, Waiter);

impl Many {
    /// One load for all jobs.
    pub(super) async fn load(
        &mut self,
        jobs: Vec<(EntryPlace, Job)>,
        alone: Vec<(EntryPlace, Ask)>,
        caller: &ManyCaller,
    ) -> Result<(), LoadFailed> {
        let (jobs, elsewhere) = self.lease(jobs).await;
        if jobs.is_empty() && alone.is_empty() && self.later.is_empty() {
            self.wait(elsewhere).await;
            return Ok(());
        }
        self.put_off(elsewhere);
        let places = jobs.iter().map(|(place, ..)| *place);
        let places = places.chain(alone.iter().map(|(place, _)| *place)).collect();
        let (loaded, started) = run(&jobs, &alone, caller.ask(places)).await;
        let mut loaded = match loaded {
            Ok(loaded) => loaded,
            Err(LoadFailed) => return self.failed(jobs, &alone),
        };
        for (place, ask) in alone {
            ask.tell(|key| Event::Miss { key });
            if loaded.contains_key(&place) {
                self.found.values.insert(place, AnswerContent::Own);
            }
        }
        let runtime = jobs.first().map(|(_, job, _)| Arc::clone(&job.ask().runtime));
        let mut fills = Vec::new();
        for (place, job, leased) in jobs {
            let found = loaded.remove(&place);
            let loaded = found.map_or(Loaded::Absent, Loaded::Found);
            let Finished { answer, fill } = job.finish(loaded, leased, started);
            self.found.values.insert(place, answer.content);
            fills.extend(fill);
        }
        if let Some(runtime) = runtime {
            begin(fills, &runtime).await;
        }
        Ok(())
    }

    /// The leases of jobs; apart from them those whose values other processes load just now.
    async fn lease(&mut self, jobs: Vec<(EntryPlace, Job)>) -> (Vec<LeasedJob>, Vec<Elsewhere>) {
        let lease = async |(place, job): (EntryPlace, Job)| {
            let waiter = job.waiter();
            let leased = job.lease_or_find(job.since()).await;
            (place, job, leased, waiter)
        };
        let (mut ours, mut elsewhere) = (Vec::new(), Vec::new());
        for (place, job, leased, waiter) in join_all(jobs.into_iter().map(lease)).await {
            let may_wait = self.waiting.as_ref().is_some_and(|waiting| !waiting.is_over(job.now()))
                && !job.ask().waited.has_met_enough();
            match (leased, waiter) {
                (Err(answer), _) => self.found.insert(place, job.ask(), answer),
                (Ok(LeaseState::HeldElsewhere), Some(waiter)) if may_wait => {
                    elsewhere.push((place, *job.resign(), waiter));
                }
                _ if job.is_superseded() && self.superseded.insert(place) => {
                    self.open.push((place, *job.resign()));
                }
                (Ok(leased), _) => ours.push((place, job, leased)),
            }
        }
        (ours, elsewhere)
    }

    /// Waits until one of these may be there, or may be loaded by us.
    async fn wait(&mut self, elsewhere: Vec<Elsewhere>) {
        if let (Some((_, ask, _)), Some(waiting)) = (elsewhere.first(), &mut self.waiting) {
            let woken = elsewhere.iter().map(|(.., waiter)| Box::pin(waiter.woken()));
            waiting.wait_for(&ask.runtime.clock, select_all(woken)).await;
        }
        self.put_off(elsewhere);
    }

    /// Leaves entries to the next round.
    fn put_off(&mut self, elsewhere: Vec<Elsewhere>) {
        self.open.extend(elsewhere.into_iter().map(|(place, ask, _)| (place, ask)));
    }

    /// The error, unless every entry has a stale value that may stand in for it.
    fn failed(
        &mut self,
        jobs: Vec<LeasedJob>,
        alone: &[(EntryPlace, Ask)],
    ) -> Result<(), LoadFailed> {
        // What a batch's load returns says nothing of one entry.
        let error = FailedLoad { shared: None, remembered: None, allows_grace: true };
        let in_grace = |job: &Job| job.grace_for(&error).is_some();
        let all_in_grace = alone.is_empty() && jobs.iter().all(|(_, job, _)| in_grace(job));
        for (_, ask) in alone {
            ask.tell(|key| Event::Miss { key });
        }
        for (place, job, _) in jobs {
            let answer = all_in_grace.then(|| job.in_grace(&error)).flatten();
            job.failed_with_others(answer.as_ref());
            if let Some(answer) = answer {
                self.found.values.insert(place, answer.content);
            }
        }
        if all_in_grace { Ok(()) } else { Err(LoadFailed) }
    }
}

/// Begins fills one after the other, as their writes get permits; all of them within one deadline.
async fn begin(fills: Vec<PendingFill>, runtime: &Runtime) {
    let Runtime { clock, settings, .. } = runtime;
    let until = clock.now().after(settings.resilience.write_deadline);
    for fill in fills {
        fill.begin_within(until.since(clock.now())).await;
    }
}

/// Runs a load for jobs, whose leases are kept alive, and for entries beside them; says when it began.
///
/// It takes one permit of its function if one of its jobs needs one. The leases of the others are extended
/// while it waits for that, too: another node's trouble is none of theirs.
async fn run<T>(
    jobs: &[LeasedJob],
    alone: &[(EntryPlace, Ask)],
    load: impl Future<Output = T>,
) -> (T, Tick) {
    let flights: Vec<_> = jobs.iter().map(|(_, job, _)| Arc::clone(job.flight())).collect();
    let is_bounded = |leased: LeaseState| leased.keeping(Labelling::BeforeLoad).is_bounded;
    let is_bounded = jobs.iter().any(|(.., leased)| is_bounded(*leased));
    let permit = if is_bounded { LoadPermit::Needed } else { LoadPermit::NotNeeded };
    let ask = jobs.first().map(|(_, job, _)| job.ask()).or(alone.first().map(|(_, ask)| ask));
    let load = async {
        let load = async {
            for (_, job, _) in jobs {
                job.begins_to_load();
            }
            load.await
        };
        let load = Flight::all_led_here(&flights, load);
        match ask {
            Some(ask) => ask.run_load(permit, load).await,
            None => (load.await, Tick::default()),
        }
    };
    let extending = join_all(jobs.iter().map(|(_, job, _)| job.extend_for_ever()));
    match select(pin!(load), pin!(extending)).await {
        Either::Left((loaded, _)) => loaded,
        // There are no leases to extend.
        Either::Right((_, load)) => load.await,
    }
}
