//! Invalidations on their way to the backend.

use super::Remote;
use crate::backend::{Class, Failure, Generation, Lookup};
use crate::coherence::journal::{Journal, Target};
use crate::envelope::Envelope;
use crate::key::name::EntryName;
use crate::resilience::deadline::Deadline;
use crate::telemetry::Event;

impl Remote {
    /// Invalidates; what does not arrive, for whatever reason, is kept in the journal.
    pub(crate) async fn invalidate(&self, targets: Vec<Target>) -> Result<(), Failure> {
        let deadline = self.write_deadline();
        let unsent = Unsent { journal: &self.journal, targets };
        self.send(unsent.targets.iter(), deadline).await?;
        unsent.arrived();
        Ok(())
    }

    /// Keeps an invalidation for the next time that the backend is asked anything.
    pub(crate) fn keep(&self, target: Target) {
        self.journal.keep(target);
    }

    /// Sends what the journal holds; nothing may be read before.
    pub(super) async fn replay(&self, deadline: Deadline) -> Result<(), Failure> {
        if self.journal.depth() == 0 {
            return Ok(());
        }
        let limit = deadline.attempt(self.clock.now(), self.settings.deadline);
        let lock = self.clock.within(limit.unwrap_or_default(), self.replaying.lock());
        let Some(_one_for_all) = lock.await else {
            return Err(Failure::new(Class::TooLate, "waiting invalidations hold up the backend"));
        };
        let Some(batch) = self.journal.batch() else {
            return Ok(());
        };
        self.send(batch.targets(), deadline).await?;
        self.journal.acknowledge(&batch);
        self.telemetry.tell(&Event::Replayed { count: batch.len() });
        Ok(())
    }

    /// Ends the fresh time of an entry's values; each keeps the grace it was stored with.
    pub(crate) async fn expire(&self, entry: &EntryName) -> Result<(), Failure> {
        let deadline = self.write_deadline();
        self.replay(deadline).await?;
        let lanes: Vec<_> = entry.lanes().collect();
        let lookups: Vec<_> =
            lanes.iter().map(|value| Lookup { value, generations: &[] }).collect();
        let found = self.ask("read", deadline, self.backend.read(&lookups)).await?;
        let mut useless = Vec::new();
        for (lane, found) in lanes.into_iter().zip(found) {
            match found.value.map(|stored| Envelope::grace_of(&stored.bytes)) {
                Some(Some(grace)) if !grace.is_zero() => {
                    let names = [lane];
                    self.ask("expire", deadline, self.backend.shorten(&names, grace)).await?;
                }
                Some(_) => useless.push(lane),
                None => {}
            }
        }
        if useless.is_empty() {
            return Ok(());
        }
        self.ask("remove", deadline, self.backend.remove(&useless)).await
    }

    /// Changes generations. A store that takes no writes still removes, and absent means changed.
    async fn renew(
        &self,
        generations: &[(String, Generation)],
        deadline: Deadline,
    ) -> Result<(), Failure> {
        match self.ask("renew", deadline, self.backend.renew(generations)).await {
            Err(failure) if failure.class() == Class::WriteRefused => {
                let names: Vec<_> = generations.iter().map(|(name, _)| name.clone()).collect();
                self.ask("remove", deadline, self.backend.remove(&names)).await
            }
            result => result,
        }
    }

    async fn send(
        &self,
        targets: impl Iterator<Item = &Target>,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let mut names = Vec::new();
        let mut tags = Vec::new();
        let mut generations: Vec<(String, Generation)> = Vec::new();
        for target in targets {
            match target {
                Target::Entry(entry) => {
                    names.extend(entry.lanes());
                    names.push(entry.lease());
                }
                Target::Tag(tag) => tags.push((self.namespace.tag(tag), self.generation())),
                Target::Namespace => {
                    generations.push((self.namespace.generation(), self.generation()));
                }
            }
        }
        if !tags.is_empty() {
            // Before the tags themselves: a load that sees this one unchanged has seen the tags
            // unchanged.
            generations.push((self.namespace.any_tag(), self.generation()));
            generations.append(&mut tags);
        }
        if !generations.is_empty() {
            self.renew(&generations, deadline).await?;
        }
        if !names.is_empty() {
            self.ask("remove", deadline, self.backend.remove(&names)).await?;
        }
        Ok(())
    }
}

/// Targets that go into the journal unless they arrived, also when the caller is dropped.
struct Unsent<'a> {
    journal: &'a Journal,
    targets: Vec<Target>,
}

impl Unsent<'_> {
    fn arrived(mut self) {
        self.targets.clear();
    }
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        self.targets.drain(..).for_each(|target| self.journal.keep(target));
    }
}
