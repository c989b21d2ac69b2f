//! What a type asks for when it is read, to hold against what is written.
//!
//! Invariant: what was not seen, or was seen in more than one way, is [`TypeShape::Unseen`] here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::graph::Graph;
use super::knowledge::Knowledge;
use super::shape::{Id, Scalar, TypeShape};

/// The places at which a type asks for a value, as far as they were seen.
#[derive(Debug)]
pub(crate) struct Outline(Box<[Expected]>);

/// What is asked for at one place.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) shape: TypeShape,
    /// The places of its parts; of an enum, one for each variant.
    pub(crate) parts: Vec<Spot>,
    /// Whether each name of a struct or enum belongs to one part; aliases stand among the names, too.
    pub(crate) is_exact: bool,
    /// How many fields of a struct are read; `None` if that could not be seen.
    pub(crate) fields: Option<usize>,
    /// For each name where the writer's word for it stands, once that was seen to be the same.
    met: Vec<AtomicUsize>,
}

/// A place in an outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot(usize);

impl Spot {
    /// Where nothing is known.
    pub(crate) const UNKNOWN: Self = Self(0);
    const ROOT: Self = Self(1);
}

static NOTHING: Expected = nothing();

const fn nothing() -> Expected {
    Expected {
        shape: TypeShape::Unseen,
        parts: Vec::new(),
        is_exact: false,
        fields: None,
        met: Vec::new(),
    }
}

impl Outline {
    /// Of a type of which nothing could be seen.
    pub(crate) fn blank() -> Self {
        Self(Box::new([]))
    }

    /// Of what was seen, which may be all there is.
    pub(super) fn of(graph: &Graph, knowledge: Knowledge) -> Self {
        let is_whole = knowledge == Knowledge::Traced;
        let mut walk = OutlineWalk {
            graph,
            is_whole,
            numbers: BTreeMap::new(),
            order: Vec::new(),
            newtypes: Vec::new(),
        };
        let mut asked = vec![nothing()];
        if walk.spot(Graph::ROOT) == Spot::UNKNOWN {
            return Self::blank();
        }
        while let Some(&id) = walk.order.get(asked.len() - 1) {
            let next = walk.asked(id);
            asked.push(next);
        }
        Self(asked.into())
    }

    /// What the type itself asks for.
    pub(crate) fn root(&self) -> &Expected {
        self.at(Spot::ROOT)
    }

    #[inline]
    pub(crate) fn at(&self, spot: Spot) -> &Expected {
        self.0.get(spot.0).unwrap_or(&NOTHING)
    }

    /// What part `index` of `asked` asks for.
    #[inline]
    pub(crate) fn part(&self, asked: &Expected, index: usize) -> &Expected {
        asked.parts.get(index).map_or(&NOTHING, |&spot| self.at(spot))
    }
}

impl Expected {
    /// Where nothing is known.
    pub(crate) fn nothing() -> &'static Self {
        &NOTHING
    }

    /// Whether the name of part `index`, one of the type's `names`, is `written`.
    ///
    /// Writers say the same word again and again, so that mostly its address tells.
    #[inline]
    pub(crate) fn is_named(&self, index: usize, names: &[&str], written: &'static str) -> bool {
        let (Some(read), Some(met)) = (names.get(index), self.met.get(index)) else {
            return false;
        };
        let address = written.as_ptr().addr();
        if met.load(Ordering::Relaxed) == address && read.len() == written.len() {
            return true;
        }
        let is_same = *read == written;
        if is_same {
            met.store(address, Ordering::Relaxed);
        }
        is_same
    }

    #[inline]
    pub(crate) fn is(&self, scalar: Scalar) -> bool {
        matches!(self.shape, TypeShape::Scalar(asked) if asked == scalar)
    }
}

/// A walk through a graph that numbers what it meets.
struct OutlineWalk<'g> {
    graph: &'g Graph,
    is_whole: bool,
    numbers: BTreeMap<Id, Spot>,
    order: Vec<Id>,
    /// Those that stand around the place that is looked at.
    newtypes: Vec<Id>,
}

impl OutlineWalk<'_> {
    /// The number of a place, [`Spot::UNKNOWN`] if it asks for nothing or for different things.
    fn spot(&mut self, id: Id) -> Spot {
        let node = &self.graph[id];
        match node.shape {
            _ if node.rival.is_some() => Spot::UNKNOWN,
            TypeShape::Unseen => Spot::UNKNOWN,
            TypeShape::Shared(target) => self.spot(target),
            TypeShape::Newtype(_) => self.content(id),
            _ => {
                let next = Spot(self.order.len() + 1);
                *self.numbers.entry(id).or_insert_with(|| {
                    self.order.push(id);
                    next
                })
            }
        }
    }

    /// What stands in a newtype, since no format shows that there is one.
    fn content(&mut self, id: Id) -> Spot {
        let content = self.graph[id].children.first().copied();
        // A type may be nothing but newtypes of itself, which has no values.
        if self.newtypes.contains(&id) {
            return Spot::UNKNOWN;
        }
        self.newtypes.push(id);
        let spot = content.map_or(Spot::UNKNOWN, |content| self.spot(content));
        self.newtypes.pop();
        spot
    }

    fn asked(&mut self, id: Id) -> Expected {
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
        let met = shape.names().unwrap_or_default().iter().map(|_| AtomicUsize::new(0)).collect();
        Expected { shape, parts, is_exact, fields, met }
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
