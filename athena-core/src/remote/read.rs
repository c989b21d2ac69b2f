//! Reading entries from a backend and telling whether they still count.

mod fetch;
mod single;

use std::sync::Arc;
use std::time::Duration;

use smallvec::{SmallVec, smallvec};

use self::fetch::{Fetched, Read};
use super::heavy::Travels;
use super::journal::Target;
use super::{Address, Remote};
use crate::backend::{Class, Failure, Generation, Stored};
use crate::clock::Tick;
use crate::coherence::guards::{Guard, Guards};
use crate::coherence::revision::{Dependencies, Revision};
use crate::coherence::session::Session;
use crate::coherence::trust::{Backing, Trust};
use crate::envelope::{Envelope, Stamp};
use crate::key::name::GenerationName;
use crate::resilience::deadline::Deadline;
use crate::tag::{Tag, Tags};
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
    /// Until when the store counts as heard, as of then (regions 13).
    heard_until: Tick,
    deadline: Deadline,
    /// What it depends on, as far as that is known before its answer; from before the request (coherence 2).
    held: Dependencies,
}

impl Remote {
    /// Reads one entry; one round trip unless it carries tags that the caller does not know.
    pub(crate) async fn look(&self, address: &Address, tags: &Tags, deadline: Deadline) -> Sought {
        let attempt = self.attempt_single(address, tags, deadline).await;
        let unless_unreadable = |failure| self.absent_if_unreadable(address, failure);
        match attempt.map(|attempt| attempt.or_else(unless_unreadable)) {
            Some(Ok(Attempt::Done(entry))) => Ok(entry),
            Some(Err(failure)) => Err(failure),
            // Boxed: it is rare, and would stand in the future of every call.
            Some(Ok(Attempt::Untold)) | None => {
                let asked = [(address, tags)];
                let mut looked = Box::pin(self.look_many(&asked, deadline)).await;
                looked.pop().unwrap_or(Ok(None))
            }
        }
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
        let (asked, heard_until) = (self.clock.now(), self.heard_until());
        Ok(Question {
            address,
            tags,
            generations,
            travels,
            since,
            asked,
            heard_until,
            deadline,
            held,
        })
    }

    async fn answer(
        &self,
        question: &Question<'_>,
        fetched: &mut Fetched<'_>,
    ) -> Result<Attempt, Failure> {
        let value = fetched.value(&question.address.value)?;
        let current = question.generations.iter().map(|name| fetched.generation(name));
        self.judge(question, value, current.collect::<Result<_, _>>()?).await
    }

    /// Whether what was found still counts.
    async fn judge(
        &self,
        question: &Question<'_>,
        mut value: Read<Stored>,
        current: SmallVec<[Read<Generation>; 2]>,
    ) -> Result<Attempt, Failure> {
        let Some(Stored { bytes, remaining }) = value.it.take() else {
            return Ok(Attempt::Done(None));
        };
        if self.was_not_told(question, value.history, &current) {
            return Ok(Attempt::Untold);
        }
        let Some(envelope) = self.open(question.address, bytes) else {
            return Ok(Attempt::Done(None));
        };
        let mut evidence = Evidence::of(self.guards, &value, &envelope);
        let mut current = current.into_iter();
        let namespace = current.next().is_some_and(|it| evidence.weigh(&envelope.namespace, &it));
        let known: Vec<_> = question.tags.iter().zip(current).collect();
        let holds = namespace && self.tags_hold(question, &envelope, &known, &mut evidence).await?;
        let Some(age) = envelope.age(remaining).filter(|_| holds) else {
            return Ok(Attempt::Done(None));
        };
        let stored = self.stored_entry(question, envelope, age, evidence);
        Ok(Attempt::Done(Some(Box::new(stored))))
    }

    /// The envelope; nothing if the bytes are none, or one of another entry or type.
    fn open(&self, address: &Address, bytes: Vec<u8>) -> Option<Envelope> {
        match Envelope::read(bytes, address.reader()) {
            Ok(envelope) => Some(envelope),
            Err(reason) => {
                let key = &self.telemetry.topic(&address.key, address.site);
                let reason = &reason.to_string();
                self.telemetry.tell(&Event::Unreadable { key, reason });
                None
            }
        }
    }

    fn stored_entry(
        &self,
        question: &Question<'_>,
        envelope: Envelope,
        age: Duration,
        evidence: Evidence,
    ) -> StoredEntry {
        let dependencies = self.dependencies_of_stored(question, &envelope);
        // Coherence 8: it may have been invalidated where this history has not heard of it.
        let is_trusted = evidence.is_of_this_history || self.guards.lacks(Guard::History);
        let age = if is_trusted { age } else { age.max(envelope.ttl) };
        let age = if self.guards.lacks(Guard::Age) { Duration::ZERO } else { age };
        let Evidence { sessions, is_confirmed, .. } = evidence;
        let is_confirmed = is_confirmed && self.is_heard(question.heard_until, age);
        let trust = Trust::over(Backing::of(sessions));
        // Coherence 25.
        let loaded = question.asked.before(age);
        StoredEntry { envelope, loaded, dependencies, trust, is_confirmed }
    }

    /// What an entry depends on, the tags included that its caller has not named.
    fn dependencies_of_stored(&self, question: &Question<'_>, envelope: &Envelope) -> Dependencies {
        let mut others = envelope.tags.iter().filter(|(tag, _)| !question.tags.contains(tag));
        let Some((other, _)) = others.next() else {
            return question.held.clone();
        };
        let mut tags = question.tags.clone();
        tags.add(other.clone());
        others.for_each(|(tag, _)| tags.add(tag.clone()));
        self.dependencies(&question.address.entry, &tags, question.since)
    }

    /// Whether one of those that answered has not been told of an invalidation that its predecessor
    /// acknowledged (coherence 9b). It is told next.
    ///
    /// Who begins to serve is announced before anything is read from it; but whoever asks may have looked
    /// just before that, and a node may change its past without a new connection.
    fn was_not_told(
        &self,
        question: &Question<'_>,
        history: u64,
        current: &[Read<Generation>],
    ) -> bool {
        let acknowledged = &self.announcements.acknowledged;
        if !acknowledged.is_any() || self.guards.lacks(Guard::Journal) {
            return false;
        }
        let entry = &question.address.entry;
        let partition = self.backend.partition(entry.as_str()).map(Box::from);
        let tags = question.tags.iter().cloned().map(Target::Tag);
        let generations = std::iter::once(Target::Namespace(partition)).chain(tags);
        let all = std::iter::once((Target::Entry(entry.clone()), history))
            .chain(generations.zip(current.iter().map(|it| it.history)));
        let mut was_not_told = false;
        for (target, history) in all {
            if acknowledged.contradicts(&target, history) {
                self.keep(target);
                was_not_told = true;
            }
        }
        was_not_told
    }

    /// Whether the generation of every tag of the entry is what it was before its load.
    async fn tags_hold(
        &self,
        question: &Question<'_>,
        envelope: &Envelope,
        known: &[(&Tag, Read<Generation>)],
        evidence: &mut Evidence,
    ) -> Result<bool, Failure> {
        let mut others = Vec::new();
        for (tag, stamp) in &envelope.tags {
            // They are in the order of the caller's tags, which are sorted.
            match known.binary_search_by(|(known, _)| (*known).cmp(tag)) {
                Ok(place) if !evidence.weigh(stamp, &known[place].1) => return Ok(false),
                Ok(_) => {}
                Err(_) if self.guards.lacks(Guard::UnnamedTags) => {}
                Err(_) => others.push((tag, stamp)),
            }
        }
        if others.is_empty() {
            return Ok(true);
        }
        Box::pin(self.other_tags_hold(question, &others, evidence)).await
    }

    /// The same for tags that the caller did not name; one more round trip.
    async fn other_tags_hold(
        &self,
        question: &Question<'_>,
        others: &[(&Tag, &Stamp)],
        evidence: &mut Evidence,
    ) -> Result<bool, Failure> {
        let mut tags = Tags::default();
        for (tag, _) in others {
            self.make_way_for(&Target::Tag((*tag).clone()), question.deadline).await?;
            tags.add((*tag).clone());
        }
        let names: Vec<_> = others.iter().map(|(tag, _)| self.namespace.tag(tag)).collect();
        let _held = self.dependencies(&question.address.entry, &tags, question.since);
        let generations = names.iter().map(AsRef::<str>::as_ref);
        let (none, deadline) = (Vec::new(), question.deadline);
        let fetched = self.fetch(none, generations, question.since, deadline).await;
        for ((tag, expected), name) in others.iter().zip(&names) {
            let (current, target) = (fetched.generation(name)?, Target::Tag((*tag).clone()));
            if self.announcements.acknowledged.contradicts(&target, current.history) {
                self.keep(target);
                return Err(untold());
            }
            if !evidence.weigh(expected, &current) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A node that has begun to serve was asked before it was told of an invalidation.
fn untold() -> Failure {
    Failure::new(Class::Moved, "the node has not been told of an invalidation yet")
}

/// What the answers about one entry come to.
struct Evidence {
    guards: Guards,
    sessions: SmallVec<[Arc<Session>; 3]>,
    is_of_this_history: bool,
    is_confirmed: bool,
}

impl Evidence {
    fn of(guards: Guards, value: &Read<Stored>, envelope: &Envelope) -> Self {
        Self {
            guards,
            sessions: smallvec![Arc::clone(&value.session)],
            is_of_this_history: envelope.history == value.history,
            is_confirmed: value.is_confirmed,
        }
    }

    /// Takes in what is known of a generation; tells whether it is what it was.
    fn weigh(&mut self, before: &Stamp, now: &Read<Generation>) -> bool {
        self.sessions.push(Arc::clone(&now.session));
        self.is_confirmed &= now.is_confirmed;
        self.is_of_this_history &= before.history == now.history;
        now.it == Some(before.generation) || self.guards.lacks(Guard::Generations)
    }
}
