//! One entry whose names one node serves: the way of nearly every look.

use std::future::Future;
use std::sync::Arc;

use smallvec::SmallVec;

use super::fetch::Read;
use super::judge::LookRuling;
use super::{Attempt, GenerationNames, Question};
use crate::backend::{Failure, Generation, Node};
use crate::clock::Tick;
use crate::coherence::session::Incarnation;
use crate::envelope::Stamp;
use crate::key::name::GenerationName;
use crate::remote::announcements::Announcements;
use crate::remote::gather::Wish;
use crate::remote::gather::names::ReadShare;
use crate::remote::heavy::Travels;
use crate::remote::known::Sighting;
use crate::remote::pipeline::Operation;
use crate::remote::{Address, Remote};
use crate::resilience::deadline::Deadline;
use crate::tag::Tags;

/// What is asked of one node about one entry.
pub(super) struct SingleLook<'a> {
    question: Question<'a>,
    node: Node,
    incarnation: Incarnation,
    /// What is known of the generations, in their order; empty if nothing is.
    known: SmallVec<[Option<Read<Generation>>; 1]>,
    /// The generations to ask for, unless those are all.
    unknown: Option<Box<[GenerationName]>>,
}

impl SingleLook<'_> {
    /// The generations to ask for.
    fn names(&self) -> &[GenerationName] {
        self.unknown.as_deref().unwrap_or(&self.question.generations)
    }
}

impl Remote {
    /// An attempt at one entry, together with what others look for at the same time; `None` if it takes more
    /// than that, and nothing was found out yet.
    pub(super) fn attempt_single<'a>(
        &'a self,
        address: &'a Address,
        tags: &'a Tags,
        now: Tick,
        deadline: Deadline,
    ) -> impl Future<Output = Option<Result<Attempt, Failure>>> + use<'a> {
        let begun = self.begin_single(address, tags, now, deadline);
        async move {
            let look = match &begun {
                Some(Ok(look)) => look,
                Some(Err(failure)) => return Some(Err(failure.clone())),
                None => return None,
            };
            let Question { address, asked, deadline, .. } = look.question;
            let read = |now| self.read_together(look, now);
            let operation = Operation::read();
            let share = self.ask_from(asked, operation, &address.value, deadline, read).await;
            // Boxed: it is rare, and would stand in the future of every call.
            match self.judge_single(look, share)? {
                Ok(LookRuling::Made(attempt)) => Some(Ok(attempt)),
                Ok(open) => Some(Box::pin(self.settle_ruling(&look.question, open)).await),
                Err(failure) => Some(Err(failure)),
            }
        }
    }

    /// What is noted before the request, and what it asks for; `asked` is from before it, too.
    fn begin_single<'a>(
        &self,
        address: &'a Address,
        tags: &'a Tags,
        asked: Tick,
        deadline: Deadline,
    ) -> Option<Result<SingleLook<'a>, Failure>> {
        let Announcements { revisions, acknowledged, sessions, .. } = &*self.announcements;
        // Coherence 22: before it queues, and nothing that waits may be passed by.
        let since = revisions.now();
        if acknowledged.is_due() || self.journal.depth() > 0 || self.is_untold() {
            return None;
        }
        let value = &*address.value;
        let node = self.backend.node(value);
        let generations: GenerationNames = self.generation_names(&address.entry, tags).collect();
        if generations.iter().any(|name| self.backend.node(name) != node) {
            return None;
        }
        let travels = match self.turn(value) {
            Ok(travels) => travels,
            Err(failure) => return Some(Err(failure)),
        };
        let held = self.dependencies_on(&address.entry, &generations, since);
        let incarnation = sessions.incarnation(node);
        let mut known: SmallVec<[_; 1]> = SmallVec::new();
        for (place, name) in generations.iter().enumerate() {
            if let Some(told) = self.known(name, asked) {
                known.resize(generations.len(), None);
                known[place] = Some(Read::from_known(told));
            }
        }
        let unknown = (!known.is_empty()).then(|| {
            let unknown = generations.iter().zip(&known).filter(|(_, known)| known.is_none());
            unknown.map(|(name, _)| Arc::clone(name)).collect()
        });
        let heard = incarnation.heard;
        let question =
            Question { address, tags, generations, travels, since, asked, heard, deadline, held };
        Some(Ok(SingleLook { question, node, incarnation, known, unknown }))
    }

    /// Whether what was answered still counts; `None` if several nodes answered for one.
    fn judge_single(
        &self,
        look: &SingleLook<'_>,
        share: Result<ReadShare, Failure>,
    ) -> Option<Result<LookRuling, Failure>> {
        let SingleLook { question, node, incarnation, known, .. } = look;
        let value = &*question.address.value;
        let ReadShare { value: stored, generations, proof } = match share {
            Ok(share) => share,
            Err(failure) => {
                let own = self.hold(value).map(|hold| hold.failure());
                return Some(Err(own.unwrap_or(failure)));
            }
        };
        // Else each of them is asked by itself.
        let proof = proof?;
        let sessions = &self.announcements.sessions;
        let session = sessions.of(*node, *incarnation, &proof, question.asked);
        let (history, is_confirmed) = (proof.history, sessions.is_confirmed(&proof));
        self.note_size(value, stored.as_ref());
        let mut read = generations.into_iter();
        let mut current = SmallVec::with_capacity(question.generations.len());
        for (place, name) in question.generations.iter().enumerate() {
            if let Some(known) = known.get(place).cloned().flatten() {
                current.push(known);
                continue;
            }
            let it = read.next().flatten();
            let stamp = it.map(|generation| Stamp { generation, history });
            // How long it lasts was not asked: only a load needs to know.
            let sighting = Sighting { stamp, until: None, session: Arc::clone(&session) };
            // Where nothing is there a load follows mostly, which need not ask for it again.
            if stored.is_none() {
                self.know_for_load(name, sighting, question.since);
            } else {
                self.know(name, sighting, question.since);
            }
            current.push(Read { it, session: Arc::clone(&session), history, is_confirmed });
        }
        let value = Read { it: stored, session, history, is_confirmed };
        Some(Ok(self.judge(question, value, current)))
    }

    /// Whether values where this one is are large, as far as is known.
    pub(crate) fn carries_large_values(&self, address: &Address) -> bool {
        self.gatherers.carries_large_values(self.backend.node(&address.value))
    }

    /// Reads them with what others read meanwhile, unless that would be in each other's way.
    fn read_together<'a>(
        &'a self,
        look: &'a SingleLook<'_>,
        now: Tick,
    ) -> impl Future<Output = Result<ReadShare, Failure>> + use<'a> {
        let Question { address, travels, deadline, .. } = look.question;
        let timeout = self.settings.load().attempt_timeout;
        let is_whole = deadline.attempt(now, timeout) == Some(timeout);
        let is_shared = travels == Travels::Together && is_whole;
        let (value, generations) = (&address.value, look.names());
        let wish = Wish { value, generations, since: now, limit: timeout };
        async move {
            // Looked at each time: what was given up is not attempted again.
            if let Some(hold) = self.hold(wish.value) {
                return Err(hold.failure());
            }
            if is_shared {
                return self.gatherers.read(self.backend.node(wish.value), &wish).await;
            }
            wish.read(&*self.backend).await
        }
    }
}
