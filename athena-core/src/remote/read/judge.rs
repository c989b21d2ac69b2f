//! Whether what was found of an entry still counts.
//!
//! Invariant: nothing counts of which a tag, the namespace or the history is another than before its load (coherence 7
//! and 8).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use smallvec::{SmallVec, smallvec};

use super::fetch::Read;
use super::{Attempt, Question, StoredEntry, untold};
use crate::backend::{Failure, Generation, Stored};
use crate::coherence::guards::{Guard, Guards};
use crate::coherence::revision::Dependencies;
use crate::coherence::session::Session;
use crate::coherence::trust::{Backing, Trust};
use crate::envelope::{Envelope, Stamp};
use crate::remote::journal::Target;
use crate::remote::{Address, Remote};
use crate::tag::{Tag, Tags};
use crate::telemetry::Event;

/// What was found of an entry that is valid as far as is known.
pub(super) struct OpenQuestion {
    envelope: Envelope,
    remaining: Duration,
    evidence: Evidence,
}

/// Whether what was found counts.
pub(super) enum LookRuling {
    Made(Attempt),
    /// It depends on tags that its caller did not name: where they are in the envelope.
    Open(Box<(OpenQuestion, Vec<usize>)>),
}

impl Remote {
    /// Whether what was found still counts, as far as that can be told without asking more.
    pub(super) fn judge(
        &self,
        question: &Question<'_>,
        mut value: Read<Stored>,
        current: SmallVec<[Read<Generation>; 2]>,
    ) -> LookRuling {
        let absent = LookRuling::Made(Attempt::Done(None));
        let Some(Stored { bytes, remaining }) = value.it.take() else {
            return absent;
        };
        if self.was_not_told(question, value.history, &current) {
            return LookRuling::Made(Attempt::Untold);
        }
        let Some(envelope) = self.open(question.address, bytes) else {
            return absent;
        };
        let mut evidence = Evidence::of(self.guards, &value, &envelope);
        let mut current = current.into_iter();
        if !current.next().is_some_and(|it| evidence.weigh(&envelope.namespace, &it)) {
            return absent;
        }
        let known: SmallVec<[_; 2]> = question.tags.iter().zip(current).collect();
        let Some(others) = self.named_tags_hold(&envelope, &known, &mut evidence) else {
            return absent;
        };
        let open = OpenQuestion { envelope, remaining, evidence };
        if others.is_empty() {
            return LookRuling::Made(self.judged(question, open));
        }
        LookRuling::Open(Box::new((open, others)))
    }

    /// The end of a ruling; one more round trip if it is open.
    pub(super) async fn settle_ruling(
        &self,
        question: &Question<'_>,
        ruling: LookRuling,
    ) -> Result<Attempt, Failure> {
        let (mut open, others) = match ruling {
            LookRuling::Made(attempt) => return Ok(attempt),
            LookRuling::Open(open) => *open,
        };
        let OpenQuestion { envelope, evidence, .. } = &mut open;
        let others: Vec<_> = others.iter().filter_map(|place| envelope.tags.get(*place)).collect();
        let hold = self.other_tags_hold(question, &others, evidence).await?;
        Ok(if hold { self.judged(question, open) } else { Attempt::Done(None) })
    }

    /// What is valid as an entry, unless its age is none.
    fn judged(&self, question: &Question<'_>, open: OpenQuestion) -> Attempt {
        let OpenQuestion { envelope, remaining, evidence } = open;
        let age = envelope.age(remaining);
        let stored = age.map(|age| self.stored_entry(question, envelope, age, evidence));
        Attempt::Done(stored.map(Box::new))
    }

    /// The envelope; nothing if the bytes are none, or one of another entry or type.
    fn open(&self, address: &Address, bytes: Vec<u8>) -> Option<Envelope> {
        match Envelope::read(bytes, address.reader()) {
            Ok(envelope) => Some(envelope),
            Err(reason) => {
                if reason.is_damage() {
                    self.damaged.fetch_add(1, Ordering::Relaxed);
                }
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
        let is_confirmed = is_confirmed && self.is_heard(question.heard, age);
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

    /// Where the tags are that the caller did not name; `None` unless the generation of every other one is what it
    /// was before the load.
    fn named_tags_hold(
        &self,
        envelope: &Envelope,
        known: &[(&Tag, Read<Generation>)],
        evidence: &mut Evidence,
    ) -> Option<Vec<usize>> {
        let mut others = Vec::new();
        for (number, (tag, stamp)) in envelope.tags.iter().enumerate() {
            // They are in the order of the caller's tags, which are sorted.
            match known.binary_search_by(|(known, _)| (*known).cmp(tag)) {
                Ok(place) if !evidence.weigh(stamp, &known[place].1) => return None,
                Ok(_) => {}
                Err(_) if self.guards.lacks(Guard::UnnamedTags) => {}
                Err(_) => others.push(number),
            }
        }
        Some(others)
    }

    /// Whether those of tags that the caller did not name are; one more round trip.
    async fn other_tags_hold(
        &self,
        question: &Question<'_>,
        others: &[&(Tag, Stamp)],
        evidence: &mut Evidence,
    ) -> Result<bool, Failure> {
        let mut tags = Tags::default();
        for (tag, _) in others {
            self.make_way_for(&Target::Tag(tag.clone()), question.deadline).await?;
            tags.add(tag.clone());
        }
        let names: Vec<_> = others.iter().map(|(tag, _)| self.namespace.tag(tag)).collect();
        let _held = self.dependencies(&question.address.entry, &tags, question.since);
        let generations = names.iter().map(AsRef::<str>::as_ref);
        let (none, deadline) = (Vec::new(), question.deadline);
        let fetched = self.fetch(none, generations, question.since, deadline).await;
        for ((tag, expected), name) in others.iter().zip(&names) {
            let (current, target) = (fetched.generation(name)?, Target::Tag(tag.clone()));
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
