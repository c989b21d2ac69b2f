//! What a cache did of late: differences between samples of its counters.
//!
//! Invariant: pure; no rate is other than a finite number, whatever was sampled and whenever. A rate is the difference
//! of two samples over the time between them.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Tick;
use crate::moment::Moment;

/// How far fine samples lie apart, and how many there are: ten minutes.
const FINE: (Duration, usize) = (Duration::from_secs(5), 120);
/// The same of coarse ones: three hours.
const COARSE: (Duration, usize) = (Duration::from_secs(60), 180);
/// Functions that are kept of each sample.
const BUSIEST: usize = 20;

/// Counters, as they stood at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) memory: u64,
    pub(crate) backend: u64,
    pub(crate) stale: u64,
    pub(crate) joined: u64,
    pub(crate) misses: u64,
    pub(crate) bypassed: u64,
    pub(crate) failed: u64,
    /// Calls that were measured since memory did not answer them at once, and their seconds.
    pub(crate) slow: (u64, f64),
    /// The sample of hits in memory, and its seconds.
    pub(crate) sampled: (u64, f64),
    pub(crate) loads: u64,
    pub(crate) load_failures: u64,
    /// Exchanges with the backend, and those that failed.
    pub(crate) exchanges: (u64, u64),
}

/// Counters of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SiteTotals {
    pub(crate) site: &'static str,
    pub(crate) calls: u64,
    pub(crate) hits: u64,
    pub(crate) failures: u64,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CounterSample {
    pub(crate) at: Tick,
    pub(crate) moment: Moment,
    pub(crate) totals: Totals,
    pub(crate) sites: Vec<SiteTotals>,
}

/// What a cache did between two moments; shares are 0 to 1, and 0 where there was no call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Rates {
    /// The end.
    pub at: Moment,
    /// How long before it the beginning is, in seconds.
    pub seconds: f64,
    /// Calls.
    pub requests: u64,
    /// Of them, those that memory answered fresh.
    pub memory: u64,
    /// Those that the backend answered fresh.
    pub backend: u64,
    /// Those that a stale value answered.
    pub stale: u64,
    /// Those that got the result of another call's load.
    pub joined: u64,
    /// Those that ran the function.
    pub misses: u64,
    /// Those that ran it with no cache involved.
    pub bypassed: u64,
    /// Those that got an error since the backend could not answer.
    pub failed: u64,
    /// Answered from a tier, of all.
    pub hit_rate: f64,
    /// Answered with a stale value, of all.
    pub stale_rate: f64,
    /// Got an error since the backend could not answer, of all.
    pub failed_rate: f64,
    /// Calls in a second.
    pub requests_per_second: f64,
    /// What a call took on average, in milliseconds.
    pub average_response_time: f64,
    /// Exchanges with the backend that failed, of all.
    pub error_rate: f64,
    /// Loads that failed or were given up, of all.
    pub load_error_rate: f64,
    /// The busiest functions.
    pub sites: Vec<SiteRates>,
}

/// What a cache did for one function between two moments.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SiteRates {
    /// The function.
    pub site: &'static str,
    /// Calls.
    pub requests: u64,
    /// Answered from a tier, of all.
    pub hit_rate: f64,
    /// Loads that failed or were given up.
    pub failures: u64,
}

/// What a cache did since it was built, at most three hours back: from [`Cache::history`](crate::Cache::history).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct History {
    /// Each 5 s for 10 min, the latest last.
    pub fine: Vec<Rates>,
    /// Each minute for 3 h, the latest last.
    pub coarse: Vec<Rates>,
}

/// The samples that are kept.
#[derive(Debug)]
pub(crate) struct RateWindow {
    fine: VecDeque<CounterSample>,
    coarse: VecDeque<CounterSample>,
}

impl CounterSample {
    /// The same with the busiest functions alone.
    fn condensed(mut self) -> Self {
        self.sites.sort_by_key(|site| std::cmp::Reverse(site.calls));
        self.sites.truncate(BUSIEST);
        self.sites.shrink_to_fit();
        self
    }
}

impl RateWindow {
    /// Nothing has been done so far.
    pub(crate) fn new(at: Tick) -> Self {
        let birth = CounterSample { at, moment: Moment::now(), ..CounterSample::default() };
        Self { fine: [birth.clone()].into(), coarse: [birth].into() }
    }

    /// Whether a sample is due.
    pub(crate) fn is_due(&self, now: Tick) -> bool {
        is_due(&self.fine, now, FINE)
    }

    /// Keeps a sample if one is due.
    pub(crate) fn note(&mut self, counted: CounterSample) {
        let counted = counted.condensed();
        for (samples, step) in [(&mut self.fine, FINE), (&mut self.coarse, COARSE)] {
            if !is_due(samples, counted.at, step) {
                continue;
            }
            // One more than there are steps between them.
            if samples.len() > step.1 {
                samples.pop_front();
            }
            samples.push_back(counted.clone());
        }
    }

    /// What was done since `over` ago, or since the next sample before that; since the beginning if that is later.
    pub(crate) fn rates(&self, now: &CounterSample, over: Duration) -> Rates {
        let is_old = |sample: &&CounterSample| now.at.since(sample.at) >= over;
        let newest_of =
            |samples: &VecDeque<CounterSample>| samples.iter().rev().find(is_old).cloned();
        let base = newest_of(&self.fine).or_else(|| newest_of(&self.coarse));
        let base = base.or_else(|| self.fine.front().cloned()).unwrap_or_default();
        between(&base, now)
    }

    /// What was done from sample to sample.
    pub(crate) fn history(&self) -> History {
        let steps = |samples: &VecDeque<CounterSample>| {
            samples.iter().zip(samples.iter().skip(1)).map(|(a, b)| between(a, b)).collect()
        };
        History { fine: steps(&self.fine), coarse: steps(&self.coarse) }
    }
}

fn is_due(samples: &VecDeque<CounterSample>, now: Tick, (step, _): (Duration, usize)) -> bool {
    samples.back().is_none_or(|last| now.since(last.at) >= step)
}

/// What was done between two samples.
fn between(before: &CounterSample, after: &CounterSample) -> Rates {
    let (old, new) = (&before.totals, &after.totals);
    let more = |of: fn(&Totals) -> u64| of(new).saturating_sub(of(old));
    let memory = more(|it| it.memory);
    let [backend, stale, joined] =
        [more(|it| it.backend), more(|it| it.stale), more(|it| it.joined)];
    let [misses, bypassed, failed] =
        [more(|it| it.misses), more(|it| it.bypassed), more(|it| it.failed)];
    let requests = memory + backend + stale + joined + misses + bypassed + failed;
    let seconds = after.at.since(before.at).as_secs_f64();
    let [unloaded, loaded] = [more(|it| it.load_failures), more(|it| it.loads)];
    let [exchanged, unanswered] = [more(|it| it.exchanges.0), more(|it| it.exchanges.1)];
    // Of hits in memory there are but samples, of which there may be none in a short time.
    let of_memory = number(memory) * mean(new.sampled);
    let slow = more(|it| it.slow.0);
    let of_slow = mean((slow, new.slow.1 - old.slow.1));
    // Of the others it is not known how long they took.
    let timed = requests - bypassed - failed;
    let waited = of_memory + number(timed - memory) * of_slow;
    Rates {
        at: after.moment,
        seconds,
        requests,
        memory,
        backend,
        stale,
        joined,
        misses,
        bypassed,
        failed,
        hit_rate: share(memory + backend + stale, requests),
        stale_rate: share(stale, requests),
        failed_rate: share(failed, requests),
        requests_per_second: if seconds > 0.0 { number(requests) / seconds } else { 0.0 },
        average_response_time: ratio(waited * 1_000.0, number(timed)),
        error_rate: share(unanswered, exchanged),
        load_error_rate: share(unloaded, loaded + unloaded),
        sites: after.sites.iter().map(|site| of_site(site, &before.sites)).collect(),
    }
}

fn of_site(after: &SiteTotals, before: &[SiteTotals]) -> SiteRates {
    let before = before.iter().find(|before| before.site == after.site);
    let more = |of: fn(&SiteTotals) -> u64| of(after).saturating_sub(before.map_or(0, of));
    let requests = more(|it| it.calls);
    let hit_rate = share(more(|it| it.hits), requests);
    SiteRates { site: after.site, requests, hit_rate, failures: more(|it| it.failures) }
}

fn mean((count, sum): (u64, f64)) -> f64 {
    ratio(sum.max(0.0), number(count))
}

fn share(part: u64, whole: u64) -> f64 {
    ratio(number(part.min(whole)), number(whole))
}

fn ratio(part: f64, whole: f64) -> f64 {
    let ratio = part / whole;
    if ratio.is_finite() { ratio } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
