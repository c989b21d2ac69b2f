//! What was counted, for whoever reports it.

use std::time::Duration;

use super::Telemetry;
use super::exchanges::ExchangeReport;
use super::hot::HotEntry;
use super::sites::SiteReport;
use super::stats::Stats;
use super::tiers::{Answerer, WaitReport};
use super::timeline::Occurrence;
use super::window::{CounterSample, History, Rates, SiteTotals, Totals};
use crate::clock::Tick;
use crate::moment::Moment;

impl Telemetry {
    /// What was counted.
    pub(crate) fn stats(&self) -> Stats {
        let (memory_hits, backend_hits) = self.sites.hits();
        Stats { memory_hits, backend_hits, ..self.counters.read() }
    }

    /// The same for each function.
    pub(crate) fn sites(&self) -> Vec<SiteReport> {
        self.sites.read()
    }

    /// How long callers waited.
    pub(crate) fn waits(&self) -> Vec<WaitReport> {
        self.waits.read()
    }

    /// What nodes were asked for.
    pub(crate) fn exchanges(&self) -> Vec<ExchangeReport> {
        self.exchanges.read()
    }

    pub(crate) fn hot(&self) -> Vec<HotEntry> {
        self.hot.read()
    }

    pub(crate) fn timeline(&self) -> Vec<Occurrence> {
        self.timeline.read()
    }

    /// Keeps a sample of the counters if one is due.
    pub(crate) fn sample(&self, now: Tick) {
        let is_due = self.window.lock().is_due(now);
        if is_due {
            let counted = self.counted(now);
            self.window.lock().note(counted);
        }
    }

    /// What was done of late.
    pub(crate) fn rates(&self, now: Tick, over: Duration) -> Rates {
        self.sample(now);
        let counted = self.counted(now);
        self.window.lock().rates(&counted, over)
    }

    /// What was done since the beginning, at most three hours back.
    pub(crate) fn history(&self, now: Tick) -> History {
        self.sample(now);
        self.window.lock().history()
    }

    fn counted(&self, at: Tick) -> CounterSample {
        let stats = self.stats();
        let totals = Totals {
            memory: stats.memory_hits,
            backend: stats.backend_hits,
            stale: stats.stale_hits,
            joined: stats.joined,
            misses: stats.misses,
            bypassed: stats.bypassed,
            failed: stats.failed,
            slow: self.waits.slow(),
            sampled: self.waits.of(Answerer::Memory).total(),
            loads: stats.loads,
            load_failures: stats.load_failures + stats.load_timeouts,
            exchanges: self.exchanges.total(),
        };
        let sites = self.sites.read().into_iter().filter(|site| site.calls() > 0);
        let sites = sites.map(|site| SiteTotals {
            site: site.site,
            calls: site.calls(),
            hits: site.hits(),
            failures: site.load_failures + site.load_timeouts,
        });
        CounterSample { at, moment: Moment::now(), totals, sites: sites.collect() }
    }
}
