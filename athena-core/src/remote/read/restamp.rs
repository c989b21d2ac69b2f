//! Generations for values that come back from elsewhere.
//!
//! Invariant: none is overwritten; one that is missing is created as a load would have it created (coherence 7).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Failure;
use crate::envelope::{Envelope, Stamp};
use crate::remote::Remote;
use crate::remote::generations::{GenerationNeed, SPARE};

/// How a generation was found, and what holds now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundGeneration {
    /// `None` if it was missing.
    pub(crate) before: Option<Stamp>,
    /// `None` if it was missing, and was not to be created.
    pub(crate) now: Option<Stamp>,
}

/// The generations that values need, each for so long at least; those without an end for `None`.
pub(crate) type WantedGenerations = HashMap<Arc<str>, Option<Duration>>;

/// Whether generations are created that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Stays,
    IsCreated,
}

impl Remote {
    /// The names of the generations that an entry's value depends on, in the order of its stamps.
    pub(crate) fn generations_of(&self, envelope: &Envelope, entry: &str) -> Vec<Arc<str>> {
        let namespace = self.namespace.generation(self.backend.partition(entry));
        let tags = envelope.tags.iter().map(|(tag, _)| self.namespace.tag(tag));
        std::iter::once(namespace).chain(tags).collect()
    }

    /// Where nodes are, and their histories, as far as they are known.
    pub(crate) fn histories(&self) -> Vec<(String, u64)> {
        let nodes = self.backend.nodes().into_iter();
        let told = nodes
            .map(|node| (self.endpoint(node).into(), self.announcements.sessions.history(node)));
        told.collect()
    }

    /// The history of the node that a name is on; 0 if it is not known.
    pub(crate) fn history_at(&self, name: &str) -> u64 {
        self.announcements.sessions.history(self.backend.node(name))
    }

    /// What generations hold, and which were missing.
    pub(crate) async fn find_generations(
        &self,
        wanted: &WantedGenerations,
        missing: Missing,
    ) -> Result<HashMap<Arc<str>, FoundGeneration>, Failure> {
        let deadline = self.write_deadline();
        let since = self.announcements.revisions.now();
        let names = wanted.keys().map(AsRef::as_ref);
        let fetched = self.fetch(Vec::new(), names, since, deadline).await;
        let mut found = HashMap::with_capacity(wanted.len());
        let mut needs = Vec::new();
        for (name, life) in wanted {
            let read = fetched.generation(name)?;
            let before = read.it.map(|generation| Stamp { generation, history: read.history });
            let now = before;
            found.insert(Arc::clone(name), FoundGeneration { before, now });
            if missing == Missing::IsCreated {
                // Those that are there are let live on, as for a load.
                let life = life.map(|life| life.saturating_add(SPARE));
                needs.push(GenerationNeed { name: Arc::clone(name), life });
            }
        }
        let stamps = self.ensure(&needs, deadline).await?;
        for (need, stamp) in needs.iter().zip(stamps) {
            if let Some(generation) = found.get_mut(&need.name) {
                generation.now = Some(stamp);
            }
        }
        Ok(found)
    }
}
