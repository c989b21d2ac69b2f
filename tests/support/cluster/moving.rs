//! Slots on their way from one primary to another.

use std::io;

use super::super::resp::{Client, Reply};
use super::super::role::Role;
use super::Cluster;
use super::wiring::done;

/// Keys asked for and sent at a time.
const BATCH: usize = 100;

/// One slot half-way: its owner answers `ASK` for keys that it no longer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a slot that is left half-way keeps the cluster from agreeing"]
pub(crate) struct Move {
    /// The owner.
    pub(crate) from: usize,
    /// The owner to be.
    pub(crate) to: usize,
    /// The slot.
    pub(crate) slot: u16,
}

impl Cluster {
    /// Moves slots with all their keys, one after the other, and waits until all agree.
    pub(crate) fn move_slots(&self, from: usize, to: usize, slots: impl IntoIterator<Item = u16>) {
        let mut mover = Mover::new(self);
        for slot in slots {
            let step = Move { from, to, slot };
            mover.begin(step);
            while mover.send(step, BATCH) > 0 {}
            mover.finish(step);
        }
        self.wait_ok();
    }

    /// Opens a slot on both sides; its keys stay where they are.
    pub(crate) fn begin_move(&self, from: usize, to: usize, slot: u16) -> Move {
        let step = Move { from, to, slot };
        Mover::new(self).begin(step);
        step
    }

    /// Sends up to `count` keys of a slot that was opened; returns how many.
    pub(crate) fn move_keys(&self, step: Move, count: usize) -> usize {
        Mover::new(self).send(step, count)
    }

    /// Sends the remaining keys and hands the slot over; waits until all agree.
    pub(crate) fn finish_move(&self, step: Move) {
        let mut mover = Mover::new(self);
        while mover.send(step, BATCH) > 0 {}
        mover.finish(step);
        self.wait_ok();
    }

    /// Closes a slot again; keys that were sent are lost to its owner.
    pub(crate) fn cancel_move(&self, step: Move) {
        let mut mover = Mover::new(self);
        for node in [step.from, step.to] {
            mover.call(node, &["CLUSTER", "SETSLOT", &step.slot.to_string(), "STABLE"]);
        }
    }
}

/// Connections to the primaries, for many slots.
struct Mover<'a> {
    cluster: &'a Cluster,
    clients: Vec<Option<Client>>,
    ids: Vec<String>,
}

impl<'a> Mover<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let primary = |node: usize| cluster.nodes[node].role() == Some(Role::Primary);
        let connect = |node: usize| primary(node).then(|| cluster.nodes[node].client());
        let places = 0..cluster.nodes.len();
        let clients: io::Result<Vec<_>> = places.map(|node| connect(node).transpose()).collect();
        let clients = clients.expect("connect to the primaries");
        let id = |(node, client): (usize, &Option<_>)| {
            client.as_ref().map(|_| cluster.id(node)).unwrap_or_default()
        };
        let ids = clients.iter().enumerate().map(id).collect();
        Self { cluster, clients, ids }
    }

    fn call(&mut self, node: usize, words: &[&str]) -> Reply {
        let client = self.clients[node].as_mut().expect("the node is a primary");
        client.call(words).expect("ask the node")
    }

    fn begin(&mut self, Move { from, to, slot }: Move) {
        let (slot, source, target) =
            (slot.to_string(), self.ids[from].clone(), self.ids[to].clone());
        done(&self.call(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]));
        done(&self.call(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]));
    }

    fn send(&mut self, Move { from, to, slot }: Move, count: usize) -> usize {
        let (slot, count) = (slot.to_string(), count.to_string());
        let keys = self.call(from, &["CLUSTER", "GETKEYSINSLOT", &slot, &count]);
        let keys: Vec<_> = keys.list().iter().map(Reply::bytes).collect();
        if !keys.is_empty() {
            let port = self.cluster.nodes[to].port().to_string();
            let head = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "REPLACE", "KEYS"];
            let mut words: Vec<_> = head.iter().map(|word| word.as_bytes()).collect();
            words.extend(keys.iter().map(Vec::as_slice));
            let client = self.clients[from].as_mut().expect("the node is a primary");
            let answer = client.call(&words).expect("ask the node");
            // The keys may have expired or been removed since they were listed.
            let sent = ["OK", "NOKEY"].map(|word| Reply::Status(word.into()));
            assert!(sent.contains(&answer), "cannot migrate: {answer}");
        }
        keys.len()
    }

    /// The new owner first: were it the last to know, the slot could be without one.
    fn finish(&mut self, Move { from, to, slot }: Move) {
        let (slot, target) = (slot.to_string(), self.ids[to].clone());
        let others = (0..self.clients.len()).filter(|node| ![from, to].contains(node));
        for node in [to, from].into_iter().chain(others) {
            if self.clients[node].is_some() {
                let answer = self.call(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &target]);
                // An owner without slots left has by then become a replica of the new one.
                let turned =
                    matches!(&answer, Reply::Error(text) if text.contains("only with masters"));
                assert!(
                    turned || answer == Reply::Status("OK".into()),
                    "cannot hand over: {answer}"
                );
            }
        }
    }
}
