//! Several entries at once: one read, one load.
//!
//! More of them than a backend answers in the time of one operation, and takes leases and fills of side by side,
//! are worked through in pieces.
//!
//! Invariant: no load of somebody else is waited for while a flight is led or a lease held, so two batches
//! that need each other's keys do not wait for ever.

mod load;
mod typed;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use futures_util::future::join_all;

use super::answer::AnswerContent;
use super::caller::FoundValue;
use super::course::{Looked, Next};
use super::follow::{Followed, WaitingFor};
use super::lease_wait::LeaseWait;
use super::rendezvous::Rendezvous;
use super::{Answer, Ask, Job, Purpose};
use crate::backend::Failure;
use crate::entry::Slot;
use crate::flight::{Flight, Joiner, Lead, Role};
use crate::policy::freshness::Verdict;
use crate::resilience::deadline::Manner;

pub(crate) use typed::{LoadsMany, TypedMany, answer_many, peek_many};

/// So many entries are asked of a backend together; a few of them wait for each other's places on the connection.
const PIECE: usize = 1_000;

/// Which of its entries a batch means: their order is that in which they were named.
pub(crate) type EntryPlace = usize;

/// An entry that somebody else loads, and when it was asked for.
type Following = (EntryPlace, Ask, Arc<Flight>, Joiner);

/// What a batch does about its entries, round by round.
pub(super) struct Many {
    /// Those of this round, in the order in which they were named.
    open: Vec<(EntryPlace, Ask)>,
    /// Those of later rounds: the ones that others load are looked for again when all have had their turn.
    later: VecDeque<(EntryPlace, Ask)>,
    /// Entries to load beside a flight whose result is not for us.
    beside: HashSet<EntryPlace>,
    /// Flights that took too long, to be replaced.
    slow: HashMap<EntryPlace, Arc<Flight>>,
    found: Gathered,
    /// How long the loads of other processes are waited for; `None` if nothing was named.
    waiting: Option<LeaseWait>,
    /// Entries that were invalidated before their load began, and are not given up again (coherence 13).
    superseded: HashSet<EntryPlace>,
}

/// What the entries of a batch are answered with, by place.
pub(super) type Replies = HashMap<EntryPlace, AnswerContent>;
/// Where a batch meets its caller's side, which is given the entries to load.
pub(super) type ManyCaller =
    Rendezvous<Vec<EntryPlace>, Result<HashMap<EntryPlace, FoundValue>, LoadFailed>>;

/// The load of a batch returned an error, which its caller has.
#[derive(Debug)]
pub(super) struct LoadFailed;

/// What there is so far.
struct Gathered {
    values: Replies,
    /// The entries of values that may be outdated, by place.
    flagged: HashMap<EntryPlace, (Ask, Slot)>,
}

impl Gathered {
    fn insert(&mut self, place: EntryPlace, ask: &Ask, answer: Answer) {
        if let Some(slot) = answer.flagged() {
            self.flagged.insert(place, (ask.clone(), Arc::clone(slot)));
        }
        self.values.insert(place, answer.content);
    }

    /// Takes out what others have taken so long for that it may not answer any more (coherence 11, G2).
    fn outlived(&mut self) -> Vec<(EntryPlace, Ask)> {
        let flagged = std::mem::take(&mut self.flagged).into_iter();
        let outlived = flagged.filter(|(_, (ask, slot))| !ask.still_serves(slot));
        outlived
            .map(|(place, (ask, _))| {
                self.values.remove(&place);
                (place, ask)
            })
            .collect()
    }
}

/// The entries of one round.
struct Round {
    led: Vec<(EntryPlace, Ask, Lead)>,
    followed: Vec<Following>,
    /// Loaded beside a flight that cannot be joined; not kept.
    alone: Vec<(EntryPlace, Ask)>,
}

impl Many {
    fn new(asks: Vec<Ask>) -> Self {
        if let Some(ask) = asks.first() {
            ask.runtime.keep_alive();
        }
        let waiting = asks.first().map(|ask| LeaseWait::begin(&ask.runtime));
        Self {
            open: asks.into_iter().enumerate().collect(),
            later: VecDeque::new(),
            beside: HashSet::new(),
            slow: HashMap::new(),
            found: Gathered { values: HashMap::new(), flagged: HashMap::new() },
            waiting,
            superseded: HashSet::new(),
        }
    }

    /// The values that there are; one load answers all that are missing, as far as nobody else loads
    /// them already.
    async fn answer(mut self, caller: &ManyCaller) -> Result<Replies, LoadFailed> {
        let piece = self.piece();
        loop {
            self.take_from_memory();
            if self.open.is_empty() && self.later.is_empty() {
                self.open = self.found.outlived();
            }
            self.later.extend(self.open.drain(..));
            if self.later.is_empty() {
                return Ok(self.found.values);
            }
            self.open.extend(self.later.drain(..piece.min(self.later.len())));
            let Round { led, followed, alone } = self.enter();
            let jobs = self.look(led).await;
            self.load(jobs, alone, caller).await?;
            self.follow(followed).await;
        }
    }

    /// How many entries are worked on in one round.
    fn piece(&self) -> usize {
        let is_remote = self.open.first().is_some_and(|(_, ask)| ask.remote().is_some());
        if is_remote { PIECE } else { usize::MAX }
    }

    /// The values that are there and fresh; loads nothing.
    async fn peek(mut self) -> Result<Replies, Failure> {
        self.take_from_memory();
        for piece in std::mem::take(&mut self.open).chunks(PIECE) {
            let seen = look_many(piece.iter().map(|(_, ask)| ask)).await;
            for ((place, ask), seen) in piece.iter().zip(seen) {
                if let Some(answer) = ask.found_by_looking(seen)? {
                    self.found.insert(*place, ask, answer);
                }
            }
        }
        Ok(self.found.values)
    }

    fn take_from_memory(&mut self) {
        let found = &mut self.found;
        self.open.retain(|(place, ask)| match ask.answer_from(ask.in_memory().as_ref()) {
            Some(answer) => {
                found.insert(*place, ask, answer);
                false
            }
            None => true,
        });
    }

    fn enter(&mut self) -> Round {
        let mut round = Round { led: Vec::new(), followed: Vec::new(), alone: Vec::new() };
        for (place, ask) in self.open.drain(..) {
            if self.beside.remove(&place) {
                round.alone.push((place, ask));
                continue;
            }
            let slow = self.slow.remove(&place);
            if let Some(lead) = slow.and_then(|flight| ask.replace(Some(&flight))) {
                round.led.push((place, ask, lead));
                continue;
            }
            match ask.enter() {
                Role::Lead(lead) => round.led.push((place, ask, lead)),
                Role::Follow(flight, _) if flight.is_led_here() => round.alone.push((place, ask)),
                Role::Follow(flight, joiner) => {
                    round.followed.push((place, ask, flight, joiner));
                }
            }
        }
        round
    }

    /// Asks the backend for all of them at once; what it does not have becomes a job.
    async fn look(&mut self, led: Vec<(EntryPlace, Ask, Lead)>) -> Vec<(EntryPlace, Job)> {
        let (found, led) = (&mut self.found, led.into_iter());
        let open: Vec<_> = led
            .filter(|(place, ask, lead)| match ask.landed_meanwhile(lead) {
                Some(answer) => {
                    found.insert(*place, ask, answer);
                    false
                }
                None => true,
            })
            .collect();
        let looked = look_many(open.iter().map(|(_, ask, _)| ask)).await;
        let mut jobs = Vec::new();
        for ((place, ask, lead), looked) in open.into_iter().zip(looked) {
            let kept = ask.in_memory().filter(|seen| seen.verdict == Verdict::Stale);
            match ask.next(&lead, looked, kept.map(|seen| seen.slot)) {
                // Nobody can refresh one entry with a load of many.
                Next::Answer(answer) | Next::Refresh(answer, _) => {
                    self.found.insert(place, &ask, answer);
                }
                Next::Load { stale, away } => {
                    let purpose = Purpose::of_caller(away);
                    jobs.push((place, Job::new(ask, lead, stale, purpose)));
                }
            }
        }
        jobs
    }

    async fn follow(&mut self, followed: Vec<Following>) {
        // Side by side, or each would be waited for as long as one may be.
        let waits = followed
            .iter()
            .map(|(_, ask, flight, joiner)| ask.follow(flight, None, WaitingFor::Another(*joiner)));
        let ends = join_all(waits).await;
        for ((place, ask, flight, _), end) in followed.into_iter().zip(ends) {
            match end {
                // Errors of others are no answer to a batch.
                Followed::Answer(answer)
                    if matches!(answer.content, AnswerContent::Own | AnswerContent::Entry(_)) =>
                {
                    self.found.insert(place, &ask, answer);
                }
                Followed::Impatient => {
                    self.slow.insert(place, flight);
                    self.open.push((place, ask));
                }
                Followed::Alone => {
                    self.beside.insert(place);
                    self.open.push((place, ask));
                }
                Followed::Answer(_) | Followed::Again => {
                    self.open.push((place, ask));
                }
            }
        }
    }
}

/// Reads entries of one cache together; none where values do not go to a backend, and those not that it has not
/// answered this call about before (R8).
///
/// One answer per ask, since the nodes of a backend fail apart from each other.
async fn look_many<'a>(asks: impl Iterator<Item = &'a Ask>) -> Vec<Looked> {
    let asks: Vec<_> = asks.collect();
    let none = || asks.iter().map(|_| Ok(None)).collect();
    let Some(remote) = asks.first().and_then(|ask| ask.remote()) else {
        return none();
    };
    let addresses: Vec<_> = asks.iter().filter_map(|ask| ask.address()).collect();
    if addresses.len() != asks.len() {
        return none();
    }
    let open = asks.iter().zip(&addresses).filter(|(ask, _)| ask.waited.unanswered().is_none());
    let asked: Vec<_> = open.map(|(ask, address)| (&***address, &ask.tags)).collect();
    let mut found = remote.look_many(&asked, remote.deadline(Manner::Async)).await.into_iter();
    let looked = asks.iter().zip(addresses).map(|(ask, address)| {
        if let Some(failure) = ask.waited.unanswered() {
            return Err(failure.clone());
        }
        let found = found.next().unwrap_or(Ok(None));
        let found = found.inspect_err(|failure| ask.waited.note_failure(failure))?;
        Ok(found.and_then(|stored| ask.read(address, *stored)))
    });
    looked.collect()
}
