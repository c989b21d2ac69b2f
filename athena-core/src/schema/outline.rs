//! What a type asks for when it is read, to hold against what is written.
//!
//! Invariant: what was not seen, or was seen in more than one way, is [`TypeShape::Unseen`] here.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Graph;
use super::knowledge::Knowledge;
use super::shape::{Id, TypeShape};

/// The places at which a type asks for a value, as far as they were seen.
#[derive(Debug)]
pub(crate) struct Outline(Box<[Reading]>);

/// What is asked for at one place.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) shape: TypeShape,
    /// The places of its parts; of an enum, one for each variant.
    pub(crate) parts: Vec<Spot>,
    /// Whether each name of a struct or enum belongs to one part; aliases stand among the names, too.
    pub(crate) is_exact: bool,
    /// How many fields of a struct are read; `None` if that could not be seen.
    pub(crate) fields: Option<usize>,
}

/// A place in an outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot(usize);

impl Spot {
    /// Where nothing is known.
    pub(crate) const UNKNOWN: Self = Self(0);
    /// The type itself.
    pub(crate) const ROOT: Self = Self(1);
}

/// Newtypes around one value; a type may be nothing but newtypes of itself.
const MAX_NEWTYPES: usize = 64;

static NOTHING: Reading =
    Reading { shape: TypeShape::Unseen, parts: Vec::new(), is_exact: false, fields: None };

impl Outline {
    /// Of a type of which nothing could be seen.
    pub(crate) fn blank() -> Self {
        Self(Box::new([]))
    }

    /// Of what was seen, which may be all there is.
    pub(super) fn of(graph: &Graph, knowledge: Knowledge) -> Self {
        let is_whole = knowledge == Knowledge::Traced;
        let mut walk = OutlineWalk { graph, is_whole, numbers: BTreeMap::new(), order: Vec::new() };
        let mut asked = vec![Reading::nothing()];
        walk.spot(Graph::ROOT);
        while let Some(&id) = walk.order.get(asked.len() - 1) {
            let next = walk.asked(id);
            asked.push(next);
        }
        Self(asked.into())
    }

    #[inline]
    pub(crate) fn at(&self, spot: Spot) -> &Reading {
        self.0.get(spot.0).unwrap_or(&NOTHING)
    }

    /// What is asked for inside of newtypes, which no format shows.
    #[inline]
    pub(crate) fn inside(&self, mut spot: Spot) -> &Reading {
        for _ in 0..MAX_NEWTYPES {
            let asked = self.at(spot);
            let TypeShape::Newtype(_) = asked.shape else {
                return asked;
            };
            spot = asked.part(0);
        }
        &NOTHING
    }
}

impl Reading {
    fn nothing() -> Self {
        Self { shape: TypeShape::Unseen, parts: Vec::new(), is_exact: false, fields: None }
    }

    #[inline]
    pub(crate) fn part(&self, index: usize) -> Spot {
        self.parts.get(index).copied().unwrap_or(Spot::UNKNOWN)
    }
}

/// A walk through a graph that numbers what it meets.
struct OutlineWalk<'g> {
    graph: &'g Graph,
    is_whole: bool,
    numbers: BTreeMap<Id, Spot>,
    order: Vec<Id>,
}

impl OutlineWalk<'_> {
    /// The number of a place, [`Spot::UNKNOWN`] if it asks for nothing or for different things.
    fn spot(&mut self, id: Id) -> Spot {
        let node = &self.graph[id];
        match node.shape {
            _ if node.rival.is_some() => Spot::UNKNOWN,
            TypeShape::Unseen => Spot::UNKNOWN,
            TypeShape::Shared(target) => self.spot(target),
            _ => {
                let next = Spot(self.order.len() + 1);
                *self.numbers.entry(id).or_insert_with(|| {
                    self.order.push(id);
                    next
                })
            }
        }
    }

    fn asked(&mut self, id: Id) -> Reading {
        let node = &self.graph[id];
        let parts = match node.shape {
            TypeShape::Seq | TypeShape::Map => self.repeated(id),
            _ => node.children.iter().map(|&part| self.spot(part)).collect(),
        };
        let (shape, children) = (node.shape, &node.children);
        let is_seen = |part: &Id| self.graph[*part].shape != TypeShape::Unseen;
        let is_seen = children.iter().all(is_seen);
        let is_exact = is_seen && shape.names().is_some_and(|names| is_each(names, children.len()));
        let fields = (is_exact || is_seen && self.is_whole).then_some(children.len());
        Reading { shape, parts, is_exact, fields }
    }

    /// What stands for all elements, or for all keys and all values; nothing if they differ.
    fn repeated(&mut self, id: Id) -> Vec<Spot> {
        let parts = self.graph.parts(id);
        let kinds = if self.graph[id].shape == TypeShape::Map { 2 } else { 1 };
        if parts.len() > kinds {
            return Vec::new();
        }
        parts.iter().map(|&part| self.spot(part)).collect()
    }
}

/// Whether there are as many names as parts, and no two alike.
fn is_each(names: &[&str], parts: usize) -> bool {
    names.len() == parts && names.iter().collect::<BTreeSet<_>>().len() == parts
}
