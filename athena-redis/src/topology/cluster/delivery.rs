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
use crate::link::{Assembly, Batch, Link, Manner, Replies, Reply, Ruling, Spot};

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
    /// How often each command was redirected.
    redirects: Vec<u8>,
    errands: Vec<Errand>,
    /// The failure of the command that comes first.
    failed: Option<(usize, Failure)>,
    /// Who answered the last command, on which connection.
    last: Option<(Arc<Link>, u64)>,
    superseded: bool,
}

/// Commands that go to one node together.
#[derive(Debug)]
struct Errand {
    link: Arc<Link>,
    manner: Manner,
    pause: Duration,
    spots: Vec<Spot>,
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
            redirects: vec![0; batch.len()],
            errands: Vec::new(),
            failed: None,
            last: None,
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
        let errand = Errand { link, manner: Manner::Plain, pause: Duration::ZERO, spots };
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
                let part = batch.part(&errand.spots, errand.manner);
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
            Some((link, _)) if self.superseded => Ok((link, Replies::superseded())),
            Some((link, epoch)) => Ok((link, self.assembly.into_replies(epoch))),
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
        let Some(epoch) = replies.epoch() else {
            self.last = Some((errand.link, 0));
            self.superseded = true;
            return;
        };
        let last = self.batch.len().saturating_sub(1);
        for (spot, reply) in errand.spots.iter().zip(replies.each()) {
            if spot.place == last {
                self.last = Some((Arc::clone(&errand.link), epoch));
            }
            self.judge(&errand.link, *spot, reply);
        }
    }

    fn judge(&mut self, link: &Arc<Link>, spot: Spot, reply: Reply) {
        let ruling = reply.ruling();
        match ruling {
            Ruling::Done => return self.assembly.put(spot, reply),
            Ruling::Moved { .. } | Ruling::Ask { .. } if self.batch.epoch().is_some() => {
                self.superseded = true;
            }
            Ruling::TryAgain => return self.try_again(link, spot, reply),
            _ => {}
        }
        let next = match &ruling {
            Ruling::Moved { slot, to } => {
                self.shared.want_refresh();
                let to = parse_target(to, link.endpoint());
                to.and_then(|to| self.shared.registry.patch(*slot, &to))
                    .map(|it| (it, Manner::Plain))
            }
            Ruling::Ask { to } => {
                let to = parse_target(to, link.endpoint());
                to.and_then(|to| self.shared.registry.link(&to)).map(|it| (it, Manner::Asking))
            }
            _ => None,
        };
        if self.superseded {
            return;
        }
        match next {
            Some((to, manner)) if self.may_redirect(spot) => {
                self.send(to, manner, Duration::ZERO, spot);
            }
            _ => self.refuse(link, spot, reply),
        }
    }

    /// Sends a command again by name, which no move can hold up, or else a little later.
    fn try_again(&mut self, link: &Arc<Link>, spot: Spot, reply: Reply) {
        // While a slot moves, every attempt may begin with a redirect; the deadline bounds them all.
        if let Some(redirects) = self.redirects.get_mut(spot.place) {
            *redirects = 0;
        }
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

    /// Whether a command was not sent around too often; counts.
    fn may_redirect(&mut self, spot: Spot) -> bool {
        let Some(redirects) = self.redirects.get_mut(spot.place) else { return false };
        *redirects = redirects.saturating_add(1);
        // The names of one command are redirected each for itself.
        *redirects <= MOST_REDIRECTS || spot.is_name()
    }

    fn send_by_map(&mut self, spot: Spot, pause: Duration) {
        let to = self.batch.slots().and_then(|slots| slots.get(spot.place)).copied();
        let map = self.shared.registry.map();
        let owner = to.and_then(|slot| map.as_ref()?.owner(slot)).cloned();
        match (owner, to) {
            (Some(link), _) => self.send(link, Manner::Plain, pause, spot),
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

    fn send(&mut self, link: Arc<Link>, manner: Manner, pause: Duration, spot: Spot) {
        let same = |errand: &&mut Errand| {
            let alike = errand.manner == manner && errand.pause == pause;
            alike && Arc::ptr_eq(&errand.link, &link)
        };
        match self.errands.iter_mut().find(same) {
            Some(errand) => errand.spots.push(spot),
            None => self.errands.push(Errand { link, manner, pause, spots: vec![spot] }),
        }
    }

    fn refuse(&mut self, link: &Link, spot: Spot, reply: Reply) {
        if let Some(failure) = link.refusal(&Replies::of(reply)) {
            self.fail(spot, failure);
        }
    }

    fn fail(&mut self, spot: Spot, failure: Failure) {
        if self.failed.as_ref().is_none_or(|(place, _)| spot.place < *place) {
            self.failed = Some((spot.place, failure));
        }
    }
}

async fn run(errand: Errand, part: Batch, deadline: Instant) -> Outcome {
    if !errand.pause.is_zero() {
        sleep(errand.pause).await;
    }
    let outcome = errand.link.exchange_by(&part, deadline).await;
    (errand, outcome)
}
