//! Reading entries from a backend and telling whether they still count.

mod fetch;
mod judge;
mod restamp;
mod single;

use std::future::Future;

use smallvec::SmallVec;

use self::fetch::Fetched;
pub(crate) use self::restamp::{FoundGeneration, Missing, WantedGenerations};
use super::heavy::Travels;
use super::{Address, Remote};
use crate::backend::{Class, Failure};
use crate::clock::Tick;
use crate::coherence::heard::HeardMark;
use crate::coherence::revision::{Dependencies, Revision};
use crate::coherence::trust::Trust;
use crate::envelope::Envelope;
use crate::key::name::GenerationName;
use crate::resilience::deadline::{Deadline, Manner};
use crate::tag::Tags;
use crate::telemetry::Event;

/// An entry that was seen in the backend, and that nobody has invalidated.
#[derive(Debug)]
pub(crate) struct StoredEntry {
    pub(crate) envelope: Envelope,
    /// When it was loaded, counted from the question: its answer may have been under way for long.
    pub(crate) loaded: Tick,
    /// What it depends on, since before it was read.
    pub(crate) dependencies: Dependencies,
    /// What announces that it changes.
    pub(crate) trust: Trust,
    /// Whether the nodes were known to be the ones that serve.
    pub(crate) is_confirmed: bool,
}

/// What an entry came to; `None` if there is nothing that counts.
type Sought = Result<Option<Box<StoredEntry>>, Failure>;

/// What one attempt at an entry came to.
enum Attempt {
    Done(Option<Box<StoredEntry>>),
    /// A node that was asked has not been told of an invalidation (coherence 9b): ask again.
    Untold,
}

/// Names of generations: that of the namespace, and those of mostly few tags.
type GenerationNames = SmallVec<[GenerationName; 3]>;

/// An entry to look for with the tags that its caller knows.
#[derive(Debug)]
struct Question<'a> {
    address: &'a Address,
    tags: &'a Tags,
    /// The names of the namespace's generation, and of the tags' in their order.
    generations: GenerationNames,
    travels: Travels,
    since: Revision,
    /// When it began.
    asked: Tick,
    /// What had been heard of the store by then (regions 13).
    heard: HeardMark,
    deadline: Deadline,
    /// What it depends on, as far as that is known before its answer; from before the request (coherence 2).
    held: Dependencies,
}

impl Remote {
    /// Reads one entry from now on; one round trip unless it carries tags that the caller does not know.
    pub(crate) fn look(
        &self,
        address: &Address,
        tags: &Tags,
        (now, manner): (Tick, Manner),
    ) -> impl Future<Output = Sought> {
        async move {
            let deadline = self.deadline_from(now, manner);
            let attempt = self.attempt_single(address, tags, now, deadline).await;
            let unless_unreadable = |failure| self.absent_if_unreadable(address, failure);
            match attempt.map(|attempt| attempt.or_else(unless_unreadable)) {
                Some(Ok(Attempt::Done(entry))) => Ok(entry),
                Some(Err(failure)) => Err(failure),
                // Boxed: it is rare, and would stand in the future of every call.
                Some(Ok(Attempt::Untold)) | None => {
                    let deadline = self.deadline_from(now, manner);
                    Box::pin(self.look_again(address, tags, deadline)).await
                }
            }
        }
    }

    /// Reads one entry as one of several that several nodes may serve.
    async fn look_again(&self, address: &Address, tags: &Tags, deadline: Deadline) -> Sought {
        let mut looked = self.look_many(&[(address, tags)], deadline).await;
        looked.pop().unwrap_or(Ok(None))
    }

    /// Reads entries together; one answer each, since nodes fail apart from each other.
    pub(crate) async fn look_many(
        &self,
        asked: &[(&Address, &Tags)],
        deadline: Deadline,
    ) -> Vec<Sought> {
        let mut attempts = self.attempt_many(asked, deadline).await;
        let is_untold = |attempt: &Result<_, _>| matches!(attempt, Ok(Attempt::Untold));
        let open = attempts.iter_mut().zip(asked).filter(|(attempt, _)| is_untold(attempt));
        let (open, again): (Vec<_>, Vec<_>) = open.unzip();
        if !again.is_empty() {
            let again = self.attempt_many(&again, deadline).await;
            open.into_iter().zip(again).for_each(|(former, attempt)| *former = attempt);
        }
        let outcome = |attempt| match attempt {
            Ok(Attempt::Done(entry)) => Ok(entry),
            Ok(Attempt::Untold) => Err(untold()),
            Err(failure) => Err(failure),
        };
        attempts.into_iter().map(outcome).collect()
    }

    async fn attempt_many(
        &self,
        asked: &[(&Address, &Tags)],
        deadline: Deadline,
    ) -> Vec<Result<Attempt, Failure>> {
        let since = self.announcements.revisions.now();
        let mut questions = Vec::with_capacity(asked.len());
        for (address, tags) in asked {
            questions.push(self.question(address, tags, since, deadline).await);
        }
        let open = || questions.iter().flatten();
        let values = open().map(|it| (&*it.address.value, it.travels));
        let generations = open().flat_map(|it| it.generations.iter().map(AsRef::<str>::as_ref));
        let mut fetched = self.fetch(values.collect(), generations, since, deadline).await;
        let mut attempts = Vec::with_capacity(questions.len());
        for ((address, _), question) in asked.iter().zip(&questions) {
            let attempt = match question {
                Ok(question) => self.answer(question, &mut fetched).await,
                Err(failure) => Err(failure.clone()),
            };
            attempts.push(attempt.or_else(|failure| self.absent_if_unreadable(address, failure)));
        }
        attempts
    }

    /// A value that is more than a node lets us have can never be read: it is none of ours, and is overwritten.
    fn absent_if_unreadable(
        &self,
        address: &Address,
        failure: Failure,
    ) -> Result<Attempt, Failure> {
        let name = &*address.value;
        let hold = self.hold(name).filter(|_| failure.class() == Class::HeldOff);
        let Some(hold) = hold.filter(|hold| self.is_unreadable(name, *hold)) else {
            return Err(failure);
        };
        let key = &self.telemetry.topic(&address.key, address.site);
        let reason = &format!("it has at least {} bytes, more than is let in", hold.size());
        self.telemetry.tell(&Event::Unreadable { key, reason });
        Ok(Attempt::Done(None))
    }

    /// A question, once the nodes that it goes to know of every invalidation that waits for them.
    async fn question<'a>(
        &self,
        address: &'a Address,
        tags: &'a Tags,
        since: Revision,
        deadline: Deadline,
    ) -> Result<Question<'a>, Failure> {
        self.make_way(&address.entry, tags, deadline).await?;
        let travels = self.turn(&address.value)?;
        let generations: GenerationNames = self.generation_names(&address.entry, tags).collect();
        let held = self.dependencies_on(&address.entry, &generations, since);
        let heard = self.announcements.sessions.heard_now();
        let asked = self.clock.now();
        Ok(Question { address, tags, generations, travels, since, asked, heard, deadline, held })
    }

    async fn answer(
        &self,
        question: &Question<'_>,
        fetched: &mut Fetched<'_>,
    ) -> Result<Attempt, Failure> {
        let value = fetched.value(&question.address.value)?;
        let current = question.generations.iter().map(|name| fetched.generation(name));
        let ruling = self.judge(question, value, current.collect::<Result<_, _>>()?);
        self.settle_ruling(question, ruling).await
    }
}

/// A node that has begun to serve was asked before it was told of an invalidation.
fn untold() -> Failure {
    Failure::new(Class::Moved, "the node has not been told of an invalidation yet")
}
