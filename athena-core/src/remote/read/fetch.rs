//! Asking nodes for values and generations by name.
//!
//! Invariant: whoever asks depends on the names since before they are asked for (coherence 2).

use std::collections::HashMap;
use std::sync::Arc;

use crate::backend::{Failure, Found, Generation, Node, Stored};
use crate::coherence::revision::Revision;
use crate::coherence::session::Session;
use crate::envelope::Stamp;
use crate::remote::announcements::Announcements;
use crate::remote::breakers::by_node;
use crate::remote::generations::Told;
use crate::remote::heavy::Travels;
use crate::remote::known::Sighting;
use crate::remote::pipeline::Operation;
use crate::remote::{Remote, join_all, scattered};
use crate::resilience::deadline::Deadline;

/// How often names are asked for that turn out to be served by other nodes than was known: by all of
/// them, before anything is known.
const ROUNDS: usize = 2;

/// Something read, and where.
#[derive(Debug, Clone)]
pub(super) struct Read<T> {
    /// `None` if it is not there.
    pub(super) it: Option<T>,
    pub(super) session: Arc<Session>,
    pub(super) history: u64,
    /// Whether the node was known to be the one that serves.
    pub(super) is_confirmed: bool,
}

/// What names came to, each by itself, since nodes fail apart from each other.
#[derive(Debug, Default)]
pub(super) struct Fetched<'n> {
    values: HashMap<&'n str, Result<Read<Stored>, Failure>, foldhash::fast::RandomState>,
    generations: HashMap<&'n str, Result<Read<Generation>, Failure>, foldhash::fast::RandomState>,
}

/// A name to read.
#[derive(Debug, Clone, Copy)]
enum WantedName<'n> {
    Value(&'n str),
    Generation(&'n str),
}

impl<'n> WantedName<'n> {
    fn text(self) -> &'n str {
        match self {
            Self::Value(name) | Self::Generation(name) => name,
        }
    }
}

/// What is asked for beside a value that is left alone by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Others need it.
    Wanted,
    /// It was for that value only.
    Unwanted,
}

/// Values that were left alone by the time that they would have been asked for, and why.
type HeldNames<'n> = Vec<(WantedName<'n>, Failure)>;

/// Names that one node was asked for, and what they came to.
struct NodePart<'n> {
    asked: Vec<WantedName<'n>>,
    held: HeldNames<'n>,
    /// `None` where several nodes answered for one.
    reply: Option<NodeReply>,
}

/// What one node answered.
struct NodeReply {
    found: Found,
    session: Arc<Session>,
    history: u64,
    is_confirmed: bool,
}

impl Remote {
    /// Reads names from the nodes that serve them, side by side; not those that are known.
    pub(super) async fn fetch<'n>(
        &self,
        values: Vec<(&'n str, Travels)>,
        generations: impl Iterator<Item = &'n str>,
        since: Revision,
        deadline: Deadline,
    ) -> Fetched<'n> {
        let mut fetched = Fetched::default();
        let is_one = values.len() == 1;
        let rest = if is_one { Rest::Unwanted } else { Rest::Wanted };
        let (names, alone): (Vec<_>, Vec<_>) =
            values.into_iter().partition(|(_, travels)| is_one || *travels == Travels::Together);
        let mut names: Vec<_> =
            names.into_iter().map(|(name, _)| WantedName::Value(name)).collect();
        let mut alone: Vec<_> =
            alone.into_iter().map(|(name, _)| WantedName::Value(name)).collect();
        for name in generations {
            if !fetched.generations.contains_key(name) {
                let known = self.known(name, self.clock.now());
                if known.is_none() {
                    names.push(WantedName::Generation(name));
                }
                let known = known.map(Read::from_known).ok_or_else(scattered);
                fetched.generations.insert(name, known);
            }
        }
        for round in 1..=ROUNDS {
            let mut groups =
                by_node(&*self.backend, std::mem::take(&mut names), |name| name.text());
            // Last, since everything else on their connection waits for them.
            groups.extend(apart(by_node(&*self.backend, alone.drain(..), |name| name.text())));
            // In the end each by itself: those that are not on their way prove what they are.
            let groups = if round < ROUNDS { groups } else { apart(groups) };
            for (group, part) in self.ask_nodes(groups, rest, deadline).await {
                names.extend(self.take_in(&mut fetched, group, part, since));
            }
            if names.is_empty() {
                break;
            }
        }
        fetched
    }

    /// Notes what names came to that one node was asked for; those that others serve are left, and stay
    /// scattered if nobody asks them.
    fn take_in<'n>(
        &self,
        fetched: &mut Fetched<'n>,
        group: Vec<WantedName<'n>>,
        part: Result<NodePart<'n>, Failure>,
        since: Revision,
    ) -> Vec<WantedName<'n>> {
        let NodePart { asked, held, reply } = match part {
            Ok(part) => part,
            Err(failure) => {
                for name in group {
                    let own = self.hold_on(name);
                    fetched.fail(name, own.unwrap_or_else(|| failure.clone()));
                }
                return Vec::new();
            }
        };
        for (name, failure) in held {
            fetched.fail(name, failure);
        }
        let Some(reply) = reply else { return asked };
        self.note_generations(&asked, &reply, since);
        self.note_sizes(&asked, &reply);
        fetched.take_in(&asked, reply);
        Vec::new()
    }

    /// Asks nodes for the names that they serve, as far as is known.
    async fn ask_nodes<'n>(
        &self,
        groups: Vec<(Node, Vec<WantedName<'n>>)>,
        rest: Rest,
        deadline: Deadline,
    ) -> Vec<(Vec<WantedName<'n>>, Result<NodePart<'n>, Failure>)> {
        let read = async |(node, group): (Node, Vec<_>)| {
            let (incarnation, sent) = self.before_asking(node);
            let part = self.ask_node(&group, rest, deadline).await.map(|(asked, held, found)| {
                let reply = found.proof.map(|proof| {
                    let sessions = &self.announcements.sessions;
                    let session = sessions.of(node, incarnation, &proof, sent);
                    let is_confirmed = sessions.is_confirmed(&proof);
                    NodeReply { found, session, history: proof.history, is_confirmed }
                });
                NodePart { asked, held, reply }
            });
            (group, part)
        };
        join_all(groups.into_iter().map(read)).await
    }

    /// Reads names that one node serves; apart from them values that are left alone by now.
    async fn ask_node<'n>(
        &self,
        group: &[WantedName<'n>],
        rest: Rest,
        deadline: Deadline,
    ) -> Result<(Vec<WantedName<'n>>, HeldNames<'n>, Found), Failure> {
        let Some(first) = group.first() else {
            return Ok(<_>::default());
        };
        // Boxed: it would stand several times in the future of every read. Told apart each time, since what was given
        // up is not attempted again, and the others go on without it.
        let read = || Box::pin(self.read_unless_held(group, rest));
        self.ask(Operation::read(), first.text(), deadline, read).await
    }

    /// One attempt at names of a node.
    async fn read_unless_held<'n>(
        &self,
        group: &[WantedName<'n>],
        rest: Rest,
    ) -> Result<(Vec<WantedName<'n>>, HeldNames<'n>, Found), Failure> {
        let (asked, held) = self.without_held(group);
        if let Some((_, failure)) = held.first()
            && (asked.is_empty() || rest == Rest::Unwanted)
        {
            return Err(failure.clone());
        }
        let (mut values, mut generations) = (Vec::new(), Vec::new());
        for name in &asked {
            match name {
                WantedName::Value(name) => values.push(*name),
                WantedName::Generation(name) => generations.push(*name),
            }
        }
        let found = self.backend.read(&values, &generations).await?;
        Ok((asked, held, found))
    }

    /// The names to ask for now, and those that are left alone.
    fn without_held<'n>(&self, group: &[WantedName<'n>]) -> (Vec<WantedName<'n>>, HeldNames<'n>) {
        let (mut asked, mut held) = (Vec::with_capacity(group.len()), Vec::new());
        for name in group {
            match self.hold_on(*name) {
                Some(failure) => held.push((*name, failure)),
                None => asked.push(*name),
            }
        }
        (asked, held)
    }

    /// Why a name is left alone, if it is: one of those that were asked for together may have held up others.
    fn hold_on(&self, name: WantedName<'_>) -> Option<Failure> {
        match name {
            WantedName::Value(name) => self.hold(name).map(|hold| hold.failure()),
            WantedName::Generation(_) => None,
        }
    }

    /// How a value is asked for, if it is.
    pub(super) fn turn(&self, name: &str) -> Result<Travels, Failure> {
        let Announcements { revisions, heavy, .. } = &*self.announcements;
        let is_occupied = || self.backend.is_answering(self.backend.node(name));
        heavy.turn(revisions.name(name), is_occupied).map_err(|hold| hold.failure())
    }

    /// Keeps how large the values are that were read.
    fn note_sizes(&self, group: &[WantedName<'_>], reply: &NodeReply) {
        let names = group.iter().filter_map(|name| match name {
            WantedName::Value(name) => Some(*name),
            WantedName::Generation(_) => None,
        });
        for (name, value) in names.zip(&reply.found.values) {
            self.note_size(name, value.as_ref());
        }
    }

    /// Keeps how large a value is that was read.
    pub(super) fn note_size(&self, name: &str, value: Option<&Stored>) {
        let Announcements { revisions, heavy, .. } = &*self.announcements;
        let size = value.map(|stored| stored.bytes.len() as u64);
        heavy.arrived(revisions.name(name), size);
    }

    /// Keeps the generations that were read, and which of them nobody has created.
    fn note_generations(&self, group: &[WantedName<'_>], reply: &NodeReply, since: Revision) {
        let names = group.iter().filter_map(|name| match name {
            WantedName::Generation(name) => Some(*name),
            WantedName::Value(_) => None,
        });
        for (name, generation) in names.zip(&reply.found.generations) {
            let stamp = generation.map(|generation| Stamp { generation, history: reply.history });
            // How long it lasts was not asked: only a load needs to know.
            let session = Arc::clone(&reply.session);
            self.know(name, Sighting { stamp, until: None, session }, since);
        }
    }
}

fn apart(groups: Vec<(Node, Vec<WantedName<'_>>)>) -> Vec<(Node, Vec<WantedName<'_>>)> {
    let each =
        groups.into_iter().flat_map(|(node, names)| names.into_iter().map(move |it| (node, it)));
    each.map(|(node, name)| (node, vec![name])).collect()
}

impl Read<Generation> {
    pub(super) fn from_known(
        Told { stamp: Stamp { generation, history }, session, .. }: Told,
    ) -> Self {
        Self { it: Some(generation), session, history, is_confirmed: true }
    }
}

impl<'n> Fetched<'n> {
    /// What a value came to.
    pub(super) fn value(&mut self, name: &str) -> Result<Read<Stored>, Failure> {
        self.values.remove(name).unwrap_or_else(|| Err(scattered()))
    }

    /// What a generation came to.
    pub(super) fn generation(&self, name: &str) -> Result<Read<Generation>, Failure> {
        self.generations.get(name).cloned().unwrap_or_else(|| Err(scattered()))
    }

    /// Puts what one node answered under its names.
    fn take_in(&mut self, group: &[WantedName<'n>], reply: NodeReply) {
        let NodeReply { found, session, history, is_confirmed } = reply;
        let mut values = found.values.into_iter();
        let mut generations = found.generations.into_iter();
        for name in group {
            let session = Arc::clone(&session);
            match name {
                WantedName::Value(name) => {
                    let it = values.next().flatten();
                    let read = Read { it, session, history, is_confirmed };
                    self.values.insert(name, Ok(read));
                }
                WantedName::Generation(name) => {
                    let it = generations.next().flatten();
                    let read = Read { it, session, history, is_confirmed };
                    self.generations.insert(name, Ok(read));
                }
            }
        }
    }

    /// Notes why there is no answer about a name.
    fn fail(&mut self, name: WantedName<'n>, failure: Failure) {
        match name {
            WantedName::Value(name) => {
                self.values.insert(name, Err(failure));
            }
            WantedName::Generation(name) => {
                self.generations.insert(name, Err(failure));
            }
        }
    }
}
