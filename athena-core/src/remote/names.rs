//! The names that an entry depends on.

use super::Remote;
use super::announcements::Announcements;
use super::generations::{GenerationNeed, Told};
use super::known::Sighting;
use crate::clock::Tick;
use crate::coherence::revision::{Dependencies, Revision};
use crate::key::name::{EntryName, GenerationName};
use crate::tag::Tags;

impl Remote {
    /// The namespace's generation first, then the tags' in their order.
    pub(super) fn generation_names<'a>(
        &'a self,
        entry: &'a EntryName,
        tags: &'a Tags,
    ) -> impl Iterator<Item = GenerationName> + 'a {
        let partition = self.backend.partition(entry.as_str());
        std::iter::once(self.namespace.generation(partition))
            .chain(tags.iter().map(|tag| self.namespace.tag(tag)))
    }

    /// What an entry in the backend depends on: its values, the namespace, its tags.
    pub(crate) fn dependencies(
        &self,
        entry: &EntryName,
        tags: &Tags,
        since: Revision,
    ) -> Dependencies {
        self.dependencies_with(&[], entry, tags, since)
    }

    /// The same for an entry whose generations have these names.
    pub(super) fn dependencies_on(
        &self,
        entry: &EntryName,
        generations: &[GenerationName],
        since: Revision,
    ) -> Dependencies {
        let revisions = &self.announcements.revisions;
        let own = std::iter::once(revisions.name(entry.as_str()));
        let generations = generations.iter().map(|name| revisions.name(name));
        revisions.dependencies(own.chain(generations), since)
    }

    /// What an entry depends on that is being loaded: its lease as well.
    pub(crate) fn dependencies_of_load(
        &self,
        entry: &EntryName,
        tags: &Tags,
        since: Revision,
    ) -> Dependencies {
        self.dependencies_with(&[entry.lease()], entry, tags, since)
    }

    /// What a load depends on whose value may have tags that nobody knows yet: any tag may be one.
    pub(crate) fn dependencies_of_late_load(
        &self,
        entry: &EntryName,
        tags: &Tags,
        since: Revision,
    ) -> Dependencies {
        self.dependencies_with(&[entry.lease(), self.namespace.any_tag()], entry, tags, since)
    }

    /// A generation as it holds now, if that is known.
    pub(super) fn known(&self, name: &str, now: Tick) -> Option<Told> {
        let Sighting { stamp, session, .. } = self.seen_at(name, now)?;
        Some(Told { name: name.into(), stamp: stamp?, session })
    }

    /// The same, if it is known to last for as long as a load needs it.
    pub(super) fn known_to_last(&self, need: &GenerationNeed) -> Option<Told> {
        let seen = self.seen(&need.name)?;
        let lasts = need.life.is_none() || seen.until >= Some(self.until(need));
        let Sighting { stamp, session, .. } = seen;
        lasts.then_some(Told { name: need.name.clone(), stamp: stamp?, session })
    }

    /// Whether a generation is known to be absent, or to end before a load needs it no more.
    pub(super) fn is_lacking(&self, need: &GenerationNeed) -> bool {
        let ends = |until| need.life.is_some() && until < self.until(need);
        let lacks = |seen: Sighting| seen.stamp.is_none() || seen.until.is_some_and(ends);
        self.seen(&need.name).is_some_and(lacks)
    }

    /// Whether a generation is known to be absent.
    pub(super) fn is_absent(&self, need: &GenerationNeed) -> bool {
        self.seen(&need.name).is_some_and(|seen| seen.stamp.is_none())
    }

    fn seen(&self, name: &str) -> Option<Sighting> {
        self.seen_at(name, self.clock.now())
    }

    fn seen_at(&self, name: &str, now: Tick) -> Option<Sighting> {
        let Announcements { revisions, known, .. } = &*self.announcements;
        known.get(revisions.name(name), revisions, now)
    }

    /// How long a generation has to be there.
    fn until(&self, need: &GenerationNeed) -> Tick {
        need.life.map_or(Tick::FAR, |life| self.clock.now().after(life))
    }

    /// Keeps what was read of a generation after `since`.
    pub(super) fn know(&self, name: &str, it: Sighting, since: Revision) {
        let Announcements { revisions, known, .. } = &*self.announcements;
        let name = revisions.name(name);
        revisions.saw(name, it.stamp.map(|stamp| stamp.generation), since);
        let is_of_use = it.stamp.is_none() || self.is_first_tier_memory;
        if !it.session.announces() || !is_of_use {
            known.forget(name);
            return;
        }
        known.note(name, it, revisions.dependencies([name], since));
    }

    /// Forgets what is known of generations and holds no more.
    pub(super) fn forget_outdated(&self) {
        let Announcements { revisions, known, .. } = &*self.announcements;
        known.forget_outdated(revisions, self.clock.now());
    }

    fn dependencies_with(
        &self,
        more: &[String],
        entry: &EntryName,
        tags: &Tags,
        since: Revision,
    ) -> Dependencies {
        let revisions = &self.announcements.revisions;
        let own = std::iter::once(revisions.name(entry.as_str()));
        let more = more.iter().map(|name| revisions.name(name));
        let generations = self.generation_names(entry, tags).map(|name| revisions.name(&name));
        revisions.dependencies(own.chain(more).chain(generations), since)
    }
}
