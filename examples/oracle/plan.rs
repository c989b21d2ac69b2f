//! What the command line asks for.

use std::time::Duration;

use athena_cache::testing::Guard;

use crate::oracle::configuration::Configuration;
use crate::oracle::fault::{FAULTS, Fault};
use crate::oracle::play::Play;
use crate::oracle::workload::{BUSY, FURNISHED, LENGTHY, QUIET, SLOW, SLUGGISH, Workload};
use crate::support::topology::{TOPOLOGIES, Topology};

const WORKLOADS: [(&str, Workload); 6] = [
    ("busy", BUSY),
    ("quiet", QUIET),
    ("slow", SLOW),
    ("lengthy", LENGTHY),
    ("sluggish", SLUGGISH),
    ("furnished", FURNISHED),
];

const GUARDS: [(&str, Guard); 11] = [
    ("lease", Guard::Lease),
    ("generations", Guard::Generations),
    ("registration", Guard::Registration),
    ("joining", Guard::Joining),
    ("window", Guard::Window),
    ("journal", Guard::Journal),
    ("history", Guard::History),
    ("late-joining", Guard::LateJoining),
    ("keeping", Guard::Keeping),
    ("glance", Guard::Glance),
    ("closed", Guard::Closed),
];

const USAGE: &str = "[topology [fault]] [--on WORDS | --each | --draw N] [--seed N] [--seconds S] \
                     [--processes P] [--workload W] [--without GUARD]";

/// Which plays, and for how long.
#[derive(Debug)]
pub(crate) struct Plan {
    scenes: Vec<(Topology, Fault)>,
    choice: Choice,
    pub(crate) seed: u64,
    /// No play is begun after it, but for those that were counted.
    pub(crate) length: Duration,
    processes: usize,
    /// Every play has another one if none is given.
    workload: Option<Workload>,
    without: Option<Guard>,
}

/// On what is played.
#[derive(Debug)]
enum Choice {
    On(Configuration),
    /// On the default, and on each word of a configuration alone, all scenes once.
    Each,
    /// So many plays, of which the seed decides all but the topology.
    Draw(u64),
}

impl Plan {
    /// Reads the arguments; the message of a fault says what is allowed.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut topology, mut fault, mut workload, mut without) = (None, None, None, None);
        let mut choice = Choice::On(Configuration::default());
        let [mut seed, mut seconds, mut processes] = [1, 60, 3];
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_default();
            match argument.as_str() {
                "--on" => choice = Choice::On(value().parse()?),
                "--each" => choice = Choice::Each,
                "--draw" => choice = Choice::Draw(number(&argument, &value())?),
                "--seed" => seed = number(&argument, &value())?,
                "--seconds" => seconds = number(&argument, &value())?,
                "--processes" => processes = number(&argument, &value())?.clamp(1, 64),
                "--workload" => workload = Some(choose("workload", &value(), &WORKLOADS)?),
                "--without" => without = Some(choose("guard", &value(), &GUARDS)?),
                _ if topology.is_none() => {
                    topology = Some(choose("topology", &argument, &TOPOLOGIES)?);
                }
                _ if fault.is_none() => fault = Some(choose("fault", &argument, &FAULTS)?),
                _ => {
                    return Err(format!("unexpected argument `{argument}`, expected {USAGE}"));
                }
            }
        }
        let mut scenes = scenes(topology, fault);
        if let Choice::Draw(_) = choice {
            // The seed decides on the fault.
            scenes.dedup_by_key(|(topology, _)| *topology);
        }
        if scenes.is_empty() {
            return Err("this fault cannot be played there".to_owned());
        }
        let (length, processes) =
            (Duration::from_secs(seconds), usize::try_from(processes).unwrap_or(3));
        Ok(Self { scenes, choice, seed, length, processes, workload, without })
    }

    /// How many plays there are; for ever if they are not counted.
    pub(crate) fn count(&self) -> Option<u64> {
        match self.choice {
            Choice::On(_) => None,
            Choice::Each => Some((Configuration::each().len() * self.scenes.len()) as u64),
            Choice::Draw(count) => Some(count),
        }
    }

    /// The play at a place among all.
    pub(crate) fn play(&self, place: u64) -> Play {
        let seed = self.seed + place;
        let count = self.scenes.len();
        let place = usize::try_from(place).unwrap_or(0);
        let (topology, fault) = self.scenes[place % count];
        let configuration = match self.choice {
            Choice::On(configuration) => configuration,
            Choice::Each => Configuration::each()[place / count],
            Choice::Draw(_) => return self.on_caches(Play::drawn(topology, seed)),
        };
        let round = usize::try_from(seed).unwrap_or(0) / count;
        let workload = match self.choice {
            Choice::Each => QUIET,
            _ => WORKLOADS[round % WORKLOADS.len()].1,
        };
        let play = Play::new(topology, fault, seed).on(configuration).with(workload);
        self.on_caches(Play {
            calm: Duration::from_secs(2),
            broken: Duration::from_secs(4),
            after: Duration::from_secs(3),
            ..play
        })
    }

    /// With what was asked for whatever is played.
    fn on_caches(&self, mut play: Play) -> Play {
        play.setup.without = self.without;
        play.processes = self.processes;
        let workload = self.workload.unwrap_or(play.workload);
        play.with(workload)
    }
}

fn scenes(topology: Option<Topology>, fault: Option<Fault>) -> Vec<(Topology, Fault)> {
    let topologies = TOPOLOGIES.iter().map(|(_, it)| *it);
    let topologies = topologies.filter(|it| topology.is_none_or(|only| only == *it));
    let faults = || FAULTS.iter().map(|(_, it)| *it);
    let faults = || faults().filter(|it| fault.is_none_or(|only| only == *it));
    let all = topologies.flat_map(|topology| faults().map(move |fault| (topology, fault)));
    all.filter(|(topology, fault)| fault.suits(*topology)).collect()
}

fn number(name: &str, word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("`{name}` is `{word}`, expected a number"))
}

fn choose<T: Copy>(what: &str, word: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        format!("unknown {what} `{word}`, expected one of {}", names.join(", "))
    })
}
