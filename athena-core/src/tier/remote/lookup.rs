//! Reading entries from a backend and telling whether they still count.

use std::time::Duration;

use super::{Address, Remote};
use crate::backend::{Failure, Found, Generation, Lookup, Stored};
use crate::envelope::Envelope;
use crate::resilience::deadline::Deadline;
use crate::tag::{Tag, Tags};
use crate::telemetry::Event;

/// What was found for one address.
#[derive(Debug)]
pub(crate) enum Looked {
    /// An entry that nobody has invalidated, and its age.
    Entry(Envelope, Duration),
    /// Nothing that counts.
    Nothing,
}

impl Remote {
    /// Reads one entry; one round trip unless it carries tags that the caller does not know.
    pub(crate) async fn look(
        &self,
        address: &Address,
        tags: &Tags,
        deadline: Deadline,
    ) -> Result<Looked, Failure> {
        let asked = [(address, tags)];
        let looked = self.look_many(&asked, deadline).await?;
        Ok(looked.into_iter().next().unwrap_or(Looked::Nothing))
    }

    /// Reads entries together.
    pub(crate) async fn look_many(
        &self,
        asked: &[(&Address, &Tags)],
        deadline: Deadline,
    ) -> Result<Vec<Looked>, Failure> {
        self.replay(deadline).await?;
        let names: Vec<Vec<String>> =
            asked.iter().map(|(_, tags)| self.generation_names(tags).collect()).collect();
        let lookups: Vec<_> = asked
            .iter()
            .zip(&names)
            .map(|((address, _), generations)| Lookup { value: &address.value, generations })
            .collect();
        let found = self.ask("read", deadline, self.backend.read(&lookups)).await?;
        let mut looked = Vec::with_capacity(asked.len());
        for ((address, tags), found) in asked.iter().zip(found) {
            looked.push(self.judge(address, tags, found, deadline).await?);
        }
        Ok(looked)
    }

    async fn judge(
        &self,
        address: &Address,
        tags: &Tags,
        found: Found,
        deadline: Deadline,
    ) -> Result<Looked, Failure> {
        let Some(Stored { bytes, remaining }) = found.value else {
            return Ok(Looked::Nothing);
        };
        let envelope = match Envelope::read(&bytes, address.reader()) {
            Ok(envelope) => envelope,
            Err(reason) => {
                let (key, reason) = (address.entry.as_str(), &reason.to_string());
                self.telemetry.tell(&Event::Unreadable { key, reason });
                return Ok(Looked::Nothing);
            }
        };
        let mut current = found.generations.into_iter();
        if current.next().flatten() != Some(envelope.namespace) {
            return Ok(Looked::Nothing);
        }
        let known: Vec<_> = tags.iter().zip(current).collect();
        if !self.tags_hold(address, &envelope, &known, deadline).await? {
            return Ok(Looked::Nothing);
        }
        let total = envelope.ttl.saturating_add(envelope.grace);
        let age = total.saturating_sub(remaining);
        Ok(Looked::Entry(envelope, age))
    }

    /// Whether the generation of every tag of the entry is what it was before its load.
    async fn tags_hold(
        &self,
        address: &Address,
        envelope: &Envelope,
        known: &[(&Tag, Option<Generation>)],
        deadline: Deadline,
    ) -> Result<bool, Failure> {
        let mut unknown = Vec::new();
        for (tag, generation) in &envelope.tags {
            match known.iter().find(|(known, _)| *known == tag) {
                Some((_, current)) if *current != Some(*generation) => return Ok(false),
                Some(_) => {}
                None => unknown.push((self.namespace.tag(tag), *generation)),
            }
        }
        if unknown.is_empty() {
            return Ok(true);
        }
        let (names, expected): (Vec<_>, Vec<_>) = unknown.into_iter().unzip();
        let lease = address.entry.lease();
        let lookup = [Lookup { value: &lease, generations: &names }];
        let found = self.ask("read tags", deadline, self.backend.read(&lookup)).await?;
        let current = found.into_iter().next().unwrap_or_default().generations;
        Ok(current.into_iter().eq(expected.into_iter().map(Some)))
    }
}
