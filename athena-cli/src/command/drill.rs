//! `athena drill`: writes to what serves, again and again, and says what became of it in a failover.
//!
//! Invariant: one name for each node that serves is written, which no cache uses, which ends by itself, and which
//! is removed at the end.

mod record;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use athena_cache_core::backend::{
    Absent, Backend, Bump, Change, Failover, Generation, Node, Proposal,
};
use athena_cache_redis::{FailoverTrigger, Redis};
use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use self::record::{Record, Summary};
use super::Session;
use crate::args::{DrillArgs, TriggerArg};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::shown;

const EVERY: Duration = Duration::from_millis(10);
/// How long it goes on after what it waited for is over.
const AFTER: Duration = Duration::from_secs(3);
/// How long one write may take, so that a node that hangs is noticed as operations notice it.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long what is written lives, if this ends without removing it.
const LIFE: Duration = Duration::from_secs(120);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DrillDocument {
    probes: Vec<Summary>,
    failovers: Vec<Heard>,
}

/// A failover that was noticed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Heard {
    from: String,
    to: String,
    cause: &'static str,
    took_ms: u64,
}

/// What all probes see.
#[derive(Debug, Default)]
struct Shared {
    failovers: Mutex<Vec<Heard>>,
    count: AtomicUsize,
    /// No failover was set off, so that there is none to be watched.
    is_pointless: AtomicBool,
}

pub(super) async fn run(session: &Session<'_>, args: &DrillArgs) -> Result<Exit, Fault> {
    if args.trigger.is_some() {
        session.confirm("`--trigger`", args.confirm.as_deref())?;
        if !session.target.is_admin {
            return Err(Fault::new(
                Exit::Refused,
                "`--trigger` is for administrators, and nothing was sent",
            )
            .help("`--admin` allows it; the user needs the right to it as well"));
        }
    }
    let redis = session
        .target
        .redis_with(|config| config.response_timeout(session.target.timeout.min(PATIENCE)))?;
    let Some(()) = session.stop.or(session.target.wait_for(&redis)).await.transpose()? else {
        return Ok(Exit::Interrupted);
    };
    let shared = Arc::new(Shared::default());
    let hearing = Arc::clone(&shared);
    redis.listen(Arc::new(move |change: &Change| {
        if let Change::Failover(failover) = change {
            hearing.hear(failover);
        }
    }));
    let names = names(&redis, &session.prefix());
    session.out.line(format!(
        "writing to {} every 10 ms; it ends 3 s after a gap that is over, or after {}",
        names.values().map(|(endpoint, _)| endpoint.as_str()).collect::<Vec<_>>().join(", "),
        shown::time(args.duration),
    ))?;
    let until = Instant::now() + args.duration;
    let probes = names
        .into_values()
        .map(|(endpoint, name)| probe(session, &redis, &shared, Probed { endpoint, name, until }));
    let trigger = async {
        match args.trigger {
            None => Ok(()),
            Some(trigger) => {
                sleep(Duration::from_secs(1)).await;
                let outcome = set_off(&redis, trigger).await;
                shared.is_pointless.store(outcome.is_err(), Ordering::Release);
                outcome
            }
        }
    };
    let (summaries, triggered) = futures_util::future::join(join_all(probes), trigger).await;
    let summaries: Result<Vec<_>, _> = summaries.into_iter().collect();
    let probes = summaries?;
    let failovers = shared.failovers.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let is_trouble = probes.iter().any(|probe| probe.lost > 0 || probe.is_down);
    report(session, &probes, &failovers)?;
    session.out.json(&DrillDocument { probes, failovers })?;
    triggered?;
    Ok(if is_trouble { Exit::Trouble } else { Exit::Fine })
}

/// A name on each node that serves.
fn names(redis: &Redis, prefix: &str) -> BTreeMap<Node, (String, String)> {
    let random = fastrand::u64(..);
    let name = |partition: &str| format!("{prefix}{partition}@drill:{random:x}");
    let mut names = BTreeMap::new();
    let partitions = redis.partitions();
    let all = partitions.iter().map(|it| name(&format!("{{{it}}}")));
    for name in all.chain(partitions.is_empty().then(|| name(""))) {
        let node = redis.node(&name);
        names.entry(node).or_insert_with(|| (redis.endpoint(node), name));
    }
    names
}

async fn set_off(redis: &Redis, trigger: TriggerArg) -> Result<(), Fault> {
    let trigger = match trigger {
        TriggerArg::Sentinel => FailoverTrigger::Sentinel,
        TriggerArg::Cluster => FailoverTrigger::Cluster,
        TriggerArg::KillClients => FailoverTrigger::KillClients,
    };
    redis.trigger(trigger).await.map_err(|error| {
        let is_denied = error.class() == Some(athena_cache_core::backend::Class::Denied);
        let exit = if is_denied { Exit::Refused } else { Exit::Incomplete };
        Fault::new(exit, "no failover was set off").caused_by(error)
    })
}

/// What a probe writes, and until when.
struct Probed {
    endpoint: String,
    name: String,
    until: Instant,
}

async fn probe(
    session: &Session<'_>,
    redis: &Redis,
    shared: &Shared,
    probed: Probed,
) -> Result<Summary, Fault> {
    let Probed { endpoint, name, until } = probed;
    let mut record = Record::new(Instant::now());
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut heard, mut is_checked) = (0, false);
    let is_pointless = || shared.is_pointless.load(Ordering::Acquire);
    while Instant::now() < until && !record.is_over(Instant::now(), AFTER) && !is_pointless() {
        if session.stop.or(ticks.tick()).await.is_none() {
            break;
        }
        let count = shared.count.load(Ordering::Acquire);
        if count != heard {
            (heard, is_checked) = (count, false);
            record.note_failover(Instant::now());
        }
        let outcome = write(redis, &name, &mut record, &mut is_checked).await;
        if let Some(gap) = record.note(Instant::now(), outcome) {
            session.out.line(format!(
                "{endpoint}: {} without a write that was acknowledged, {} failed: {}",
                shown::time(gap.took),
                gap.failed,
                gap.error
            ))?;
        }
    }
    // One that is down ends it by itself.
    drop(redis.remove(&[name]).await);
    Ok(record.summary(endpoint, Instant::now()))
}

/// Writes the next number; before that, where something has happened, looks for the one that was written last.
async fn write(
    redis: &Redis,
    name: &str,
    record: &mut Record,
    is_checked: &mut bool,
) -> Result<(), String> {
    let shown = |failure: athena_cache_core::backend::Failure| failure.to_string();
    if !*is_checked {
        let found = redis.read(&[], &[name]).await.map_err(shown)?;
        let found = found.generations.into_iter().next().flatten();
        record.check(found.map(Generation::get));
        let generation = Generation::new(record.next());
        redis.ensure(&[Proposal { name, generation, life: Some(LIFE) }]).await.map_err(shown)?;
        *is_checked = true;
    }
    let generation = Generation::new(record.next());
    let outcome = redis.bump(&[Bump { name, generation, absent: Absent::Stays }]).await;
    *is_checked = outcome.is_ok();
    outcome.map_err(shown)
}

impl Shared {
    fn hear(&self, failover: &Failover) {
        let Failover { from, to, cause, took, .. } = failover;
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let heard = Heard { from: from.clone(), to: to.clone(), cause: cause.name(), took_ms };
        self.failovers.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
        self.count.fetch_add(1, Ordering::AcqRel);
    }
}

fn report(session: &Session<'_>, probes: &[Summary], failovers: &[Heard]) -> Result<(), Fault> {
    for Heard { from, to, cause, took_ms } in failovers {
        let took = shown::time(Duration::from_millis(*took_ms));
        session.out.line(format!("noticed: {from} → {to}, {cause}, usable after {took}"))?;
    }
    if failovers.is_empty() {
        session.out.line("noticed: no failover")?;
    }
    for probe in probes {
        let gap = shown::time(Duration::from_millis(probe.longest_gap_ms));
        let down = probe.error.as_ref().map(|error| format!("; it is down still: {error}"));
        let down = down.unwrap_or_default();
        session.out.line(format!(
            "{}: {} writes acknowledged, {} failed, longest gap {gap}, {} acknowledged writes lost{down}",
            probe.endpoint, probe.acknowledged, probe.failed, probe.lost
        ))?;
    }
    Ok(())
}
