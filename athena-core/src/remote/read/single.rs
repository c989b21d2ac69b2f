//! One entry whose names one node serves: the way of nearly every look.

use std::sync::Arc;

use smallvec::SmallVec;

use super::fetch::Read;
use super::{Attempt, GenerationNames, Question};
use crate::backend::Failure;
use crate::clock::Tick;
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

impl Remote {
    /// An attempt at one entry, together with what others look for at the same time; `None` if it takes more
    /// than that, and nothing was found out yet.
    pub(super) async fn attempt_single(
        &self,
        address: &Address,
        tags: &Tags,
        deadline: Deadline,
    ) -> Option<Result<Attempt, Failure>> {
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
        let heard_until = self.heard_until();
        let (incarnation, asked) = self.before_asking(node);
        let question = Question {
            address,
            tags,
            generations,
            travels,
            since,
            asked,
            heard_until,
            deadline,
            held,
        };
        let known = |name: &GenerationName| self.known(name, asked).map(Read::from_known);
        let known: SmallVec<[_; 3]> = question.generations.iter().map(known).collect();
        let unknown = || question.generations.iter().zip(&known).filter(|(_, it)| it.is_none());
        let names: GenerationNames = unknown().map(|(name, _)| Arc::clone(name)).collect();
        let read = |now| self.read_together(&address.value, &names, travels, (now, deadline));
        let ReadShare { value: stored, generations, proof } =
            match self.ask_from(asked, Operation::read(), value, deadline, read).await {
                Ok(found) => found,
                Err(failure) => {
                    let own = self.hold(value).map(|hold| hold.failure());
                    return Some(Err(own.unwrap_or(failure)));
                }
            };
        // Else several nodes answered for one: each is asked by itself.
        let proof = proof?;
        let session = sessions.of(node, incarnation, &proof, asked);
        let (history, is_confirmed) = (proof.history, sessions.is_confirmed(&proof));
        self.note_size(value, stored.as_ref());
        let mut read = generations.into_iter();
        let mut current = SmallVec::with_capacity(known.len());
        for (name, known) in question.generations.iter().zip(known) {
            current.push(known.unwrap_or_else(|| {
                let it = read.next().flatten();
                let stamp = it.map(|generation| Stamp { generation, history });
                // How long it lasts was not asked: only a load needs to know.
                let sighting = Sighting { stamp, until: None, session: Arc::clone(&session) };
                self.know(name, sighting, since);
                Read { it, session: Arc::clone(&session), history, is_confirmed }
            }));
        }
        let value = Read { it: stored, session, history, is_confirmed };
        Some(self.judge(&question, value, current).await)
    }

    /// Whether values where this one is are large, as far as is known.
    pub(crate) fn carries_large_values(&self, address: &Address) -> bool {
        self.gatherers.carries_large_values(self.backend.node(&address.value))
    }

    /// Reads them with what others read meanwhile, unless that would be in each other's way.
    async fn read_together(
        &self,
        value: &Arc<str>,
        generations: &[GenerationName],
        travels: Travels,
        (now, deadline): (Tick, Deadline),
    ) -> Result<ReadShare, Failure> {
        // Looked at each time: what was given up is not attempted again.
        if let Some(hold) = self.hold(value) {
            return Err(hold.failure());
        }
        let timeout = self.settings.load().attempt_timeout;
        let limit = deadline.attempt(now, timeout);
        let wish = Wish { value, generations, since: now, limit: timeout };
        if travels == Travels::Together && limit == Some(timeout) {
            return self.gatherers.read(self.backend.node(value), wish).await;
        }
        wish.read(&*self.backend).await
    }
}
