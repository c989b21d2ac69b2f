//! What happens when, step by step.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::scenario::{Fault, Pace, Scenario};
use crate::stage::{Cut, Stage, VICTIM};
use crate::support::topology::Topology;
use crate::watch::Timeline;

/// Between two restarts of the only node there is.
const BETWEEN_RESTARTS: Duration = Duration::from_secs(2);

/// One performance; it blocks, so it needs a thread of its own.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) scenario: Scenario,
    pub(crate) pace: Pace,
    pub(crate) begun: Instant,
    pub(crate) timeline: Timeline,
}

/// The moments that the figures are cut at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    /// Just before the first step.
    pub(crate) broken: Instant,
    /// When the broken node was let go on or brought back.
    pub(crate) repaired: Option<Instant>,
    /// After the last step.
    pub(crate) done: Instant,
}

impl Script {
    /// Breaks and repairs; gives the servers back as they are then.
    pub(crate) fn play(self, mut stage: Stage) -> (Stage, Marks) {
        self.timeline.enter("all is well");
        sleep((self.begun + self.pace.calm).saturating_duration_since(Instant::now()));
        let broken = Instant::now();
        let repaired = match self.scenario.fault {
            Fault::Kill => self.kill(&mut stage),
            Fault::Freeze => Some(self.freeze(&mut stage)),
            Fault::Partition => Some(self.partition(&stage)),
            Fault::Planned | Fault::Rolling if self.scenario.topology == Topology::Standalone => {
                Some(self.restart(&mut stage))
            }
            Fault::Planned => {
                self.hand_over(&stage);
                None
            }
            Fault::Rolling => {
                self.roll(&mut stage);
                None
            }
        };
        (stage, Marks { broken, repaired, done: Instant::now() })
    }

    fn kill(&self, stage: &mut Stage) -> Option<Instant> {
        self.timeline.enter("node 0 is killed");
        stage.node(VICTIM).kill();
        if self.scenario.topology != Topology::Standalone {
            return None;
        }
        sleep(self.pace.away);
        self.timeline.enter("node 0 is started, empty");
        stage.node(VICTIM).restart();
        self.timeline.enter("node 0 is back");
        Some(Instant::now())
    }

    fn freeze(&self, stage: &mut Stage) -> Instant {
        self.timeline.enter("node 0 is frozen");
        stage.node(VICTIM).freeze();
        sleep(match self.scenario.topology {
            Topology::Standalone => self.pace.away,
            Topology::Sentinel | Topology::Cluster => self.pace.frozen,
        });
        let thawed = Instant::now();
        self.timeline.enter("node 0 is thawed");
        stage.node(VICTIM).thaw();
        thawed
    }

    fn partition(&self, stage: &Stage) -> Instant {
        self.timeline.enter("node 0 is cut off");
        stage.cut_off(Cut::Off);
        sleep(match self.scenario.topology {
            Topology::Standalone => self.pace.away,
            Topology::Sentinel | Topology::Cluster => self.pace.cut_off,
        });
        let healed = Instant::now();
        self.timeline.enter("the partition is healed");
        stage.cut_off(Cut::Healed);
        healed
    }

    /// Restarts the only node, once or twice.
    fn restart(&self, stage: &mut Stage) -> Instant {
        self.timeline.enter("node 0 restarts");
        stage.restart(VICTIM);
        if self.scenario.fault == Fault::Rolling {
            self.timeline.enter("node 0 is back");
            sleep(BETWEEN_RESTARTS);
            self.timeline.enter("node 0 restarts again");
            stage.restart(VICTIM);
        }
        self.timeline.enter("node 0 is back");
        Instant::now()
    }

    fn hand_over(&self, stage: &Stage) {
        self.timeline.enter("a planned failover is asked for");
        stage.hand_over();
        self.timeline.enter("the planned failover has begun");
    }

    fn roll(&self, stage: &mut Stage) {
        for replica in stage.replicas() {
            self.timeline.enter(&format!("replica {replica} restarts"));
            stage.restart(replica);
        }
        self.hand_over(stage);
        stage.wait_demoted();
        self.timeline.enter("the old primary, now a replica, restarts");
        stage.restart(VICTIM);
        self.timeline.enter("all nodes have restarted");
    }
}
