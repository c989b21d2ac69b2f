//! What holds something up without a node being gone.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use super::{Performance, slot_of};
use crate::oracle::sites;
use crate::oracle::stage::Servers;
use crate::support::role::Role;

/// How long a replica keeps what it was given before it is given everything anew.
const RESYNC_PAUSE: Duration = Duration::from_millis(50);
/// What the names begin with that a server has to load.
pub(crate) const FILLER: &str = "filler";

impl Performance<'_> {
    /// What is in the slots stays where it is until they are moved in earnest.
    pub(super) fn open(&mut self) {
        self.enter("slots are half-way");
        let Servers::Cluster(cluster) = &self.stage.servers else { return };
        let slots: BTreeSet<_> = sites::all().map(slot_of).collect();
        let open = |slot| {
            let from = cluster.primary_of_slot(slot);
            cluster.begin_move(from, (from + 1) % 3, slot)
        };
        let moves: Vec<_> = slots.into_iter().map(open).collect();
        sleep(self.broken);
        for step in moves {
            cluster.finish_move(step);
        }
        self.enter("slots have moved");
    }

    pub(super) fn pause(&mut self) {
        self.enter("writes are held back");
        let limit = self.broken.as_millis().to_string();
        for node in self.stage.nodes().iter().filter(|it| it.role() == Some(Role::Primary)) {
            node.cli(&["CLIENT", "PAUSE", &limit, "WRITE"]);
        }
        sleep(self.broken);
        self.enter("writes go on");
    }

    pub(super) fn load(&mut self) {
        let server = self.stage.node_mut(0);
        // Each of these takes a millisecond.
        let names = self.broken.as_millis().to_string();
        let populate = "for name = 1, ARGV[1] do redis.call('SET', ARGV[2] .. name, 'bar') end";
        server.cli(&["EVAL", populate, "0", &names, FILLER]);
        server.cli(&["SAVE"]);
        self.enter("the primary loads what it has saved");
        self.stage.node_mut(0).restart();
        self.enter("it serves again");
    }

    pub(super) fn resync(&mut self) {
        self.enter("a replica is given everything anew");
        let end = self.source.now() + self.broken;
        while self.source.now() < end {
            match &self.stage.servers {
                Servers::Standalone(_) => return,
                Servers::Sentinel(group) => group.resync(1),
                // It drops what it has before that.
                Servers::Cluster(cluster) => {
                    let replicas = cluster.nodes().iter();
                    let replicas = replicas.filter(|it| it.role() != Some(Role::Primary));
                    for replica in replicas {
                        replica.cli(&["CONFIG", "SET", "replica-read-only", "no"]);
                        replica.cli(&["FLUSHALL"]);
                    }
                }
            }
            sleep(RESYNC_PAUSE);
        }
        self.enter("no replica is given anything anew");
    }

    pub(super) fn fail_to_save(&mut self) {
        self.stage.nodes()[0].fail_to_save();
        self.enter("the primary cannot save");
        sleep(self.broken);
        self.stage.nodes()[0].let_save();
        // It refuses until it has saved.
        self.stage.nodes()[0].cli(&["SAVE"]);
        self.enter("it can save");
    }
}
