//! One batch on its way to the nodes of its commands, and its replies on their way back.
//!
//! Invariant: a command is redirected at most [`MOST_REDIRECTS`] times, and none outlives the deadline
//! of the batch. Commands for one node keep their order among each other.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::{Class, Failure};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep};

use super::Shared;
use super::nodes::parse_target;
use crate::link::{Assembly, Batch, Link, Manner, Origin, Replies, Reply, Ruling, Spot};

const MOST_REDIRECTS: u8 = 5;
/// Before a command is sent again whose names are on their way.
const PAUSE: Duration = Duration::from_millis(20);

/// A batch under way.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    shared: &'a Shared,
    batch: &'a Batch,
    deadline: Instant,
    assembly: Assembly,
    errands: Vec<Errand>,
    /// The failure of the command that comes first.
    failed: Option<(usize, Failure)>,
    /// Who answered the last command so far, on which connection.
    last: Option<(Spot, Arc<Link>, Origin)>,
    /// Where the replies that are final came from.
    origin: Origin,
    superseded: bool,
}

/// Commands that go to one node together.
#[derive(Debug)]
struct Errand {
    way: Way,
    spots: Vec<Spot>,
}

/// Where commands go, and how.
#[derive(Debug)]
struct Way {
    link: Arc<Link>,
    manner: Manner,
    pause: Duration,
    /// How often they were redirected, since they were last sent by the map.
    redirects: u8,
}

/// What came of an errand.
type Outcome = (Errand, Result<Replies, Failure>);

impl<'a> Delivery<'a> {
    pub(super) fn new(shared: &'a Shared, batch: &'a Batch, deadline: Instant) -> Self {
        Self {
            shared,
            batch,
            deadline,
            assembly: Assembly::new(batch),
            errands: Vec::new(),
            failed: None,
            last: None,
            origin: Origin::Nowhere,
            superseded: false,
        }
    }

    /// Sends every command to the node of its slot.
    pub(super) async fn begin(mut self) -> Result<(Arc<Link>, Replies), Failure> {
        for spot in self.batch.spots() {
            self.send_by_map(spot, Duration::ZERO);
        }
        self.finish().await
    }

    /// Goes on where a whole batch was sent to one node and not all of it was executed.
    pub(super) async fn resume(
        mut self,
        link: Arc<Link>,
        replies: Replies,
    ) -> Result<(Arc<Link>, Replies), Failure> {
        let spots = self.batch.spots().collect();
        let errand = Errand { way: Way::by_map(link, Duration::ZERO), spots };
        self.settle((errand, Ok(replies)));
        self.finish().await
    }

    /// Sends until nothing is left to be sent; the link is the one that answered the last command.
    async fn finish(mut self) -> Result<(Arc<Link>, Replies), Failure> {
        let mut under_way = FuturesUnordered::new();
        loop {
            let (batch, deadline) = (self.batch, self.deadline);
            let errands = self.errands.drain(..);
            under_way.extend(errands.map(|errand| {
                let part = batch.part(&errand.spots, errand.way.manner);
                run(errand, part, deadline)
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
            Some((_, link, last)) => Ok((link, self.assembly.into_replies(self.origin.and(last)))),
            None => Err(Failure::new(Class::Unready, "redis cluster: there was nothing to send")),
        }
    }

    /// Takes the replies that are final, and sends the other commands again.
    fn settle(&mut self, (errand, outcome): Outcome) {
        let replies = match outcome {
            Ok(replies) => replies,
            Err(failure) => {
                if let Some(spot) = errand.spots.first() {
                    self.fail(*spot, failure);
                }
                return;
            }
        };
        let origin = match errand.way.manner {
            Manner::Plain => replies.origin(),
            // It may yet be decided that the slot stays where it is.
            Manner::Asking => replies.origin().mixed(),
        };
        self.superseded |= replies.is_superseded();
        if let Some(spot) = errand.spots.last() {
            self.note_last(*spot, &errand.way.link, origin);
        }
        for (spot, reply) in errand.spots.iter().zip(replies.each()) {
            if reply.ruling() == Ruling::Done {
                self.origin = self.origin.and(origin);
            }
            self.judge(&errand, *spot, reply);
        }
    }

    fn note_last(&mut self, spot: Spot, link: &Arc<Link>, origin: Origin) {
        if self.last.as_ref().is_none_or(|(last, ..)| *last <= spot) {
            self.last = Some((spot, Arc::clone(link), origin));
        }
    }

    fn judge(&mut self, errand: &Errand, spot: Spot, reply: Reply) {
        let registry = &self.shared.registry;
        let target = |to: &str| parse_target(to, errand.way.link.endpoint());
        let next = match reply.ruling() {
            Ruling::Done => return self.assembly.put(spot, reply),
            Ruling::TryAgain => return self.try_again(&errand.way.link, spot, reply),
            Ruling::Moved { slot, to } => {
                self.shared.want_refresh();
                let link = target(&to).and_then(|to| registry.patch(slot, &to));
                link.map(|link| (link, Manner::Plain))
            }
            Ruling::Ask { to } => {
                let link = target(&to).and_then(|to| registry.link(&to));
                link.map(|link| (link, Manner::Asking))
            }
            Ruling::Refused => None,
        };
        match next {
            // Its connection is not the one that it is bound to.
            Some(_) if self.batch.epoch().is_some() => self.superseded = true,
            Some((link, manner)) if errand.way.redirects < MOST_REDIRECTS => {
                let redirects = errand.way.redirects + 1;
                self.send(Way { link, manner, pause: Duration::ZERO, redirects }, spot);
            }
            _ => self.refuse(&errand.way.link, spot, reply),
        }
    }

    /// Sends a command again by name, which no move can hold up, or else a little later.
    ///
    /// While a slot moves each of these attempts may begin with a redirect; the deadline bounds them.
    fn try_again(&mut self, link: &Arc<Link>, spot: Spot, reply: Reply) {
        if let Some(spots) = self.batch.apart(spot) {
            self.assembly.divide(&spots);
            for spot in spots {
                self.send_by_map(spot, Duration::ZERO);
            }
        } else if Instant::now() + 2 * PAUSE < self.deadline {
            self.send_by_map(spot, PAUSE);
        } else {
            self.refuse(link, spot, reply);
        }
    }

    fn send_by_map(&mut self, spot: Spot, pause: Duration) {
        let to = self.batch.slots().and_then(|slots| slots.get(spot.place)).copied();
        let map = self.shared.registry.map();
        let owner = to.and_then(|slot| map.as_ref()?.owner(slot)).cloned();
        match (owner, to) {
            (Some(link), _) => self.send(Way::by_map(link, pause), spot),
            (None, Some(number)) => {
                self.shared.want_refresh();
                let message = format!("redis cluster: no node serves slot {number}");
                self.fail(spot, Failure::new(Class::Unready, message));
            }
            (None, None) => {
                let message = "redis cluster: a command has no name that says where it goes";
                self.fail(spot, Failure::new(Class::Rejected, message));
            }
        }
    }

    fn send(&mut self, way: Way, spot: Spot) {
        match self.errands.iter_mut().find(|errand| errand.way == way) {
            Some(errand) => errand.spots.push(spot),
            None => self.errands.push(Errand { way, spots: vec![spot] }),
        }
    }

    fn refuse(&mut self, link: &Link, spot: Spot, reply: Reply) {
        if let Some(failure) = link.refusal(&Replies::of(reply)) {
            self.fail(spot, failure);
        }
    }

    fn fail(&mut self, spot: Spot, failure: Failure) {
        // What may have been executed must not be told as if nothing had; else the first one counts.
        let rank = |failure: &Failure, place| (!failure.class().may_have_happened(), place);
        let is_first = self
            .failed
            .as_ref()
            .is_none_or(|(place, known)| rank(&failure, spot.place) < rank(known, *place));
        if is_first {
            self.failed = Some((spot.place, failure));
        }
    }
}

impl Way {
    fn by_map(link: Arc<Link>, pause: Duration) -> Self {
        Self { link, manner: Manner::Plain, pause, redirects: 0 }
    }
}

impl PartialEq for Way {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.link, &other.link)
            && (self.manner, self.pause, self.redirects)
                == (other.manner, other.pause, other.redirects)
    }
}

async fn run(errand: Errand, part: Batch, deadline: Instant) -> Outcome {
    if !errand.way.pause.is_zero() {
        sleep(errand.way.pause).await;
    }
    let outcome = errand.way.link.exchange_by(&part, deadline).await;
    (errand, outcome)
}
