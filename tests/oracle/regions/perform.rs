//! What is broken and repaired, step by step.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::check::Unrest;
use super::super::process::{NAMESPACE, Process};
use super::super::record::Phase;
use super::super::source::Source;
use super::super::stage::{Servers, Stage};
use super::fault::RegionFault;
use crate::support::role::Role;
use crate::support::server::RedisServer;

/// What a primary may have acknowledged last and its replicas not have heard.
const TAIL: Duration = Duration::from_secs(1);
/// Between two losses of the log.
const PAUSE: Duration = Duration::from_millis(100);
/// The places of the regions.
const PRIMARY: usize = 0;
const SECONDARY: usize = 1;

/// The stages of both regions, and the processes on them.
pub(super) struct RegionPerformance<'a> {
    pub(super) stages: &'a mut [Stage; 2],
    pub(super) processes: &'a mut [Process],
    pub(super) source: &'a Source,
    /// How long something stays broken that does not end by itself.
    pub(super) broken: Duration,
    pub(super) phases: Vec<Phase>,
    pub(super) unrest: Vec<Unrest>,
}

impl RegionPerformance<'_> {
    fn enter(&mut self, name: &str) {
        self.phases.push(Phase { from: self.source.now(), name: name.to_owned() });
    }

    /// Breaks and repairs.
    pub(super) fn play(&mut self, fault: RegionFault) {
        let from = self.source.now();
        match fault {
            RegionFault::Health => sleep(self.broken),
            RegionFault::Kill => self.kill(PRIMARY),
            RegionFault::Freeze => self.freeze(),
            RegionFault::Cut => self.cut(),
            RegionFault::Empty => self.empty(PRIMARY),
            RegionFault::Planned => self.hand_over(),
            RegionFault::SecondaryKill => self.kill(SECONDARY),
            RegionFault::SecondaryEmpty => self.empty(SECONDARY),
            RegionFault::PumpKilled => self.crash(),
            RegionFault::Trim => self.trim(),
            RegionFault::Stall => self.stall(),
        }
        let is_group = matches!(self.stages[PRIMARY].servers, Servers::Sentinel(_));
        if is_group && !fault.spares_primary() {
            // What was acknowledged last may be lost with the node that did.
            let (from, until) = (from.saturating_sub(TAIL), self.source.now());
            self.unrest.push(Unrest { from, until, of: Vec::new() });
        }
    }

    fn kill(&mut self, region: usize) {
        self.enter(&format!("region {region} is dead"));
        let stage = &mut self.stages[region];
        let count = stage.nodes().len();
        (0..count).for_each(|node| stage.node_mut(node).kill());
        sleep(self.broken);
        (0..count).for_each(|node| stage.node_mut(node).restart());
        settle(stage);
        self.enter("it is back, empty");
    }

    fn freeze(&mut self) {
        self.enter("region 0 is frozen");
        self.stages[PRIMARY].nodes().iter().for_each(RedisServer::freeze);
        sleep(self.broken);
        self.stages[PRIMARY].nodes().iter().for_each(RedisServer::thaw);
        settle(&self.stages[PRIMARY]);
        self.enter("it goes on");
    }

    fn cut(&mut self) {
        self.enter("nobody reaches the other region");
        for process in 0..self.processes.len() {
            self.stages[1 - site(process, self.processes.len())].cut_off(process);
        }
        sleep(self.broken);
        self.stages.iter().for_each(Stage::heal_all);
        self.enter("everybody reaches everything");
    }

    fn empty(&mut self, region: usize) {
        self.enter(&format!("region {region} has lost everything"));
        for node in serving(&self.stages[region]) {
            node.cli(&["FLUSHALL"]);
        }
        sleep(self.broken);
    }

    fn hand_over(&mut self) {
        self.enter("another node serves region 0");
        match &mut self.stages[PRIMARY].servers {
            Servers::Standalone(server) => {
                // It closes the connection in place of an answer.
                drop(server.ask(&["SHUTDOWN", "NOSAVE"]));
                server.restart();
            }
            Servers::Sentinel(group) => group.failover(),
            Servers::Cluster(cluster) => {
                if let Some(heir) = cluster.replica_of(0) {
                    cluster.failover(heir);
                }
            }
        }
        sleep(self.broken);
        settle(&self.stages[PRIMARY]);
    }

    fn crash(&mut self) {
        self.enter("one process of each region is dead");
        let half = self.processes.len() / 2;
        for process in [0, half] {
            self.processes[process].die();
        }
        sleep(self.broken);
    }

    fn trim(&mut self) {
        self.enter("the log loses records");
        let begun = Instant::now();
        while begun.elapsed() < self.broken {
            for node in serving(&self.stages[PRIMARY]) {
                drop(node.ask(&["XTRIM", &format!("{NAMESPACE}:{{all}}>"), "MAXLEN", "0"]));
            }
            sleep(PAUSE);
        }
        self.enter("it keeps them");
    }

    fn stall(&mut self) {
        let process = self.processes.len() / 2;
        self.enter(&format!("process {process} stands still"));
        self.processes[process].stall(self.broken);
        sleep(self.broken);
        self.enter("it goes on");
    }
}

/// The region that a process prefers.
pub(super) fn site(process: usize, processes: usize) -> usize {
    usize::from(process >= processes / 2)
}

fn serving(stage: &Stage) -> impl Iterator<Item = &RedisServer> {
    stage.nodes().iter().filter(|node| node.role() == Some(Role::Primary))
}

/// Waits until a region serves again.
fn settle(stage: &Stage) {
    match &stage.servers {
        Servers::Standalone(_) => {}
        Servers::Sentinel(group) => {
            group.wait_settled();
        }
        Servers::Cluster(cluster) => cluster.wait_ok(),
    }
}
