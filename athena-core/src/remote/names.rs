//! The names that an entry depends on.

use std::sync::Arc;

use super::Remote;
use super::announcements::Announcements;
use super::generations::Told;
use crate::coherence::revision::{Dependencies, Revision};
use crate::coherence::session::Session;
use crate::envelope::Stamp;
use crate::key::name::EntryName;
use crate::tag::Tags;

impl Remote {
    /// The namespace's generation first, then the tags' in their order.
    pub(super) fn generation_names<'a>(
        &'a self,
        entry: &'a EntryName,
        tags: &'a Tags,
    ) -> impl Iterator<Item = String> + 'a {
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
    pub(super) fn known(&self, name: &str) -> Option<Told> {
        let Announcements { revisions, known, .. } = &*self.announcements;
        let (stamp, session) = known.get(revisions.name(name), revisions, self.clock.now())?;
        Some(Told { name: name.to_owned(), stamp, session })
    }

    /// Whether it is known that nobody has created a generation yet.
    pub(super) fn is_absent(&self, name: &str) -> bool {
        let Announcements { revisions, known, .. } = &*self.announcements;
        known.is_absent(revisions.name(name), revisions, self.clock.now())
    }

    /// Keeps a generation that was read after `since`, or that there was none.
    pub(super) fn know(
        &self,
        name: &str,
        stamp: Option<Stamp>,
        since: Revision,
        session: &Arc<Session>,
    ) {
        let Announcements { revisions, known, .. } = &*self.announcements;
        let name = revisions.name(name);
        let is_of_use = stamp.is_none() || self.is_first_tier_memory;
        if !session.announces() || !is_of_use {
            known.forget(name);
            return;
        }
        known.note(name, stamp, revisions.dependencies([name], since), Arc::clone(session));
    }

    /// Forgets what is known of generations and holds no more.
    pub(super) fn forget_outdated(&self) {
        let Announcements { revisions, known, .. } = &*self.announcements;
        known.forget_outdated(revisions, self.clock.now());
    }

    pub(super) fn know_all(&self, told: &[Told], since: Revision) {
        for Told { name, stamp, session } in told {
            self.know(name, Some(*stamp), since, session);
        }
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
