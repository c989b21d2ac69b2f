//! Invalidations on their way to the backend.
//!
//! Invariant: what did not arrive, for whatever reason, is in the journal.

use std::collections::HashSet;
use std::sync::Arc;

use super::acknowledged::Resend;
use super::breakers::by_node;
use super::journal::{Replay, Target};
use super::pipeline::Operation;
use super::{Address, Remote, join_all};
use crate::backend::{Absent, Bump, Class, Failure, Node};
use crate::coherence::guards::Guard;
use crate::envelope::Envelope;
use crate::key::name::EntryName;
use crate::resilience::class::Word;
use crate::resilience::deadline::Deadline;
use crate::tag::Tags;
use crate::telemetry::Event;

/// How invalidations arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// At the nodes that serve.
    Certain,
    /// At nodes that nobody has confirmed lately: should others serve by now, they are told when they
    /// are found.
    Unconfirmed,
}

/// Targets of one request; more would hold up the store, and be sent again as a whole if it fails.
const PART: usize = 500;

impl Remote {
    /// Invalidates; what does not arrive, for whatever reason, is kept in the journal.
    pub(crate) async fn invalidate(&self, targets: Vec<Target>) -> Result<Arrival, Failure> {
        self.unsent(targets).send().await
    }

    /// Targets that are to be sent: dropped before, they are in the journal.
    pub(super) fn unsent(&self, targets: Vec<Target>) -> Unsent<'_> {
        Unsent { remote: self, targets: with_any_tag(targets) }
    }

    /// Whether the node of an entry may have been replaced without our knowledge (coherence 5).
    pub(crate) fn is_in_doubt(&self, address: &Address) -> bool {
        self.is_node_in_doubt(self.backend.node(&address.value))
    }

    pub(super) fn is_node_in_doubt(&self, node: Node) -> bool {
        let session = self.announcements.sessions.present(node);
        session.is_some_and(|session| session.is_in_doubt(self.clock.now()))
    }

    /// What clearing the namespace changes.
    pub(crate) fn everything(&self) -> Vec<Target> {
        everything(&*self.backend)
    }

    /// Keeps invalidations, each as [`keep`](Self::keep) does.
    pub(crate) fn keep_all(&self, targets: Vec<Target>) {
        for target in targets {
            self.keep(target);
        }
    }

    /// Keeps an invalidation for the next time that the backend is asked anything (coherence 9 and 10).
    pub(crate) fn keep(&self, target: Target) {
        if self.guards.lacks(Guard::Journal) {
            return;
        }
        let now = self.clock.now();
        if matches!(target, Target::Tag(_)) {
            self.journal.keep(Target::AnyTag, now, |target| self.node_of(target));
        }
        self.journal.keep(target, now, |target| self.node_of(target));
    }

    /// Sends what the journal holds for the nodes of an entry, of which nothing is asked before
    /// (coherence 9).
    pub(super) async fn make_way(
        &self,
        entry: &EntryName,
        tags: &Tags,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        self.catch_up();
        self.requeue();
        if self.journal.depth() == 0 {
            return Ok(());
        }
        // Boxed: it is rare, and would stand in the future of every load.
        Box::pin(self.make_way_through(entry, tags, deadline)).await
    }

    async fn make_way_through(
        &self,
        entry: &EntryName,
        tags: &Tags,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        self.make_way_for(&Target::Entry(entry.clone()), deadline).await?;
        // Its partition may lie on another node by now, for which other things were kept.
        let partition = self.backend.partition(entry.as_str()).map(Box::from);
        self.make_way_for(&Target::Namespace(partition), deadline).await?;
        for tag in tags.iter() {
            self.make_way_for(&Target::Tag(tag.clone()), deadline).await?;
        }
        Ok(())
    }

    /// The same for the node of one target (coherence 9).
    pub(super) async fn make_way_for(
        &self,
        target: &Target,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        self.catch_up();
        self.requeue();
        let journal = &self.journal;
        if journal.depth() == 0 {
            return Ok(());
        }
        let node = self.node_of(target);
        if journal.waits_for(node) || journal.holds(target) {
            Box::pin(self.replay(node, deadline)).await?;
        }
        Ok(())
    }

    /// Puts back into the journal what a node that has begun to serve may not have been told
    /// (coherence 9b).
    pub(crate) fn requeue(&self) {
        if !self.announcements.acknowledged.is_due() {
            return;
        }
        for (_, again) in self.announcements.acknowledged.take(|target| self.node_of(target)) {
            let targets = match again {
                Resend::These(targets) => targets,
                Resend::Everything => self.everything(),
            };
            for target in targets {
                self.keep(target);
            }
        }
    }

    /// Sends what the journal holds for a node; one caller does it for all (coherence 9).
    ///
    /// Fails at once where the node's breaker is open, or finds out by another caller whether the node
    /// is back.
    pub(super) async fn replay(&self, node: Node, deadline: Deadline) -> Result<(), Failure> {
        let settings = self.settings.load_full();
        let breakers = self.breakers.of(node, &settings.breaker);
        let refused = |reason| {
            let endpoint = self.endpoint(node);
            Err(Failure::new(Class::Open, format!("invalidations wait for {endpoint}: {reason}")))
        };
        if !breakers.admits(self.clock.now(), self.backend.revivals(node)) {
            return refused("its breaker is open");
        }
        // Whoever has the turn is bounded by one of these.
        let longest = settings.deadline.saturating_add(settings.write_deadline);
        let _one_for_all = match breakers.replaying.take_now(self.clock.now(), longest) {
            Some(turn) => turn,
            None if !breakers.is_closed() => return refused("it is being tried"),
            None => {
                let limit = deadline.attempt(self.clock.now(), settings.attempt_timeout);
                let turn = breakers.replaying.take(&self.clock);
                match self.clock.within(limit.unwrap_or_default(), turn).await {
                    Some(turn) => turn,
                    None => return refused("they are many"),
                }
            }
        };
        let pending = self.journal.batch(node, |target| self.node_of(target));
        self.send_pending(pending, deadline).await
    }

    /// Sends what waits, until it fails; what was acknowledged waits no more.
    async fn send_pending(&self, pending: Replay, deadline: Deadline) -> Result<(), Failure> {
        let mut count = 0;
        let mut failed = None;
        for part in pending.parts(PART) {
            let targets: Vec<_> = part.targets().cloned().collect();
            let (arrived, failure) = self.send(&targets, deadline).await;
            let arrived: HashSet<_> = arrived.into_iter().collect();
            count += arrived.iter().filter(|it| **it != Target::AnyTag).count();
            self.journal.acknowledge(&part.only(|target| arrived.contains(target)));
            failed = failure;
            if failed.is_some() {
                break;
            }
        }
        if count > 0 {
            let left = self.journal.depth();
            self.telemetry.tell(&Event::Replayed { count, left });
        }
        failed.map_or(Ok(()), Err)
    }

    /// Ends the fresh time of an entry's values; each keeps the grace it was stored with.
    pub(crate) async fn expire(&self, entry: &EntryName) -> Result<(), Failure> {
        let deadline = self.write_deadline();
        let lease = entry.lease();
        self.make_way(entry, &Tags::default(), deadline).await?;
        // Coherence 21: first, so that no fill of before lands afterwards.
        let end = || self.backend.remove(std::slice::from_ref(&lease));
        self.ask(Operation::remove("remove"), &lease, deadline, end).await?;
        let lanes: Vec<_> = entry.lanes().collect();
        let values: Vec<_> = lanes.iter().map(String::as_str).collect();
        let read = || self.backend.read(&values, &[]);
        let found = self.ask(Operation::read(), &lease, deadline, read).await?;
        let mut useless = Vec::new();
        for (lane, found) in lanes.iter().zip(found.values) {
            match found.map(|stored| Envelope::grace_of(&stored.bytes)) {
                Some(Some(grace)) if !grace.is_zero() => {
                    let names = [lane.clone()];
                    let shorten = || self.backend.shorten(&names, grace);
                    self.ask(Operation::remove("expire"), &lease, deadline, shorten).await?;
                }
                Some(_) => useless.push(lane.clone()),
                None => {}
            }
        }
        if useless.is_empty() {
            return Ok(());
        }
        let remove = || self.backend.remove(&useless);
        self.ask(Operation::remove("remove"), &lease, deadline, remove).await
    }

    /// Sends targets to the nodes that serve them; says which arrived, and why others did not
    /// (coherence 10 and 10b).
    pub(super) async fn send(
        &self,
        targets: &[Target],
        deadline: Deadline,
    ) -> (Vec<Target>, Option<Failure>) {
        // Coherence 10: before the tags. Where there is one node, the order within the request does it.
        let is_split = !self.backend.partitions().is_empty();
        let (first, rest): (Vec<_>, Vec<_>) =
            targets.iter().cloned().partition(|it| is_split && *it == Target::AnyTag);
        let (mut arrived, mut failed) = (Vec::with_capacity(targets.len()), None);
        let mut is_out_of_order = is_split && self.journal.holds(&Target::AnyTag);
        if !first.is_empty() {
            (arrived, failed) =
                self.send_group(self.node_of(&Target::AnyTag), first, deadline).await;
            is_out_of_order = failed.is_some();
            if is_out_of_order {
                self.keep(Target::AnyTag);
            }
        }
        let groups = self.by_node(rest);
        let send = |(node, group)| self.send_group(node, group, deadline);
        for (group, failure) in join_all(groups.into_iter().map(send)).await {
            if is_out_of_order && !self.guards.lacks(Guard::Journal) {
                let tags = group.iter().filter(|target| matches!(target, Target::Tag(_)));
                self.journal.repeat(tags, self.clock.now(), |target| self.node_of(target));
            }
            arrived.extend(group);
            failed = failure.or(failed);
        }
        (arrived, failed)
    }

    /// Sends targets to the node that serves them, until it fails; says which arrived.
    async fn send_group(
        &self,
        node: Node,
        mut targets: Vec<Target>,
        deadline: Deadline,
    ) -> (Vec<Target>, Option<Failure>) {
        let mut arrived = 0;
        let mut failed = None;
        for part in targets.chunks(PART) {
            if let Err(failure) = self.send_to_one(part, deadline).await {
                failed = Some(failure);
                break;
            }
            arrived += part.len();
            self.remember(node, part);
            self.hear_ourselves(part);
        }
        targets.truncate(arrived);
        (targets, failed)
    }

    /// Notes that a node has acknowledged targets, in case that its successor does not know of them
    /// (coherence 9b).
    fn remember(&self, node: Node, targets: &[Target]) {
        let history = self.announcements.sessions.history(node);
        let confirmed = self.announcements.confirmed();
        self.announcements.acknowledged.note(node, targets, history, self.clock.now(), confirmed);
    }

    /// Takes what was read of targets before their change for outdated: nobody announces to a process what
    /// it changes itself (coherence 3b).
    pub(super) fn hear_ourselves(&self, targets: &[Target]) {
        let revisions = &self.announcements.revisions;
        for target in targets {
            match target {
                Target::Entry(entry) => {
                    revisions.announce(revisions.name(entry.as_str()));
                    revisions.announce(revisions.name(&entry.lease()));
                }
                Target::AnyTag => revisions.announce(revisions.name(&self.namespace.any_tag())),
                Target::Tag(_) | Target::Namespace(_) => {
                    revisions.change(revisions.name(&self.name_of(target)));
                }
            }
        }
    }

    fn by_node(&self, targets: Vec<Target>) -> Vec<(Node, Vec<Target>)> {
        let named = targets.into_iter().map(|target| (self.name_of(&target), target));
        let groups = by_node(&*self.backend, named, |(name, _)| name);
        let unnamed = |group: Vec<(_, _)>| group.into_iter().map(|(_, target)| target).collect();
        groups.into_iter().map(|(node, group)| (node, unnamed(group))).collect()
    }

    /// Sends targets that one node serves.
    async fn send_to_one(&self, targets: &[Target], deadline: Deadline) -> Result<(), Failure> {
        match &self.regional {
            None => self.send_plain(targets, deadline).await,
            // Boxed: it would stand in the future of every invalidation.
            Some(regional) => Box::pin(self.send_logged(regional, targets, deadline)).await,
        }
    }

    /// The same where nothing has to be logged of it.
    pub(super) async fn send_plain(
        &self,
        targets: &[Target],
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let (generations, names) = self.changes_of(targets);
        if !generations.is_empty() {
            self.bump(&generations, deadline).await?;
        }
        match names.first() {
            None => Ok(()),
            Some(first) => {
                let remove = || self.backend.remove(&names);
                self.ask(Operation::remove("remove"), first, deadline, remove).await
            }
        }
    }

    /// Changes generations. A store that takes no writes still removes, and absent means changed
    /// (coherence 7).
    async fn bump(
        &self,
        generations: &[(Arc<str>, Absent)],
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let Some((first, _)) = generations.first() else {
            return Ok(());
        };
        // Each attempt with numbers of its own: what was loaded under one of an earlier attempt may have been
        // invalidated since, and would count again (coherence 7).
        let bump = async || {
            let mut bumps = Vec::with_capacity(generations.len());
            for (name, absent) in generations {
                bumps.push(Bump { name, generation: self.generation(), absent: *absent });
            }
            self.backend.bump(&bumps).await
        };
        match self.ask(Operation::write("bump"), first, deadline, bump).await {
            Err(failure) if Word::of(failure.class()).may_remove => {
                let names: Vec<_> =
                    generations.iter().map(|(name, _)| String::from(&**name)).collect();
                let remove = || self.backend.remove(&names);
                self.ask(Operation::remove("remove"), first, deadline, remove).await
            }
            result => result,
        }
    }

    /// The name that decides which node a target concerns.
    pub(super) fn name_of(&self, target: &Target) -> Arc<str> {
        match target {
            Target::Entry(entry) => entry.lease().into(),
            Target::Tag(tag) => self.namespace.tag(tag),
            Target::AnyTag => self.namespace.any_tag().into(),
            Target::Namespace(partition) => self.namespace.generation(partition.as_deref()),
        }
    }

    fn node_of(&self, target: &Target) -> Node {
        // Where there is one node, no name has to be made to ask for it.
        if self.backend.partitions().is_empty() {
            return self.backend.node("");
        }
        self.backend.node(&self.name_of(target))
    }
}

/// What stands for all entries: one target per partition of the store.
pub(super) fn everything(backend: &dyn crate::backend::Backend) -> Vec<Target> {
    match backend.partitions() {
        [] => vec![Target::Namespace(None)],
        partitions => partitions
            .iter()
            .map(|partition| Target::Namespace(Some(partition.as_str().into())))
            .collect(),
    }
}

pub(super) fn with_any_tag(mut targets: Vec<Target>) -> Vec<Target> {
    if targets.iter().any(|target| matches!(target, Target::Tag(_))) {
        targets.push(Target::AnyTag);
    }
    targets
}

/// Targets that go into the journal unless they arrived, also when the caller is dropped (coherence 9).
pub(super) struct Unsent<'a> {
    remote: &'a Remote,
    targets: Vec<Target>,
}

impl Unsent<'_> {
    /// Sends them; those that do not arrive are in the journal.
    pub(super) async fn send(mut self) -> Result<Arrival, Failure> {
        let remote = self.remote;
        let (arrived, failure) = remote.send(&self.targets, remote.write_deadline()).await;
        let arrived: HashSet<_> = arrived.into_iter().collect();
        self.targets.retain(|target| !arrived.contains(target));
        if let Some(failure) = failure {
            return Err(failure);
        }
        let is_doubtful = |target| remote.is_node_in_doubt(remote.node_of(target));
        let is_certain = !arrived.iter().any(is_doubtful);
        Ok(if is_certain { Arrival::Certain } else { Arrival::Unconfirmed })
    }
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if self.remote.guards.lacks(Guard::Journal) {
            return;
        }
        let now = self.remote.clock.now();
        for target in self.targets.drain(..) {
            self.remote.journal.keep(target, now, |target| self.remote.node_of(target));
        }
    }
}
