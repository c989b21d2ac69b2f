//! What is known of what passes over a connection, to whoever uses it.
//!
//! Invariant: what is said of a value is said of the reply that it is a part of, and while that is arriving.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use athena_cache_core::backend::Excerpt;

use super::meter::OversizedReply;
use super::questions::SentValue;
use crate::lock::Lock;

/// The first bytes that were read.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Beginning {
    bytes: [u8; BEGINNING],
    len: usize,
}

/// So many bytes tell what answers.
pub(super) const BEGINNING: usize = 24;

/// What a peer said first, and what has passed since.
#[derive(Debug, Clone, Default)]
pub(super) struct Greeting(Arc<Flow>);

#[derive(Debug, Default)]
struct Flow {
    beginning: Lock<Beginning>,
    /// How many bytes of replies were read; announcements are none.
    read: AtomicU64,
    /// How much was written that had to wait for room.
    drained: AtomicU64,
    /// How many questions have begun to be sent, and how many are answered.
    begun: AtomicU64,
    ended: AtomicU64,
    /// How many have to be answered until nothing is in the way that was given up.
    in_the_way: AtomicU64,
    arriving: Lock<Option<ArrivingReply>>,
    /// In the order of their questions.
    outgoing: Lock<Vec<OutgoingValue>>,
    /// What ended the connection, if a reply was too large.
    oversized: OnceLock<OversizedReply>,
}

/// How much had passed at a moment, or since one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Passed {
    read: u64,
    drained: u64,
}

/// A value, and all its bytes as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedValue {
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// A reply with values, of which a part has arrived and another one has not.
#[derive(Debug, Default)]
pub(super) struct ArrivingReply {
    /// Somebody who waited for it, or behind it, has given up.
    pub(super) is_given_up: bool,
    /// How many large values there were so far.
    pub(super) seen: usize,
    /// Those that are handed on.
    pub(super) large: Vec<NamedValue>,
    pub(super) present: Option<PresentValue>,
}

/// A value that holds up others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlamedValue {
    pub(super) value: NamedValue,
    /// How long it has been written, if it is.
    pub(super) age: Option<Duration>,
}

/// A large value that was begun to be written, in a question that is not answered.
#[derive(Debug)]
pub(super) struct OutgoingValue {
    question: u64,
    pub(super) value: NamedValue,
    pub(super) since: Instant,
    /// From then on it holds up others.
    due: Instant,
    /// It was told of as slow.
    is_blamed: bool,
}

/// So many are told apart: more are not written at a time.
const MOST_OUTGOING: usize = 1_024;

/// The value that is arriving.
#[derive(Debug)]
pub(super) struct PresentValue {
    pub(super) index: u64,
    pub(super) value: NamedValue,
    pub(super) since: Instant,
    /// It was told of as slow.
    pub(super) is_blamed: bool,
}

impl Greeting {
    pub(super) fn beginning(&self) -> Beginning {
        *self.0.beginning.lock()
    }

    pub(super) fn note_beginning(&self, bytes: &[u8]) {
        self.0.beginning.lock().add(bytes);
    }

    /// How much has passed so far.
    pub(super) fn passed(&self) -> Passed {
        let count = |bytes: &AtomicU64| bytes.load(Ordering::Relaxed);
        Passed { read: count(&self.0.read), drained: count(&self.0.drained) }
    }

    /// Notes how many bytes of replies have been read in all, and how many replies have ended.
    pub(super) fn note_read(&self, bytes: u64, ended: u64) {
        self.0.read.store(bytes, Ordering::Relaxed);
        self.0.ended.store(ended, Ordering::Release);
    }

    /// Notes what was written, whether it had to wait until there was room, and how many questions have begun.
    ///
    /// Only if it had to has the other side made that room. What fits is taken by our own machine, however dead
    /// the other side is. So is what fits into the room of a machine whose server is frozen, which has an end.
    pub(super) fn note_written(&self, bytes: usize, had_to_wait: bool, begun: u64) {
        if had_to_wait {
            self.0.drained.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        self.0.begun.store(begun, Ordering::Release);
    }

    /// The reply that was too large, if one was.
    pub(super) fn oversized(&self) -> Option<OversizedReply> {
        self.0.oversized.get().copied()
    }

    pub(super) fn note_oversized(&self, reply: OversizedReply) {
        let _ = self.0.oversized.set(reply);
    }

    /// How many bytes have passed since a moment, if a part of a question or of a reply is among them.
    ///
    /// Announcements are not counted: they come however dead the way to the server is.
    pub(super) fn goes_on_since(&self, before: Passed) -> Option<Passed> {
        let now = self.passed();
        let passed = Passed {
            read: now.read.saturating_sub(before.read),
            drained: now.drained.saturating_sub(before.drained),
        };
        (passed != Passed::default()).then_some(passed)
    }

    /// Notes that something was given up which has to wait for what is on its way, or is that; tells which values
    /// are to blame, if so much has passed since it began.
    ///
    /// Those are the large ones of the reply that is arriving, whoever asked for it and whether anybody still
    /// waits, and of others the one that makes up most of what has passed. A small one that has only begun is as
    /// innocent as those that wait for it. Where questions had to wait for room, the large ones are to blame, each
    /// once, that have been written for longer than an operation may take.
    pub(super) fn blame(&self, passed: Passed, now: Instant) -> Vec<BlamedValue> {
        self.0.in_the_way.store(self.0.begun.load(Ordering::Acquire), Ordering::Release);
        let arriving = self.blame_arriving(passed.read + passed.drained);
        let mut blamed: Vec<_> =
            arriving.into_iter().map(|value| BlamedValue { value, age: None }).collect();
        if passed.drained > 0 {
            let mut outgoing = self.0.outgoing.lock();
            for outgoing in outgoing.iter_mut().filter(|it| it.due <= now && !it.is_blamed) {
                outgoing.is_blamed = true;
                let age = Some(now.saturating_duration_since(outgoing.since));
                blamed.push(BlamedValue { value: outgoing.value.clone(), age });
            }
        }
        blamed
    }

    /// Which of the values that are arriving are to blame.
    fn blame_arriving(&self, passed: u64) -> Vec<NamedValue> {
        let mut arriving = self.0.arriving.lock();
        let Some(ArrivingReply { is_given_up, large, present, .. }) = &mut *arriving else {
            return Vec::new();
        };
        *is_given_up = true;
        let mut blamed = large.clone();
        if let Some(PresentValue { value, is_blamed, .. }) = present {
            if !large.contains(value) && value.bytes.saturating_mul(2) >= passed {
                blamed.push(value.clone());
            }
            *is_blamed |= blamed.contains(value);
        }
        blamed
    }

    /// Nothing moves: nothing is in the way but silence.
    pub(super) fn clear_way(&self) {
        self.0.in_the_way.store(0, Ordering::Release);
    }

    /// Whether something is on its way that was given up, or has to be answered before what was.
    pub(super) fn is_occupied(&self) -> bool {
        self.0.ended.load(Ordering::Acquire) < self.0.in_the_way.load(Ordering::Acquire)
    }

    /// Notes that a large value has begun to be written, where an operation may take so long.
    pub(super) fn note_sent(&self, sent: SentValue, limit: Duration) {
        let mut outgoing = self.0.outgoing.lock();
        if outgoing.len() < MOST_OUTGOING {
            let SentValue { question, name, bytes } = sent;
            let since = Instant::now();
            let (due, value) = (since + limit, NamedValue { name, bytes });
            outgoing.push(OutgoingValue { question, value, since, due, is_blamed: false });
        }
    }

    /// Takes out what is through since so many questions are answered: those that were told of as slow, and
    /// whether any is left.
    pub(super) fn take_through(&self, ended: u64) -> (Vec<OutgoingValue>, bool) {
        let mut outgoing = self.0.outgoing.lock();
        let through = outgoing.iter().take_while(|it| it.question <= ended).count();
        let through = outgoing.drain(..through).filter(|it| it.is_blamed).collect();
        (through, !outgoing.is_empty())
    }

    /// What is arriving, to be changed by the one who reads.
    pub(super) fn with_arriving<T>(
        &self,
        change: impl FnOnce(&mut Option<ArrivingReply>) -> T,
    ) -> T {
        change(&mut self.0.arriving.lock())
    }
}

impl Beginning {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        let count = bytes.len().min(BEGINNING - self.len);
        self.bytes[self.len..self.len + count].copy_from_slice(&bytes[..count]);
        self.len += count;
    }
}

impl fmt::Display for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Excerpt::of_bytes(self.as_bytes()), f)
    }
}

/// Shows nothing: what answers may repeat a password, which is looked for in messages only.
impl fmt::Debug for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beginning").finish_non_exhaustive()
    }
}
