//! Reading entries from a backend and telling whether they still count.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::breakers::by_node;
use super::generations::Told;
use super::journal::Target;
use super::pipeline::Operation;
use super::{Address, Remote, join_all, scattered};
use crate::backend::{Class, Failure, Found, Generation, Node, Stored};
use crate::coherence::guards::{Guard, Guards};
use crate::coherence::revision::{Dependencies, Revision};
use crate::coherence::session::Session;
use crate::coherence::trust::{Backing, Trust};
use crate::envelope::{Envelope, Stamp};
use crate::resilience::deadline::Deadline;
use crate::tag::{Tag, Tags};
use crate::telemetry::Event;

/// What was found for one address.
#[derive(Debug)]
pub(crate) enum Looked {
    /// An entry that nobody has invalidated.
    Entry(Box<StoredEntry>),
    /// Nothing that counts.
    Nothing,
}

/// An entry that was seen in the backend.
#[derive(Debug)]
pub(crate) struct StoredEntry {
    pub(crate) envelope: Envelope,
    pub(crate) age: Duration,
    /// What it depends on, since before it was read.
    pub(crate) dependencies: Dependencies,
    /// What announces that it changes.
    pub(crate) trust: Trust,
    /// Whether the nodes were known to be the ones that serve.
    pub(crate) is_confirmed: bool,
}

/// Something read, and where.
#[derive(Debug, Clone)]
struct Read<T> {
    it: Option<T>,
    session: Arc<Session>,
    history: u64,
    /// Whether the node was known to be the one that serves.
    is_confirmed: bool,
}

/// What one node answered.
struct NodeReply {
    found: Found,
    session: Arc<Session>,
    history: u64,
    is_confirmed: bool,
}

/// What a read of names on several nodes came to, in the order of the names.
struct Fetched {
    values: Vec<Result<Read<Stored>, Failure>>,
    generations: Vec<Result<Read<Generation>, Failure>>,
}

/// How often names are asked for that turn out to be served by other nodes than was known: by all of
/// them, before anything is known.
const ROUNDS: usize = 2;

/// A name to read, and its place in the order of what was asked.
#[derive(Debug, Clone, Copy)]
enum WantedName<'a> {
    Value(usize, &'a str),
    Generation(usize, &'a str),
}

impl<'a> WantedName<'a> {
    fn text(&self) -> &'a str {
        match self {
            Self::Value(_, name) | Self::Generation(_, name) => name,
        }
    }
}

/// An entry to look for with the tags that its caller knows, and its place among those that were asked.
#[derive(Debug, Clone, Copy)]
struct Question<'a> {
    place: usize,
    address: &'a Address,
    tags: &'a Tags,
    since: Revision,
    deadline: Deadline,
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
        let mut looked: Vec<_> = asked.iter().map(|_| None).collect();
        let mut open: Vec<usize> = (0..asked.len()).collect();
        for _ in 0..ROUNDS {
            let since = self.announcements.revisions.now();
            let mut questions = Vec::with_capacity(open.len());
            for place in std::mem::take(&mut open) {
                let (address, tags) = asked[place];
                match self.make_way(&address.entry, tags, deadline).await {
                    Ok(()) => questions.push(Question { place, address, tags, since, deadline }),
                    Err(failure) => looked[place] = Some(Err(failure)),
                }
            }
            let answers = self.look_now(&questions, since, deadline).await;
            for (Question { place, .. }, answer) in questions.iter().zip(answers) {
                match answer.transpose() {
                    Some(answer) => looked[*place] = Some(answer),
                    None => open.push(*place),
                }
            }
            if open.is_empty() {
                break;
            }
        }
        looked.into_iter().map(|looked| looked.unwrap_or_else(|| Err(untold()))).collect()
    }

    /// Nothing for those that were asked of a node which has not been told of an invalidation.
    async fn look_now(
        &self,
        asked: &[Question<'_>],
        since: Revision,
        deadline: Deadline,
    ) -> Vec<Result<Option<Looked>, Failure>> {
        let mut names = Names::default();
        let places: Vec<Vec<usize>> = asked
            .iter()
            .map(|Question { address, tags, .. }| {
                let generations = self.generation_names(&address.entry, tags);
                generations.map(|name| names.place_of(name)).collect()
            })
            .collect();
        let values: Vec<&str> = asked.iter().map(|it| it.address.value.as_str()).collect();
        // To be held from before the request until its answers have dependencies of their own.
        let _cells: Vec<Dependencies> = asked
            .iter()
            .map(|it| self.dependencies(&it.address.entry, it.tags, it.since))
            .collect();
        let fetched = self.fetch(&values, &names.names, since, deadline).await;
        let mut looked = Vec::with_capacity(asked.len());
        for ((question, places), value) in asked.iter().zip(&places).zip(fetched.values) {
            let current: Result<Vec<_>, _> =
                places.iter().map(|place| fetched.generations[*place].clone()).collect();
            looked.push(match (value, current) {
                (Ok(value), Ok(current)) => self.judge(question, value, current).await,
                (Err(failure), _) | (_, Err(failure)) => Err(failure),
            });
        }
        looked
    }

    /// Reads names from the nodes that serve them, side by side; not those that are known.
    async fn fetch(
        &self,
        values: &[&str],
        generations: &[String],
        since: Revision,
        deadline: Deadline,
    ) -> Fetched {
        let mut fetched = Fetched::empty(values.len(), generations.len());
        let mut unknown = Vec::with_capacity(generations.len());
        for (place, name) in generations.iter().enumerate() {
            match self.known(name) {
                Some(Told { stamp: Stamp { generation, history }, session, .. }) => {
                    let it = Some(generation);
                    let read = Read { it, session, history, is_confirmed: true };
                    fetched.generations[place] = Ok(read);
                }
                None => unknown.push(WantedName::Generation(place, name)),
            }
        }
        let of_values =
            values.iter().enumerate().map(|(place, name)| WantedName::Value(place, name));
        let mut names: Vec<_> = of_values.chain(unknown).collect();
        for round in 1..=ROUNDS {
            let mut scattered = Vec::new();
            for (group, found) in self.ask_nodes(std::mem::take(&mut names), deadline).await {
                match found {
                    Ok(Some(answer)) => {
                        self.note_generations(&group, &answer, since);
                        fetched.sort_in(&group, answer);
                    }
                    Ok(None) if round < ROUNDS => scattered.extend(group),
                    Ok(None) => fetched.fail(&group, &crate::remote::scattered()),
                    Err(failure) => fetched.fail(&group, &failure),
                }
            }
            if scattered.is_empty() {
                break;
            }
            names = scattered;
        }
        fetched
    }

    /// Asks the nodes that serve names, as far as is known; `None` where several answered for one.
    async fn ask_nodes<'a>(
        &self,
        names: Vec<WantedName<'a>>,
        deadline: Deadline,
    ) -> Vec<(Vec<WantedName<'a>>, Result<Option<NodeReply>, Failure>)> {
        let groups = by_node(&*self.backend, names, |name| name.text());
        let read = async |(node, group): (Node, Vec<_>)| {
            let (incarnation, sent) = self.before_asking(node);
            let found = self.fetch_from(&group, deadline).await.map(|found| {
                let proof = found.proof?;
                let session = self.announcements.sessions.of(node, incarnation, &proof, sent);
                let is_confirmed = self.announcements.sessions.is_confirmed(&proof);
                Some(NodeReply { found, session, history: proof.history, is_confirmed })
            });
            (group, found)
        };
        join_all(groups.into_iter().map(read)).await
    }

    /// Keeps the generations that were read.
    fn note_generations(&self, group: &[WantedName<'_>], answer: &NodeReply, since: Revision) {
        let names = group.iter().filter_map(|name| match name {
            WantedName::Generation(_, name) => Some(*name),
            WantedName::Value(..) => None,
        });
        for (name, generation) in names.zip(&answer.found.generations) {
            if let Some(generation) = *generation {
                let stamp = Stamp { generation, history: answer.history };
                self.know(name, stamp, since, &answer.session);
            }
        }
    }

    /// Reads names that one node serves.
    async fn fetch_from(
        &self,
        group: &[WantedName<'_>],
        deadline: Deadline,
    ) -> Result<Found, Failure> {
        let (mut values, mut generations) = (Vec::new(), Vec::new());
        for name in group {
            match name {
                WantedName::Value(_, name) => values.push(*name),
                WantedName::Generation(_, name) => generations.push(*name),
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
        question: &Question<'_>,
        value: Read<Stored>,
        current: Vec<Read<Generation>>,
    ) -> Result<Option<Looked>, Failure> {
        let Question { address, tags, .. } = question;
        let Read { it: Some(Stored { bytes, remaining }), session, history, is_confirmed } = value
        else {
            return Ok(Some(Looked::Nothing));
        };
        if self.was_not_told(question, history, &current) {
            return Ok(None);
        }
        let envelope = match Envelope::read(&bytes, address.reader()) {
            Ok(envelope) => envelope,
            Err(reason) => {
                let (key, reason) = (address.entry.as_str(), &reason.to_string());
                self.telemetry.tell(&Event::Unreadable { key, reason });
                return Ok(Some(Looked::Nothing));
            }
        };
        let mut evidence = Evidence {
            guards: self.guards,
            sessions: vec![session],
            is_of_this_history: envelope.history == history,
            is_confirmed,
        };
        let mut current = current.into_iter();
        let namespace = current.next().is_some_and(|it| evidence.weigh(&envelope.namespace, &it));
        let known: Vec<_> = tags.iter().zip(current).collect();
        let holds = namespace && self.tags_hold(question, &envelope, &known, &mut evidence).await?;
        if !holds {
            return Ok(Some(Looked::Nothing));
        }
        let mut all = Tags::clone(tags);
        envelope.tags.iter().for_each(|(tag, _)| all.add(tag.clone()));
        let dependencies = self.dependencies(&address.entry, &all, question.since);
        let total = envelope.ttl.saturating_add(envelope.grace);
        let age = total.saturating_sub(remaining);
        // What another history wrote may have been invalidated where this one has not heard of it.
        let is_trusted = evidence.is_of_this_history || self.guards.lacks(Guard::History);
        let age = if is_trusted { age } else { age.max(envelope.ttl) };
        let Evidence { sessions, is_confirmed, .. } = evidence;
        let trust = Trust::over(Backing::of(sessions));
        let stored = StoredEntry { envelope, age, dependencies, trust, is_confirmed };
        Ok(Some(Looked::Entry(Box::new(stored))))
    }

    /// Whether one of those that answered has not been told of an invalidation that its predecessor
    /// acknowledged. It is told next.
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
        let place = self.backend.place(entry.as_str()).map(Box::from);
        let tags = question.tags.iter().cloned().map(Target::Tag);
        let generations = std::iter::once(Target::Namespace(place)).chain(tags);
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

    /// Whether the generation of every tag of the entry is what it was before its load.
    async fn tags_hold(
        &self,
        question: &Question<'_>,
        envelope: &Envelope,
        known: &[(&Tag, Read<Generation>)],
        evidence: &mut Evidence,
    ) -> Result<bool, Failure> {
        let mut unknown = Tags::default();
        let mut expected = Vec::new();
        for (tag, stamp) in &envelope.tags {
            match known.iter().find(|(known, _)| *known == tag) {
                Some((_, current)) if !evidence.weigh(stamp, current) => {
                    return Ok(false);
                }
                Some(_) => {}
                None => {
                    let target = Target::Tag(tag.clone());
                    self.make_way_for(&target, question.deadline).await?;
                    unknown.add(tag.clone());
                    expected.push(*stamp);
                }
            }
        }
        if unknown.is_empty() {
            return Ok(true);
        }
        let names: Vec<_> = unknown.iter().map(|tag| self.namespace.tag(tag)).collect();
        let _cells = self.dependencies(&question.address.entry, &unknown, question.since);
        let fetched = self.fetch(&[], &names, question.since, question.deadline).await;
        let of_tags = unknown.iter().zip(expected).zip(fetched.generations);
        for ((tag, expected), current) in of_tags {
            let (current, target) = (current?, Target::Tag(tag.clone()));
            if self.announcements.acknowledged.contradicts(&target, current.history) {
                self.keep(target);
                return Err(untold());
            }
            if !evidence.weigh(&expected, &current) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A node that has begun to serve was asked before it was told of an invalidation.
fn untold() -> Failure {
    Failure::new(Class::Moved, "the node has not been told of an invalidation yet")
}

/// What the answers about one entry come to.
struct Evidence {
    guards: Guards,
    sessions: Vec<Arc<Session>>,
    is_of_this_history: bool,
    is_confirmed: bool,
}

impl Evidence {
    /// Takes in what is known of a generation; tells whether it is what it was.
    fn weigh(&mut self, before: &Stamp, now: &Read<Generation>) -> bool {
        self.sessions.push(Arc::clone(&now.session));
        self.is_confirmed &= now.is_confirmed;
        self.is_of_this_history &= before.history == now.history;
        now.it == Some(before.generation) || self.guards.lacks(Guard::Generations)
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
    fn empty(values: usize, generations: usize) -> Self {
        // Each of them is asked of some node, and overwritten by its answer.
        let nothing = scattered;
        Self {
            values: (0..values).map(|_| Err(nothing())).collect(),
            generations: (0..generations).map(|_| Err(nothing())).collect(),
        }
    }

    /// Puts what one node answered where it belongs.
    fn sort_in(&mut self, group: &[WantedName<'_>], answer: NodeReply) {
        let NodeReply { found, session, history, is_confirmed } = answer;
        let (mut values, mut generations) =
            (found.values.into_iter(), found.generations.into_iter());
        for name in group {
            let session = Arc::clone(&session);
            match name {
                WantedName::Value(place, _) => {
                    let it = values.next().flatten();
                    self.values[*place] = Ok(Read { it, session, history, is_confirmed });
                }
                WantedName::Generation(place, _) => {
                    let it = generations.next().flatten();
                    self.generations[*place] = Ok(Read { it, session, history, is_confirmed });
                }
            }
        }
    }

    /// Notes that one node did not answer.
    fn fail(&mut self, group: &[WantedName<'_>], failure: &Failure) {
        for name in group {
            match name {
                WantedName::Value(place, _) => self.values[*place] = Err(failure.clone()),
                WantedName::Generation(place, _) => self.generations[*place] = Err(failure.clone()),
            }
        }
    }
}
