//! One play in two regions, from the first server to the verdict.

use std::fmt;
use std::thread::sleep;
use std::time::Duration;

use athena_cache::testing::Guard;
use athena_cache::{Cache, RegionSettings, RegionStanding};

use super::super::callers;
use super::super::check::{self, Rules};
use super::super::configuration::Configuration;
use super::super::fault::Fault;
use super::super::play::{SLACK, read_unflagged};
use super::super::process::{NAMESPACE, Process, Setup};
use super::super::record::{History, Phase};
use super::super::sites::ITEMS;
use super::super::source::Source;
use super::super::stage::Stage;
use super::super::workload::{BUSY, Part, Workload};
use super::fault::RegionFault;
use super::figures::Figures;
use super::noticed;
use super::perform::{RegionPerformance, site};
use super::report::RegionReport;
use super::switches::{SwitchObserver, Switches};
use crate::support::topology::Topology;

/// What the regions are called, the primary first.
pub(super) const NAMES: [&str; 2] = ["west", "east"];
/// How many there are: two prefer each region.
const PROCESSES: usize = 2 * NAMES.len();
/// How long it may take until everybody is back in the region that they prefer, once all is well.
const RETURN: Duration = Duration::from_secs(60);

/// What is played.
#[derive(Debug, Clone)]
pub(crate) struct RegionPlay {
    pub(crate) seed: u64,
    /// What the regions are made of, the primary first.
    pub(crate) pair: [Topology; 2],
    pub(crate) fault: RegionFault,
    pub(crate) workload: Workload,
    pub(crate) setup: Setup,
    pub(crate) settings: RegionSettings,
    pub(crate) calm: Duration,
    /// How long it stays broken, where that does not end by itself.
    pub(crate) broken: Duration,
    pub(crate) after: Duration,
}

impl RegionPlay {
    /// A short one, whose bound is short.
    pub(crate) fn new(pair: [Topology; 2], fault: RegionFault, seed: u64) -> Self {
        let window = if pair.contains(&Topology::Sentinel) { 1_500 } else { 1_000 };
        let mut settings = RegionSettings::new(NAMES[0], [NAMES[1]]);
        // A machine with much to do may be silent for a while itself.
        settings.detect = Duration::from_secs(2);
        settings.failover_timeout = Duration::from_secs(6);
        settings.grace = Duration::from_secs(1);
        settings.tolerance = Duration::from_secs(1);
        settings.alone_ttl = Duration::from_secs(2);
        let setup = Setup {
            window: Duration::from_millis(window),
            attempt: Duration::from_millis(500),
            heartbeat: Duration::from_millis(200),
            recovery: Duration::from_secs(1),
            without: None,
            seed,
        };
        Self {
            seed,
            pair,
            fault,
            workload: BUSY,
            setup,
            settings,
            calm: Duration::from_secs(3),
            broken: Duration::from_secs(6),
            after: Duration::from_secs(2),
        }
    }

    /// The same with the settings that regions have by themselves, but for the grace, which would take a minute.
    pub(crate) fn with_defaults(mut self) -> Self {
        self.settings = RegionSettings::new(NAMES[0], [NAMES[1]]);
        self.settings.grace = Duration::from_secs(3);
        self.setup.window = Duration::from_secs(2);
        Self {
            calm: Duration::from_secs(5),
            broken: Duration::from_secs(10),
            after: Duration::from_secs(3),
            ..self
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

    /// How long after `Done` another region may serve what was invalidated (X1).
    pub(crate) fn bound(&self) -> Duration {
        let RegionSettings { tolerance, alone_ttl, .. } = self.settings;
        (tolerance + self.setup.window).max(alone_ttl)
    }

    /// Plays it, and checks what happened.
    pub(crate) fn run(&self) -> RegionReport {
        let on = Configuration::default();
        let source = Source::new(ITEMS, self.seed, &self.workload, on);
        let mut stages =
            self.pair.map(|topology| Stage::start(topology, Fault::Kill, &on, PROCESSES));
        let switches = Switches::default();
        let mut processes: Vec<_> = (0..PROCESSES)
            .map(|number| self.process(number, &stages, &source, &switches))
            .collect();
        for process in &mut processes {
            callers::start(process, Part::ReadAndWrite, &source, self.workload, self.seed);
        }
        let mut performance = RegionPerformance {
            stages: &mut stages,
            processes: &mut processes,
            source: &source,
            broken: self.broken,
            phases: vec![Phase { from: source.now(), name: "all is well".to_owned() }],
            unrest: Vec::new(),
        };
        sleep(self.calm);
        let broken_at = source.now();
        performance.play(self.fault);
        sleep(self.after);
        let RegionPerformance { phases, unrest, .. } = performance;
        let are_back = processes.iter().filter(|it| it.is_alive()).all(Self::comes_back);
        if !are_back {
            for node in stages[1].nodes() {
                let owed = format!("{NAMESPACE}:{{all}}>o");
                for question in [&["XLEN", &owed][..], &["XRANGE", &owed, "-", "+", "COUNT", "5"]] {
                    eprintln!("{question:?}: {:?}", node.ask(question));
                }
            }
        }
        processes.iter().for_each(Process::begin_to_stop);
        processes.iter_mut().for_each(Process::stop);
        // Until what was invalidated last has arrived everywhere.
        sleep(self.settings.tolerance + self.setup.window + SLACK);
        let alive = processes.iter().filter(|process| process.is_alive());
        let last_reads = alive.flat_map(|process| read_unflagged(process, &source)).collect();
        let (written, loaded) = (source.written(), source.loaded());
        let mut history = History { written, loaded, last_reads, phases, ..History::default() };
        for process in &processes {
            let mut log = process.log.take();
            history.reads.append(&mut log.reads);
            history.invalidations.append(&mut log.invalidations);
        }
        let rules =
            Rules { bound: self.bound() + SLACK, unrest, processes: PROCESSES, ..Rules::default() };
        let home = |process| site(process, PROCESSES) == 0;
        RegionReport {
            violations: check::check(&history, &rules),
            disturbances: noticed::by_home(self, &history, &rules, home),
            figures: Figures::of(&history, &switches.all(), broken_at, home),
            are_back,
            told: switches.lines(),
            play: self.clone(),
            history,
        }
    }

    fn process(
        &self,
        number: usize,
        stages: &[Stage; 2],
        source: &Source,
        switches: &Switches,
    ) -> Process {
        let configs = stages.each_ref().map(|stage| stage.config(number));
        let on = Configuration::default();
        let observer =
            SwitchObserver { process: number, source: source.clone(), switches: switches.clone() };
        Process::on_stores(number, configs, (&self.setup, &on), |mut settings, [west, east]| {
            let mut regions = self.settings.clone();
            regions.prefer = Some(NAMES[site(number, PROCESSES)].to_owned());
            settings.regions = Some(regions);
            let builder = Cache::builder(NAMESPACE).settings(settings).observer(observer);
            builder.region(NAMES[0], west).region(NAMES[1], east)
        })
    }

    /// Whether a process comes back to the region that it prefers, and nothing waits in it (X5).
    fn comes_back(process: &Process) -> bool {
        let mut is_back = false;
        let looks = RETURN.as_millis() / 20;
        for _ in 0..looks {
            let regions = process.cache.regions();
            is_back = regions.iter().all(|it| {
                it.active == it.preferred
                    && it.heard
                    && it.journal == 0
                    && it.standing == RegionStanding::Well
            });
            if is_back {
                break;
            }
            sleep(Duration::from_millis(20));
        }
        if !is_back {
            eprintln!("process {}: {:?}", process.number, process.cache.regions());
        }
        is_back
    }
}

impl fmt::Display for RegionPlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, pair: [west, east], fault, .. } = self;
        write!(f, "regions {fault}, {west} and {east}, seed {seed}")
    }
}
