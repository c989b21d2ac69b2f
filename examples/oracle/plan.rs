//! What the command line asks for.

use std::time::Duration;

use athena_cache::testing::Guard;

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

const GUARDS: [(&str, Guard); 9] = [
    ("lease", Guard::Lease),
    ("generations", Guard::Generations),
    ("registration", Guard::Registration),
    ("joining", Guard::Joining),
    ("window", Guard::Window),
    ("journal", Guard::Journal),
    ("history", Guard::History),
    ("late-joining", Guard::LateJoining),
    ("keeping", Guard::Keeping),
];

/// Which plays, and for how long.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) scenes: Vec<(Topology, Fault)>,
    pub(crate) seed: u64,
    pub(crate) length: Duration,
    processes: usize,
    /// Every play has another one if none is given.
    workload: Option<Workload>,
    without: Option<Guard>,
}

impl Plan {
    /// Reads the arguments; the message of a fault says what is allowed.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut topology, mut fault, mut workload, mut without) = (None, None, None, None);
        let [mut seed, mut seconds, mut processes] = [1, 60, 3];
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_default();
            match argument.as_str() {
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
                    return Err(format!(
                        "unexpected argument `{argument}`, expected [topology [fault]] [--seed N] \
                         [--seconds S] [--processes P] [--workload W] [--without GUARD]"
                    ));
                }
            }
        }
        let scenes = scenes(topology, fault);
        if scenes.is_empty() {
            return Err("this fault cannot be played there".to_owned());
        }
        let (length, processes) =
            (Duration::from_secs(seconds), usize::try_from(processes).unwrap_or(3));
        Ok(Self { scenes, seed, length, processes, workload, without })
    }

    /// One of the plays.
    pub(crate) fn play(&self, topology: Topology, fault: Fault, seed: u64) -> Play {
        let round = usize::try_from(seed).unwrap_or(0) / self.scenes.len();
        let workload = self.workload.unwrap_or(WORKLOADS[round % WORKLOADS.len()].1);
        let mut play = Play::new(topology, fault, seed).with(workload);
        play.setup.without = self.without;
        Play {
            processes: self.processes,
            calm: Duration::from_secs(2),
            broken: Duration::from_secs(4),
            after: Duration::from_secs(3),
            ..play
        }
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
