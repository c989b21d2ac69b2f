//! One play, from the first server to the verdict.

use std::fmt;
use std::thread::sleep;
use std::time::Duration;

use athena_cache::Stats;
use athena_cache::testing::Guard;

use super::callers;
use super::check::{self, Habit, Rules};
use super::configuration::Configuration;
use super::duty;
use super::fault::{FAULTS, Fault};
use super::left;
use super::perform::Performance;
use super::process::{Process, Setup};
use super::random::SplitMix64;
use super::record::{History, Phase, Read};
use super::report::Report;
use super::sites::{self, ITEMS, Site};
use super::source::Source;
use super::stage::Stage;
use super::staleness;
use super::workload::{BUSY, Options, QUIET, SLOW, Workload};
use crate::support::topology::Topology;
use crate::support::wait_within;

/// What is added to the trust window: a machine with much to do may stop between two lines.
pub(super) const SLACK: Duration = Duration::from_millis(700);
/// How long an operation may take where something does not answer in time.
const BRIEF: Duration = Duration::from_millis(500);
/// How long journals may take to empty, and flags to disappear, once all is well.
const RECOVERY: Duration = Duration::from_secs(20);

/// What is played.
#[derive(Debug, Clone)]
pub(crate) struct Play {
    pub(crate) seed: u64,
    pub(crate) topology: Topology,
    pub(crate) fault: Fault,
    pub(crate) workload: Workload,
    pub(crate) processes: usize,
    pub(crate) setup: Setup,
    pub(crate) configuration: Configuration,
    /// How long all is well before something breaks.
    pub(crate) calm: Duration,
    /// How long it stays broken, where that does not end by itself.
    pub(crate) broken: Duration,
    /// How long it goes on afterwards at least: so long that what works again can be told.
    pub(crate) after: Duration,
}

impl Play {
    /// A short one with three processes.
    pub(crate) fn new(topology: Topology, fault: Fault, seed: u64) -> Self {
        let attempt = if fault == Fault::Health { Duration::from_secs(5) } else { BRIEF };
        // Sentinels are asked once a second who the primary is; what they have not confirmed within the
        // window is not passed off as fresh.
        let window = if topology == Topology::Sentinel { 1_500 } else { 500 };
        let setup = Setup {
            window: Duration::from_millis(window),
            attempt,
            heartbeat: Duration::from_millis(200),
            recovery: Duration::from_secs(30),
            without: None,
            seed,
        };
        Self {
            seed,
            topology,
            fault,
            workload: BUSY,
            processes: 3,
            setup,
            configuration: Configuration::default(),
            calm: Duration::from_millis(800),
            broken: Duration::from_millis(1_500),
            after: Duration::from_millis(2_500),
        }
    }

    /// One that the seed decides: on what, what breaks, what callers do.
    pub(crate) fn drawn(topology: Topology, seed: u64) -> Self {
        let mut random = SplitMix64::of(seed, &[u64::from(u32::MAX)]);
        let configuration = Configuration::draw(&mut random, topology);
        let suits = |fault: &Fault| fault.suits(topology) && configuration.bears(*fault, topology);
        let faults: Vec<_> = FAULTS.iter().map(|(_, it)| *it).filter(suits).collect();
        let fault = faults[random.below(faults.len())];
        let play = Self::new(topology, fault, seed).on(configuration);
        // Much that is large would be about the machine.
        let workloads =
            if configuration.bytes(0) > 4 << 10 { &[QUIET, QUIET] } else { &[BUSY, SLOW] };
        let workload = workloads[random.below(workloads.len())];
        let broken = if fault == Fault::Health { 3_500 } else { 2_000 };
        Self { broken: Duration::from_millis(broken), ..play.with(workload) }
    }

    /// On another configuration than the default.
    pub(crate) fn on(mut self, configuration: Configuration) -> Self {
        if configuration.rate().is_some() {
            self.setup.attempt = BRIEF;
        }
        Self { configuration, ..self }
    }

    /// Why it cannot be played, if it cannot.
    pub(crate) fn obstacle(&self) -> Option<&'static str> {
        let Self { configuration: on, topology, fault, .. } = self;
        if !on.make.is_here() {
            Some("skipped: scripts/test-versions.sh would install its server")
        } else if !on.suits(*topology) || !fault.suits(*topology) {
            Some("skipped: there is no such thing there")
        } else if !on.bears(*fault, *topology) {
            Some("skipped: such a user learns of no failover")
        } else {
            None
        }
    }

    /// With callers who do something else.
    pub(crate) fn with(self, workload: Workload) -> Self {
        Self { workload, ..self }
    }

    /// On caches that lack a guard.
    pub(crate) fn without(mut self, guard: Guard) -> Self {
        self.setup.without = Some(guard);
        self
    }

    /// How long an invalidation that is done may stay unknown to others.
    pub(crate) fn bound(&self) -> Duration {
        self.setup.window + SLACK
    }

    /// How long loads take.
    pub(super) fn load_time(&self) -> [Duration; 2] {
        self.configuration.load_time(self.workload.load_time, self.setup.window)
    }

    /// Plays it, and checks what happened.
    pub(crate) fn run(&self) -> Report {
        let workload = Workload { load_time: self.load_time(), ..self.workload };
        let source = Source::new(ITEMS, self.seed, &workload, self.configuration);
        let on = &self.configuration;
        let mut stage = Stage::start(self.topology, self.fault, on, self.processes);
        let mut processes: Vec<_> = (0..self.processes)
            .map(|number| Process::start(number, stage.config(number), &self.setup, on))
            .collect();
        for process in &mut processes {
            let part = workload.writers.part(process.number, self.processes);
            callers::start(process, part, &source, workload, self.seed);
        }
        let begun = source.now();
        let mut performance = Performance {
            stage: &mut stage,
            processes: &mut processes,
            source: &source,
            random: SplitMix64::of(self.seed, &[u64::MAX]),
            broken: self.broken,
            phases: vec![Phase { from: begun, name: "all is well".to_owned() }],
            unrest: Vec::new(),
        };
        sleep(self.calm);
        let is_tracked = performance.stage.is_tracked();
        performance.play(self.fault);
        sleep(self.rest());
        let Performance { phases, unrest, .. } = performance;
        let duties = self.duties(&phases, source.now());
        processes.iter().for_each(Process::begin_to_stop);
        processes.iter_mut().for_each(Process::stop);
        let last_reads = self.read_all(&processes, &source);
        let is_tracked = is_tracked || stage.is_tracked();
        let leftovers = left::leftovers(&left::names(&stage), &self.setup, self.workload.options);
        let (written, loaded) = (source.written(), source.loaded());
        let mut history = History { written, loaded, last_reads, phases, ..History::default() };
        for process in &processes {
            let mut log = process.log.take();
            history.reads.append(&mut log.reads);
            history.invalidations.append(&mut log.invalidations);
        }
        let rules = Rules {
            bound: self.bound(),
            unrest,
            is_calm: self.fault == Fault::Health,
            // What is slow holds up what is announced, too.
            all_answer: matches!(self.fault, Fault::Health | Fault::Open | Fault::Resync)
                && self.configuration.rate().is_none(),
            processes: self.processes,
            lives: self.lives(),
            duties,
        };
        Report { leftovers, is_tracked, ..self.report(history, rules, &source, &processes) }
    }

    /// How long after the beginning of its load each item may be fresh, where nothing holds up its store.
    fn lives(&self) -> Vec<Option<Duration>> {
        if self.fault != Fault::Health {
            return Vec::new();
        }
        let longest = self.load_time()[1] + SLACK;
        let life = |item| Some(sites::ttl(item, self.workload.options)? + longest);
        (0..ITEMS).map(life).collect()
    }

    /// What every process reads of every item once nothing is under way any more.
    fn read_all(&self, processes: &[Process], source: &Source) -> Vec<Read> {
        let alive = || processes.iter().filter(|process| process.is_alive());
        for process in alive() {
            wait_within(RECOVERY, "the journal is empty", || {
                (process.cache.stats().journal_depth == 0).then_some(())
            });
        }
        sleep(self.bound());
        alive().flat_map(|process| read_unflagged(process, source)).collect()
    }

    fn report(
        &self,
        history: History,
        rules: Rules,
        source: &Source,
        processes: &[Process],
    ) -> Report {
        let stats: Vec<_> = processes.iter().map(|process| process.cache.stats()).collect();
        let unleased: u64 = stats.iter().map(|stats| stats.unleased_loads).sum();
        let renewed = stats.iter().map(|stats| stats.reconnects.saturating_sub(1)).sum();
        // What was loaded beside a lease counts as refused once that lease has ended.
        let beside = |stats: &Stats| stats.leases_held_elsewhere + stats.refused;
        let beside = stats.iter().map(beside).sum();
        let habit = |item| match sites::site(item) {
            _ if self.workload.options == Options::Every => Habit::Renewed,
            _ if self.configuration.is_heavy(item) => Habit::Renewed,
            Site::Renewed => Habit::Renewed,
            Site::Labelled | Site::Tagged | Site::ByHand if self.loses_names() => Habit::Renewed,
            Site::Labelled => Habit::Labelled,
            Site::Plain => Habit::Batched(beside),
            Site::Tagged | Site::ByHand => Habit::Usual,
        };
        let windows = source.now().as_micros() / self.setup.window.as_micros() + 1;
        let windows = u64::try_from(windows).unwrap_or(u64::MAX);
        let surplus = self.loads_in_a_window().map(|each| {
            let in_time = each * windows * self.processes as u64;
            check::surplus(&history, self.processes, in_time, habit)
        });
        let alive: Vec<_> =
            processes.iter().filter(|it| it.is_alive()).map(|it| it.number).collect();
        Report {
            play: self.clone(),
            violations: check::check(&history, &rules),
            surplus: surplus.filter(|_| rules.is_calm).unwrap_or_default(),
            unleased: if rules.is_calm && self.loads_once_for_all() { unleased } else { 0 },
            renewed: if rules.is_calm { renewed } else { 0 },
            lapses: duty::lapses(&history, &rules.duties, &alive),
            staleness: staleness::by_phase(&history),
            stats,
            loads: history.loaded.iter().map(Vec::len).sum(),
            rules,
            history,
            is_tracked: false,
            leftovers: Vec::new(),
        }
    }
}

impl fmt::Display for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, topology, fault, processes, configuration, .. } = self;
        write!(f, "{topology} {fault} on {configuration}, seed {seed}, {processes} processes")
    }
}

/// Reads every item in a process, as often as the answer is flagged.
pub(super) fn read_unflagged(process: &Process, source: &Source) -> Vec<Read> {
    let (number, cache, source) = (process.number, process.cache.clone(), source.clone());
    let read = async move {
        let begun = source.now();
        let reads = sites::all().map(|item| {
            let (cache, source) = (cache.clone(), source.clone());
            tokio::spawn(async move {
                loop {
                    let read = callers::read(number, &cache, &source, item).await;
                    if read.flags.is_fresh() || source.now() > begun + RECOVERY {
                        return read;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        });
        let mut all = Vec::new();
        for read in reads.collect::<Vec<_>>() {
            all.push(read.await.expect("no call panics"));
        }
        all
    };
    process.ask(read).unwrap_or_default()
}
