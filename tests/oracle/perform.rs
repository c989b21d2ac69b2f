//! What is broken and repaired, step by step.

mod held;

pub(crate) use held::FILLER;

use std::thread::sleep;
use std::time::Duration;

use super::callers::last_words;
use super::check::Unrest;
use super::fault::Fault;
use super::process::Process;
use super::random::SplitMix64;
use super::record::Phase;
use super::sites;
use super::source::Source;
use super::stage::{Servers, Stage};
use crate::support::cluster::Cluster;
use crate::support::role::Role;
use crate::support::server::RedisServer;
use crate::support::{wait_for, wait_within};

/// How long a failover may take until everybody has met the new node.
const TAKE_OVER: Duration = Duration::from_secs(40);
/// What a primary may have acknowledged last and its replicas not have heard.
const TAIL: Duration = Duration::from_secs(1);
/// Neighbouring slots, which move together.
const NEIGHBOURS: u16 = 16;

/// A stage and the processes on it.
pub(crate) struct Performance<'a> {
    pub(crate) stage: &'a mut Stage,
    pub(crate) processes: &'a mut [Process],
    pub(crate) source: &'a Source,
    pub(crate) random: SplitMix64,
    /// How long something stays broken that does not end by itself.
    pub(crate) broken: Duration,
    pub(crate) phases: Vec<Phase>,
    pub(crate) unrest: Vec<Unrest>,
}

impl Performance<'_> {
    pub(crate) fn enter(&mut self, name: &str) {
        self.phases.push(Phase { from: self.source.now(), name: name.to_owned() });
    }

    /// Breaks and repairs.
    pub(crate) fn play(&mut self, fault: Fault) {
        match fault {
            Fault::Health => sleep(self.broken),
            Fault::Partition => self.partition(),
            Fault::Outage => self.outage(),
            Fault::Kill => self.kill(),
            Fault::Freeze => self.freeze(),
            Fault::Delay => self.delay(),
            Fault::Stall => self.stall(),
            Fault::Crash => self.crash(),
            Fault::Planned => self.hand_over(),
            Fault::Minority => self.minority(),
            Fault::Lost => self.lost(),
            Fault::Reshard => self.reshard(),
            Fault::Open => self.open(),
            Fault::Paused => self.pause(),
            Fault::Loading => self.load(),
            Fault::Resync => self.resync(),
            Fault::Unsaved => self.fail_to_save(),
        }
    }

    fn partition(&mut self) {
        self.enter("process 0 is cut off");
        self.stage.cut_off(0);
        sleep(self.broken);
        self.enter("process 0 is back");
        self.stage.heal(0);
    }

    fn outage(&mut self) {
        self.enter("nobody reaches the server");
        let count = self.processes.len();
        (0..count).for_each(|process| self.stage.cut_off(process));
        sleep(self.broken);
        for process in self.random.order(count) {
            self.enter(&format!("process {process} is back"));
            self.stage.heal(process);
            sleep(self.random.between([Duration::ZERO, Duration::from_millis(500)]));
        }
    }

    fn kill(&mut self) {
        let from = self.source.now();
        self.enter("the primary is dead");
        self.stage.node_mut(0).kill();
        if let Servers::Standalone(server) = &mut self.stage.servers {
            sleep(self.broken);
            server.restart();
            self.enter("it is back, empty");
        } else {
            self.taken_over(from);
        }
    }

    fn freeze(&mut self) {
        let from = self.source.now();
        self.enter("the primary is frozen");
        self.stage.nodes()[0].freeze();
        if let Servers::Standalone(server) = &self.stage.servers {
            sleep(self.broken);
            server.thaw();
            self.enter("it goes on");
            return;
        }
        wait_within(TAKE_OVER, "another node takes over", || self.heir().map(drop));
        self.enter("another node serves");
        sleep(self.broken);
        self.stage.nodes()[0].thaw();
        self.enter("the old primary goes on");
        self.taken_over(from);
    }

    fn delay(&mut self) {
        self.enter("what the processes are sent is late");
        let late = [Duration::from_millis(100), Duration::from_millis(300)];
        for process in 0..self.processes.len() {
            self.stage.delay(process, self.random.between(late));
        }
        sleep(self.broken);
        self.enter("it is in time again");
        self.stage.heal_all();
    }

    fn stall(&mut self) {
        self.enter("process 0 stands still");
        self.processes[0].stall(self.broken);
        sleep(self.broken);
        self.enter("process 0 goes on");
    }

    fn crash(&mut self) {
        self.enter("process 0 is dead");
        self.processes[0].die();
        sleep(self.broken);
    }

    fn hand_over(&mut self) {
        let from = self.source.now();
        self.enter("another node takes over in order");
        match &self.stage.servers {
            Servers::Standalone(_) => return,
            Servers::Sentinel(group) => group.failover(),
            Servers::Cluster(cluster) => {
                let heir = wait_for("it has a replica", || cluster.replica_of(0));
                cluster.failover(heir);
            }
        }
        self.taken_over(from);
    }

    fn minority(&mut self) {
        let from = self.source.now();
        self.enter("process 0 and the primary are on their own");
        self.stage.leave_alone(0, 0);
        wait_within(TAKE_OVER, "another node takes over", || self.heir().map(drop));
        self.enter("there are two primaries");
        sleep(self.broken);
        self.enter("all reach each other again");
        self.stage.heal_all();
        self.taken_over(from);
        // It was the only one that the former primary could still acknowledge anything.
        self.unrest.iter_mut().for_each(|unrest| unrest.of = vec![0]);
    }

    /// The replicas stand still while process 0 invalidates, and so miss what they were not sent.
    fn lost(&mut self) {
        let from = self.source.now();
        self.enter("the primary is dead, and process 0 with it");
        self.stage.nodes()[1..].iter().for_each(RedisServer::freeze);
        self.stage.nodes()[0].cli(&["CLIENT", "KILL", "TYPE", "replica"]);
        let (source, cache, log) =
            (self.source.clone(), self.processes[0].cache.clone(), self.processes[0].log.clone());
        self.processes[0].ask(async move { last_words(0, &cache, &source, &log).await });
        self.processes[0].die();
        self.stage.node_mut(0).kill();
        self.stage.nodes()[1..].iter().for_each(RedisServer::thaw);
        self.taken_over(from);
    }

    fn reshard(&mut self) {
        self.enter("slots move");
        if let Servers::Cluster(cluster) = &self.stage.servers {
            let items: Vec<_> = sites::all().filter(|_| self.random.hits(40)).collect();
            for item in items {
                let slot = slot_of(item);
                let first = slot - slot % NEIGHBOURS;
                let from = cluster.primary_of_slot(slot);
                let around = first..first + NEIGHBOURS;
                let around = around.filter(|slot| cluster.primary_of_slot(*slot) == from);
                let around: Vec<_> = around.collect();
                cluster.move_slots(from, (from + 1) % 3, around);
            }
        }
        self.enter("slots have moved");
    }

    /// Waits until every process has met the new node, and notes that nobody could know before.
    fn taken_over(&mut self, from: Duration) {
        wait_within(TAKE_OVER, "another node takes over", || self.heir().map(drop));
        for process in self.processes.iter().filter(|process| process.is_alive()) {
            wait_within(TAKE_OVER, "every process meets it", || {
                (process.cache.stats().failovers > 0).then_some(())
            });
        }
        let (from, until) = (from.saturating_sub(TAIL), self.source.now());
        self.enter("everybody has met the new primary");
        self.unrest.push(Unrest { from, until, of: Vec::new() });
        if let Servers::Sentinel(group) = &self.stage.servers {
            group.hurry();
        }
    }

    /// Another node than the first that serves in its place.
    fn heir(&self) -> Option<usize> {
        let nodes = self.stage.nodes();
        let first = match &self.stage.servers {
            Servers::Standalone(_) => return None,
            Servers::Sentinel(_) => 1,
            Servers::Cluster(_) => nodes.len() / 2,
        };
        (first..nodes.len()).find(|node| nodes[*node].role() == Some(Role::Primary))
    }
}

/// The slot that everything of an item is in.
fn slot_of(item: usize) -> u16 {
    Cluster::slot(format!("k:{}", sites::name(item)))
}
