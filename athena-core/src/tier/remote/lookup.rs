//! Reading entries from a backend and telling whether they still count.

use std::collections::HashMap;
use std::time::Duration;

use super::gates::by_node;
use super::pipeline::Operation;
use super::{Address, Remote, join_all};
use crate::backend::{Failure, Found, Generation, Stored};
use crate::coherence::journal::Target;
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

/// What a read of names on several nodes came to, in the order of the names.
struct Fetched {
    values: Vec<Result<Option<Stored>, Failure>>,
    generations: Vec<Result<Option<Generation>, Failure>>,
}

/// A name to read, and its place in the order of what was asked.
#[derive(Debug, Clone, Copy)]
enum Name<'a> {
    Value(usize, &'a str),
    Generation(usize, &'a str),
}

impl<'a> Name<'a> {
    fn text(&self) -> &'a str {
        match self {
            Self::Value(_, name) | Self::Generation(_, name) => name,
        }
    }
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
        let looked = self.look_many(&asked, deadline).await;
        looked.into_iter().next().unwrap_or(Ok(Looked::Nothing))
    }

    /// Reads entries together; one answer each, since nodes fail apart from each other.
    pub(crate) async fn look_many(
        &self,
        asked: &[(&Address, &Tags)],
        deadline: Deadline,
    ) -> Vec<Result<Looked, Failure>> {
        let mut ways = Vec::with_capacity(asked.len());
        let mut open = Vec::with_capacity(asked.len());
        for (address, tags) in asked {
            let way = self.make_way(&address.entry, tags, deadline).await;
            if way.is_ok() {
                open.push((*address, *tags));
            }
            ways.push(way);
        }
        let mut looked = self.look_now(&open, deadline).await.into_iter();
        let result =
            |way: Result<(), _>| way.and_then(|()| looked.next().unwrap_or(Ok(Looked::Nothing)));
        ways.into_iter().map(result).collect()
    }

    async fn look_now(
        &self,
        asked: &[(&Address, &Tags)],
        deadline: Deadline,
    ) -> Vec<Result<Looked, Failure>> {
        let mut names = Names::default();
        let places: Vec<Vec<usize>> = asked
            .iter()
            .map(|(address, tags)| {
                let generations = self.generation_names(address, tags);
                generations.map(|name| names.place_of(name)).collect()
            })
            .collect();
        let values: Vec<&str> = asked.iter().map(|(address, _)| address.value.as_str()).collect();
        let fetched = self.fetch(&values, &names.names, deadline).await;
        let mut looked = Vec::with_capacity(asked.len());
        for (((address, tags), places), value) in asked.iter().zip(&places).zip(fetched.values) {
            let current: Result<Vec<_>, _> =
                places.iter().map(|place| fetched.generations[*place].clone()).collect();
            looked.push(match (value, current) {
                (Ok(Some(stored)), Ok(current)) => {
                    self.judge(address, tags, stored, current, deadline).await
                }
                (Ok(None), _) => Ok(Looked::Nothing),
                (Err(failure), _) | (_, Err(failure)) => Err(failure),
            });
        }
        looked
    }

    /// Reads names from the nodes that serve them, side by side.
    async fn fetch(&self, values: &[&str], generations: &[String], deadline: Deadline) -> Fetched {
        let of_values = values.iter().enumerate().map(|(place, name)| Name::Value(place, name));
        let of_generations =
            generations.iter().enumerate().map(|(place, name)| Name::Generation(place, name));
        let groups = by_node(&*self.backend, of_values.chain(of_generations), |name| name.text());
        let read = async |(_, group): (_, Vec<_>)| {
            let found = self.fetch_from(&group, deadline).await;
            (group, found)
        };
        let mut fetched = Fetched {
            values: values.iter().map(|_| Ok(None)).collect(),
            generations: generations.iter().map(|_| Ok(None)).collect(),
        };
        for (group, found) in join_all(groups.into_iter().map(read)).await {
            fetched.sort_in(&group, found);
        }
        fetched
    }

    /// Reads names that one node serves.
    async fn fetch_from(&self, group: &[Name<'_>], deadline: Deadline) -> Result<Found, Failure> {
        let (mut values, mut generations) = (Vec::new(), Vec::new());
        for name in group {
            match name {
                Name::Value(_, name) => values.push(*name),
                Name::Generation(_, name) => generations.push(*name),
            }
        }
        let Some(first) = group.first() else {
            return Ok(Found::default());
        };
        let read = || self.backend.read(&values, &generations);
        self.ask(Operation::read(), first.text(), deadline, read).await
    }

    async fn judge(
        &self,
        address: &Address,
        tags: &Tags,
        Stored { bytes, remaining }: Stored,
        current: Vec<Option<Generation>>,
        deadline: Deadline,
    ) -> Result<Looked, Failure> {
        let envelope = match Envelope::read(&bytes, address.reader()) {
            Ok(envelope) => envelope,
            Err(reason) => {
                let (key, reason) = (address.entry.as_str(), &reason.to_string());
                self.telemetry.tell(&Event::Unreadable { key, reason });
                return Ok(Looked::Nothing);
            }
        };
        let mut current = current.into_iter();
        if current.next().flatten() != Some(envelope.namespace) {
            return Ok(Looked::Nothing);
        }
        let known: Vec<_> = tags.iter().zip(current).collect();
        if !self.tags_hold(&envelope, &known, deadline).await? {
            return Ok(Looked::Nothing);
        }
        let total = envelope.ttl.saturating_add(envelope.grace);
        let age = total.saturating_sub(remaining);
        Ok(Looked::Entry(envelope, age))
    }

    /// Whether the generation of every tag of the entry is what it was before its load.
    async fn tags_hold(
        &self,
        envelope: &Envelope,
        known: &[(&Tag, Option<Generation>)],
        deadline: Deadline,
    ) -> Result<bool, Failure> {
        let mut unknown = Vec::new();
        for (tag, generation) in &envelope.tags {
            match known.iter().find(|(known, _)| *known == tag) {
                Some((_, current)) if *current != Some(*generation) => return Ok(false),
                Some(_) => {}
                None => {
                    self.make_way_for(&Target::Tag(tag.clone()), deadline).await?;
                    unknown.push((self.namespace.tag(tag), *generation));
                }
            }
        }
        if unknown.is_empty() {
            return Ok(true);
        }
        let (names, expected): (Vec<_>, Vec<_>) = unknown.into_iter().unzip();
        let fetched = self.fetch(&[], &names, deadline).await;
        for (current, expected) in fetched.generations.into_iter().zip(expected) {
            if current? != Some(expected) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Names of generations, each once.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    places: HashMap<String, usize, foldhash::fast::RandomState>,
}

impl Names {
    fn place_of(&mut self, name: String) -> usize {
        if let Some(place) = self.places.get(&name) {
            return *place;
        }
        self.places.insert(name.clone(), self.names.len());
        self.names.push(name);
        self.names.len() - 1
    }
}

impl Fetched {
    /// Puts what one node answered where it belongs.
    fn sort_in(&mut self, group: &[Name<'_>], found: Result<Found, Failure>) {
        match found {
            Ok(Found { values, generations }) => {
                let (mut values, mut generations) = (values.into_iter(), generations.into_iter());
                for name in group {
                    match name {
                        Name::Value(place, _) => self.values[*place] = Ok(values.next().flatten()),
                        Name::Generation(place, _) => {
                            self.generations[*place] = Ok(generations.next().flatten());
                        }
                    }
                }
            }
            Err(failure) => {
                for name in group {
                    match name {
                        Name::Value(place, _) => self.values[*place] = Err(failure.clone()),
                        Name::Generation(place, _) => {
                            self.generations[*place] = Err(failure.clone());
                        }
                    }
                }
            }
        }
    }
}
