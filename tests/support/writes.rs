//! Which writes reached a node while it was a primary, by its own statistics.
//!
//! Replicas count what their primary sends them as well, so only what is counted between one
//! answer as a primary and the next answer is taken for a client's. That leaves out at most the
//! writes of the few milliseconds around a promotion.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::prober::{Watch, lock};
use super::resp::{Address, Client, Reply};
use super::wait_for;

/// Watches the writes of one node until it is dropped.
#[derive(Debug)]
pub(crate) struct Writes {
    growth: Arc<Mutex<Vec<Growth>>>,
    watch: Watch,
}

/// So many writes since the answer before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    /// When the answer was read.
    pub(crate) at: Instant,
    /// How many more calls of the commands succeeded.
    pub(crate) writes: u64,
}

/// One answer.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// The process; another one begins to count anew.
    run: u64,
    primary: bool,
    writes: u64,
}

impl Writes {
    /// Begins to ask every 5 ms how often some commands succeeded; what is counted comes after this.
    ///
    /// Commands inside a script count beside the script: name either `evalsha` or what it calls.
    pub(crate) fn start(node: Address, commands: &'static [&'static str]) -> Self {
        let growth = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::new(AtomicBool::new(false));
        let (noted, first, mut before) = (Arc::clone(&growth), Arc::clone(&asked), None);
        let ask = move |client: &mut Client| sample(client, commands);
        let watch = Watch::start(node, ask, move |sample: Option<Sample>| {
            first.store(true, Ordering::SeqCst);
            let Some(sample) = sample else {
                return;
            };
            let writes = before.replace(sample).map_or(0, |before| sample.since(before));
            if writes > 0 {
                lock(&noted).push(Growth { at: Instant::now(), writes });
            }
        });
        wait_for("the node has been asked", || asked.load(Ordering::SeqCst).then_some(()));
        Self { growth, watch }
    }

    /// Every answer that told of new writes.
    pub(crate) fn all(&self) -> Vec<Growth> {
        lock(&self.growth).clone()
    }

    /// When the first write at or after a moment was seen.
    pub(crate) fn first_after(&self, moment: Instant) -> Option<Instant> {
        lock(&self.growth).iter().map(|it| it.at).find(|&at| at >= moment)
    }

    /// When the last write was seen.
    pub(crate) fn last(&self) -> Option<Instant> {
        lock(&self.growth).last().map(|it| it.at)
    }

    /// How many writes were seen from one moment on and before another, give or take 5 ms.
    pub(crate) fn between(&self, from: Instant, to: Instant) -> u64 {
        let growth = lock(&self.growth);
        growth.iter().filter(|it| (from..to).contains(&it.at)).map(|it| it.writes).sum()
    }

    /// How many writes were seen at or after a moment.
    pub(crate) fn after(&self, moment: Instant) -> u64 {
        lock(&self.growth).iter().filter(|it| it.at >= moment).map(|it| it.writes).sum()
    }
}

impl Sample {
    fn since(self, before: Self) -> u64 {
        if self.run != before.run {
            return if self.primary { self.writes } else { 0 };
        }
        if before.primary { self.writes.saturating_sub(before.writes) } else { 0 }
    }
}

/// Role and statistics in one answer, so that they belong together.
fn sample(client: &mut Client, commands: &[&str]) -> io::Result<Sample> {
    let info = client.call(&["INFO", "server", "replication", "commandstats"])?;
    let Reply::Bytes(info) = info else {
        return Err(io::Error::other(format!("no statistics: {info:?}")));
    };
    let info = String::from_utf8_lossy(&info);
    let mut sample = Sample { run: 0, primary: false, writes: 0 };
    for line in info.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        match name.strip_prefix("cmdstat_") {
            Some(command) if commands.contains(&command) => sample.writes += successes(value),
            None if name == "process_id" => sample.run = value.parse().unwrap_or(0),
            None if name == "role" => sample.primary = value == "master",
            _ => {}
        }
    }
    Ok(sample)
}

/// From `calls=3,usec=17,usec_per_call=5.67,rejected_calls=0,failed_calls=1`; what is refused, such
/// as by `READONLY` or `MOVED`, is no call.
fn successes(statistics: &str) -> u64 {
    let field = |name: &str| {
        let mut fields = statistics.split(',').filter_map(|field| field.split_once('='));
        fields.find(|(it, _)| *it == name).and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
    };
    let (calls, failed): (u64, u64) = (field("calls"), field("failed_calls"));
    calls.saturating_sub(failed)
}
