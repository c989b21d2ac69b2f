//! One batch on its way to the nodes of its commands, and its replies on their way back.
//!
//! Invariant: a command is redirected at most [`MOST_REDIRECTS`] times, and none outlives the deadline
//! of the batch. Commands for one node keep their order among each other.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep};

use super::ClusterState;
use super::nodes::parse_target;
use crate::link::{Asking, Assembly, Batch, CommandIndex, Link, Origin, Replies, Reply, Routing};

const MOST_REDIRECTS: u8 = 5;
/// Before a command is sent again whose names are on their way.
const PAUSE: Duration = Duration::from_millis(20);

/// A batch under way.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    shared: &'a ClusterState,
    batch: &'a Batch,
    deadline: Instant,
    assembly: Assembly,
    node_batches: Vec<NodeBatch>,
    /// The failure of the command that comes first.
    failed: Option<(usize, Failure)>,
    /// Who answered the last command so far, on which connection.
    last: Option<(CommandIndex, Arc<Link>, Origin)>,
    /// Where the replies that are final came from, but for a time.
    origin: Origin,
    /// Where a time came from.
    told_time: Origin,
    superseded: bool,
}

/// Commands that go to one node together.
#[derive(Debug)]
struct NodeBatch {
    path: Path,
    indices: Vec<CommandIndex>,
}

/// Where commands go, and how.
#[derive(Debug)]
struct Path {
    link: Arc<Link>,
    asking: Asking,
    pause: Duration,
    /// How often they were redirected, since they were last sent by the map.
    redirects: u8,
}

/// What came of it.
type Outcome = (NodeBatch, Result<Replies, Failure>);

impl<'a> Delivery<'a> {
    pub(super) fn new(shared: &'a ClusterState, batch: &'a Batch, deadline: Instant) -> Self {
        Self {
            shared,
            batch,
            deadline,
            assembly: Assembly::new(batch),
            node_batches: Vec::new(),
            failed: None,
            last: None,
            origin: Origin::Nowhere,
            told_time: Origin::Nowhere,
            superseded: false,
        }
    }

    /// Sends every command to the node of its slot.
    pub(super) async fn begin(mut self) -> Result<(Arc<Link>, Replies), Failure> {
        for index in self.batch.indices() {
            self.send_by_map(index, Duration::ZERO);
        }
        self.finish().await
    }

    /// Goes on where a whole batch was sent to one node and not all of it was executed.
    pub(super) async fn resume(
        mut self,
        link: Arc<Link>,
        replies: Replies,
    ) -> Result<(Arc<Link>, Replies), Failure> {
        let indices = self.batch.indices().collect();
        let node_batch = NodeBatch { path: Path::by_map(link, Duration::ZERO), indices };
        self.settle((node_batch, Ok(replies)));
        self.finish().await
    }

    /// Sends until nothing is left to be sent; the link is the one that answered the last command.
    async fn finish(mut self) -> Result<(Arc<Link>, Replies), Failure> {
        let mut under_way = FuturesUnordered::new();
        loop {
            let (batch, deadline) = (self.batch, self.deadline);
            let node_batches = self.node_batches.drain(..);
            under_way.extend(node_batches.map(|node_batch| {
                let part = batch.part(&node_batch.indices, node_batch.path.asking);
                run(node_batch, part, deadline)
            }));
            // What fails early does not end the rest: others may be writes that must not be lost.
            match under_way.next().await {
                Some(outcome) => self.settle(outcome),
                None => break,
            }
        }
        if let Some((_, failure)) = self.failed {
            return Err(failure);
        }
        match self.last {
            Some((_, link, _)) if self.superseded => Ok((link, Replies::superseded())),
            Some((_, link, last)) => {
                let origin = self.origin.and(last);
                // Coherence 25: of another node than the values it is the time of another clock.
                if let Some(position) = self.batch.time().filter(|_| self.told_time != origin) {
                    self.assembly.discard(position);
                }
                Ok((link, self.assembly.into_replies(origin)))
            }
            None => Err(Failure::new(Class::Unready, "redis cluster: there was nothing to send")),
        }
    }

    /// Takes the replies that are final, and sends the other commands again.
    fn settle(&mut self, (node_batch, outcome): Outcome) {
        let replies = match outcome {
            Ok(replies) => replies,
            Err(failure) => {
                if let Some(index) = node_batch.indices.first() {
                    self.fail(*index, failure);
                }
                return;
            }
        };
        let origin = match node_batch.path.asking {
            Asking::Plain => replies.origin(),
            // It may yet be decided that the slot stays where it is.
            Asking::Asking => replies.origin().of_stand_in(),
        };
        self.superseded |= replies.is_superseded();
        // Whoever tells the time serves no name by that.
        let names = || node_batch.indices.iter().filter(|index| !self.batch.is_time(**index));
        if let Some(index) = names().next_back() {
            self.note_last(*index, &node_batch.path.link, origin);
        }
        for (index, reply) in node_batch.indices.iter().zip(replies.each()) {
            if reply.routing() == Routing::Done {
                if self.batch.is_time(*index) {
                    self.told_time = origin;
                } else {
                    self.origin = self.origin.and(origin);
                }
            }
            self.judge(&node_batch, *index, reply);
        }
    }

    fn note_last(&mut self, index: CommandIndex, link: &Arc<Link>, origin: Origin) {
        if self.last.as_ref().is_none_or(|(last, ..)| *last <= index) {
            self.last = Some((index, Arc::clone(link), origin));
        }
    }

    fn judge(&mut self, node_batch: &NodeBatch, index: CommandIndex, reply: Reply) {
        let registry = &self.shared.registry;
        let (link, addresses) = (&node_batch.path.link, &self.shared.access.addresses);
        let target = |to: &str| parse_target(to, link.endpoint(), addresses);
        let next = match reply.routing() {
            Routing::Done => return self.assembly.put(index, reply),
            Routing::TryAgain => return self.try_again(&node_batch.path.link, index, reply),
            Routing::Moved { to, .. } => {
                let to = target(&to);
                // Whatever slot it names, a node answers for the one that it was asked for alone.
                let moved = self.slot_of(index).zip(to.as_ref());
                let next = moved.and_then(|(slot, to)| registry.patch(slot, to));
                // Who sent it on knows why, and who serves from now on says so itself. Not earlier: only a
                // round that begins after it undoes what nobody confirms.
                self.shared.want_refresh(to.iter().chain([link.endpoint()]).cloned());
                next.map(|link| (link, Asking::Plain))
            }
            Routing::Ask { to } => {
                let link = target(&to).and_then(|to| registry.link(&to));
                link.map(|link| (link, Asking::Asking))
            }
            Routing::Refused => None,
        };
        match next {
            // Coherence 6: a fill is bound to the connection of its lease, which is not there.
            Some(_) if self.batch.epoch().is_some() => self.superseded = true,
            Some((link, asking)) if node_batch.path.redirects < MOST_REDIRECTS => {
                let redirects = node_batch.path.redirects + 1;
                self.send(Path { link, asking, pause: Duration::ZERO, redirects }, index);
            }
            _ => self.refuse(&node_batch.path.link, index, reply),
        }
    }

    /// Sends a command again by name, which no move can hold up, or else a little later.
    ///
    /// While a slot moves each of these attempts may begin with a redirect; the deadline bounds them.
    fn try_again(&mut self, link: &Arc<Link>, index: CommandIndex, reply: Reply) {
        if let Some(indices) = self.batch.apart(index) {
            self.assembly.divide(&indices);
            for index in indices {
                self.send_by_map(index, Duration::ZERO);
            }
        } else if Instant::now() + 2 * PAUSE < self.deadline {
            self.send_by_map(index, PAUSE);
        } else {
            self.refuse(link, index, reply);
        }
    }

    /// The slot of the names of a command.
    fn slot_of(&self, index: CommandIndex) -> Option<u16> {
        self.batch.slots()?.get(index.position).copied()
    }

    fn send_by_map(&mut self, index: CommandIndex, pause: Duration) {
        let to = self.slot_of(index);
        let map = self.shared.registry.map();
        let owner = to.and_then(|slot| map.as_ref()?.owner(slot)).cloned();
        match (owner, to) {
            (Some(link), _) => self.send(Path::by_map(link, pause), index),
            (None, Some(number)) => {
                self.shared.want_refresh([]);
                let message = format!("redis cluster: no node serves slot {number}");
                self.fail(index, Failure::new(Class::Unready, message));
            }
            (None, None) => {
                let message = "redis cluster: a command has no name that says where it goes";
                self.fail(index, Failure::new(Class::Rejected, message));
            }
        }
    }

    fn send(&mut self, path: Path, index: CommandIndex) {
        match self.node_batches.iter_mut().find(|node_batch| node_batch.path == path) {
            Some(node_batch) => node_batch.indices.push(index),
            None => self.node_batches.push(NodeBatch { path, indices: vec![index] }),
        }
    }

    fn refuse(&mut self, link: &Link, index: CommandIndex, reply: Reply) {
        if let Some(failure) = link.refusal(&Replies::of(reply)) {
            self.fail(index, failure);
        }
    }

    fn fail(&mut self, index: CommandIndex, failure: Failure) {
        // What may have been executed must not be told as if nothing had; else the first one counts.
        let rank = |failure: &Failure, place| (!failure.class().may_have_happened(), place);
        let is_first = self
            .failed
            .as_ref()
            .is_none_or(|(place, known)| rank(&failure, index.position) < rank(known, *place));
        if is_first {
            self.failed = Some((index.position, failure));
        }
    }
}

impl Path {
    fn by_map(link: Arc<Link>, pause: Duration) -> Self {
        Self { link, asking: Asking::Plain, pause, redirects: 0 }
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.link, &other.link)
            && (self.asking, self.pause, self.redirects)
                == (other.asking, other.pause, other.redirects)
    }
}

async fn run(node_batch: NodeBatch, part: Batch, deadline: Instant) -> Outcome {
    if !node_batch.path.pause.is_zero() {
        sleep(node_batch.path.pause).await;
    }
    let outcome = node_batch.path.link.exchange_by(&part, deadline).await;
    (node_batch, outcome)
}
