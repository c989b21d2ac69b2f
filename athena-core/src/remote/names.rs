//! The names that an entry depends on.

use std::sync::Arc;

use super::Remote;
use super::announcements::Hearing;
use super::generations::Told;
use crate::coherence::revision::{Mark, Moment};
use crate::coherence::trust::Line;
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
        let place = self.backend.place(entry.as_str());
        std::iter::once(self.namespace.generation(place))
            .chain(tags.iter().map(|tag| self.namespace.tag(tag)))
    }

    /// What an entry in the backend depends on: its values, the namespace, its tags.
    pub(crate) fn mark(&self, entry: &EntryName, tags: &Tags, since: Moment) -> Mark {
        self.mark_with(&[], entry, tags, since)
    }

    /// What an entry depends on that is being loaded: its lease as well.
    pub(crate) fn mark_of_load(&self, entry: &EntryName, tags: &Tags, since: Moment) -> Mark {
        self.mark_with(&[entry.lease()], entry, tags, since)
    }

    /// What a load depends on whose value may have tags that nobody knows yet: any tag may be one.
    pub(crate) fn mark_of_late_load(&self, entry: &EntryName, tags: &Tags, since: Moment) -> Mark {
        self.mark_with(&[entry.lease(), self.namespace.any_tag()], entry, tags, since)
    }

    /// A generation as it holds now, if that is known.
    pub(super) fn known(&self, name: &str) -> Option<Told> {
        let Hearing { cells, known, .. } = &*self.hearing;
        let (stamp, line) = known.get(cells.name(name), cells, self.clock.now())?;
        Some(Told { name: name.to_owned(), stamp, line })
    }

    /// Keeps a generation that was read after `since`.
    pub(super) fn know(&self, name: &str, stamp: Stamp, since: Moment, line: &Arc<Line>) {
        if !line.announces() || !self.is_first_tier_memory {
            return;
        }
        let Hearing { cells, known, .. } = &*self.hearing;
        let name = cells.name(name);
        known.note(name, stamp, cells.mark([name], since), Arc::clone(line));
    }

    pub(super) fn know_all(&self, told: &[Told], since: Moment) {
        for Told { name, stamp, line } in told {
            self.know(name, *stamp, since, line);
        }
    }

    fn mark_with(&self, more: &[String], entry: &EntryName, tags: &Tags, since: Moment) -> Mark {
        let cells = &self.hearing.cells;
        let own = std::iter::once(cells.name(entry.as_str()));
        let more = more.iter().map(|name| cells.name(name));
        let generations = self.generation_names(entry, tags).map(|name| cells.name(&name));
        cells.mark(own.chain(more).chain(generations), since)
    }
}
