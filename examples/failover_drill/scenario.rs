//! Which Redis is broken in which way, as the command line says it.

use std::fmt;
use std::time::Duration;

use athena_cache::{Memory, MemoryRole};

use crate::support::topology::{TOPOLOGIES, Topology, name_of};

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The primary crashes.
    Kill,
    /// The primary stands still: connections stay open, nothing answers.
    Freeze,
    /// A replica takes over in order.
    Planned,
    /// The primary lives, and nobody reaches it.
    Partition,
    /// Every node restarts in order.
    Rolling,
}

const FAULTS: [(&str, Fault); 5] = [
    ("kill", Fault::Kill),
    ("freeze", Fault::Freeze),
    ("planned", Fault::Planned),
    ("partition", Fault::Partition),
    ("rolling", Fault::Rolling),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) topology: Topology,
    pub(crate) fault: Fault,
}

impl Scenario {
    /// Whether the node that was broken is the one that comes back; else another one takes over.
    pub(crate) fn is_return(self) -> bool {
        self.topology == Topology::Standalone || self.is_client_partition()
    }

    /// Whether the nodes go on hearing each other, so that none takes over.
    pub(crate) fn is_client_partition(self) -> bool {
        self.topology == Topology::Cluster && self.fault == Fault::Partition
    }

    /// How long a node that was cut off may serve, and others take over, until a process hears of it.
    pub(crate) fn notice(self) -> Duration {
        match self.topology {
            Topology::Standalone => Duration::ZERO,
            Topology::Sentinel => Duration::from_secs(1),
            // `cluster-node-timeout`.
            Topology::Cluster => Duration::from_secs(2),
        }
    }

    /// What happens, and what it stands for where that is not obvious.
    pub(crate) fn story(self) -> &'static str {
        match (self.topology, self.fault) {
            (Topology::Standalone, Fault::Kill) => "SIGKILL, later started again, empty",
            (Topology::Standalone, Fault::Freeze) => "SIGSTOP, later SIGCONT",
            (Topology::Standalone, Fault::Planned) => {
                "nobody can take over, so: SHUTDOWN and started again at once, empty"
            }
            (Topology::Standalone, Fault::Partition) => {
                "a proxy in front of it swallows everything both ways, then heals"
            }
            (Topology::Standalone, Fault::Rolling) => {
                "there is one node, so: SHUTDOWN and start, twice, two seconds apart"
            }
            (Topology::Sentinel, Fault::Kill) => "SIGKILL of the primary, which stays away",
            (Topology::Cluster, Fault::Kill) => "SIGKILL of one primary, which stays away",
            (Topology::Sentinel, Fault::Freeze) => "SIGSTOP of the primary, later SIGCONT",
            (Topology::Cluster, Fault::Freeze) => "SIGSTOP of one primary, later SIGCONT",
            (Topology::Sentinel, Fault::Planned) => "SENTINEL FAILOVER",
            (Topology::Cluster, Fault::Planned) => "CLUSTER FAILOVER of one shard",
            (Topology::Sentinel, Fault::Partition) => {
                "every data node behind a proxy, whose port it announces; that of the primary \
                 swallows everything, for clients, replicas and sentinels, then heals"
            }
            (Topology::Cluster, Fault::Partition) => {
                "one primary announces the port of a proxy, which swallows everything, for clients \
                 and its replica, then heals; the bus stays whole, so nobody takes over"
            }
            (_, Fault::Rolling) => {
                "the replicas restart one by one, one of them takes over as planned, then the old \
                 primary restarts"
            }
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.topology, name_of(&self.fault, &FAULTS))
    }
}

/// When what happens, each from the one before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// From the start to the fault.
    pub(crate) calm: Duration,
    /// How long a node alone is away.
    pub(crate) away: Duration,
    /// How long a primary stands still that others replace.
    pub(crate) frozen: Duration,
    /// How long a primary is cut off that others replace.
    pub(crate) cut_off: Duration,
    /// At least so much follows the last step.
    pub(crate) aftermath: Duration,
    /// From the start to the end, at least.
    pub(crate) whole: Duration,
}

const FULL: Pace = Pace {
    calm: Duration::from_secs(5),
    away: Duration::from_secs(4),
    frozen: Duration::from_secs(9),
    cut_off: Duration::from_secs(6),
    aftermath: Duration::from_secs(3),
    whole: Duration::from_secs(20),
};

const SHORT: Pace = Pace {
    calm: Duration::from_secs(3),
    away: Duration::from_secs(2),
    frozen: Duration::from_secs(5),
    cut_off: Duration::from_secs(4),
    aftermath: Duration::from_secs(2),
    whole: Duration::from_secs(10),
};

/// The most entries of the cache's memory.
const ENTRIES: u64 = 10_000;

const MEMORIES: [(&str, MemoryRole); 2] =
    [("tier", MemoryRole::Tier), ("fallback", MemoryRole::Fallback)];

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) pace: Pace,
    pub(crate) runs: u32,
    pub(crate) memory: Memory,
}

impl Plan {
    /// Reads the arguments; the message of a fault says what is allowed.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut topology, mut fault, mut runs) = (None, None, 1);
        let mut memory = Memory::bounded(ENTRIES);
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            if argument == "--runs" {
                let count = arguments.next().unwrap_or_default();
                runs = count.parse().ok().filter(|runs| *runs > 0).ok_or_else(|| {
                    format!("`--runs` is `{count}`, expected a number of at least 1")
                })?;
            } else if argument == "--memory" {
                let role = arguments.next().unwrap_or_default();
                memory.role = choose("role of memory", &role, &MEMORIES)?;
            } else if topology.is_none() {
                topology = Some(choose("topology", &argument, &TOPOLOGIES)?);
            } else if fault.is_none() {
                fault = Some(choose("fault", &argument, &FAULTS)?);
            } else {
                return Err(format!(
                    "unexpected argument `{argument}`, expected [topology [fault]] [--runs N] \
                     [--memory tier|fallback]"
                ));
            }
        }
        let pace = if topology.is_some() { FULL } else { SHORT };
        let topologies = TOPOLOGIES.iter().filter(|(_, it)| topology.is_none_or(|one| one == *it));
        let faults = || FAULTS.iter().filter(|(_, it)| fault.is_none_or(|one| one == *it));
        let scenarios = topologies.flat_map(|&(_, topology)| {
            faults().map(move |&(_, fault)| Scenario { topology, fault })
        });
        Ok(Self { scenarios: scenarios.collect(), pace, runs, memory })
    }
}

pub(crate) fn choose<T: Copy>(what: &str, word: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        format!("unknown {what} `{word}`, expected one of {}", names.join(", "))
    })
}
