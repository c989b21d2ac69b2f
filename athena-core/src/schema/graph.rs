//! All that has been seen of a type: a tree of places, with named types shared between them.
//!
//! Invariant: an [`Id`] is only made by the graph it indexes, and nodes are never removed.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

use super::choice::Choice;
use super::sample;
use super::shape::{Id, TypeShape};

/// One place at which a type asks for a value.
#[derive(Debug)]
pub(super) struct Vertex {
    pub(super) shape: TypeShape,
    /// The places of its parts; of an enum, one for each variant.
    pub(super) children: Vec<Id>,
    /// Where a different request at this same place is kept.
    pub(super) rival: Option<Id>,
    pub(super) choice: Option<Choice>,
    /// The sample or branch used in the latest pass.
    pub(super) chosen: usize,
    /// The sample or branch that a search has found to work.
    pub(super) pick: Option<usize>,
    /// The sample or branch that a running search wants.
    pub(super) forced: Option<usize>,
    /// Whether every value was refused at this place.
    pub(super) refused: bool,
    /// Fields to leave out, because every value was refused for them.
    pub(super) skipped: Vec<usize>,
    /// The type name of the visitor of an unnamed type with content.
    pub(super) visitor: &'static str,
    parents: Vec<Id>,
}

/// The nodes, the first one for the type itself.
#[derive(Debug)]
pub(super) struct Graph {
    nodes: Vec<Vertex>,
    /// Named types by the name of their visitor.
    named: BTreeMap<&'static str, Vec<Id>>,
}

impl Default for Graph {
    fn default() -> Self {
        Self { nodes: vec![Vertex::new(TypeShape::Unseen, None)], named: BTreeMap::new() }
    }
}

impl Graph {
    /// The place of the type itself.
    pub(super) const ROOT: Id = Id(0);

    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The place of part `index` of `parent`.
    pub(super) fn child(&mut self, parent: Id, index: usize) -> Id {
        while self[parent].children.len() <= index {
            let child = self.add(TypeShape::Unseen, Some(parent));
            self[parent].children.push(child);
        }
        self[parent].children[index]
    }

    /// The node for a request for `shape` at the place `at`.
    pub(super) fn occupy(&mut self, mut at: Id, shape: TypeShape) -> Id {
        loop {
            if self[at].shape == shape {
                return at;
            }
            if self[at].shape == TypeShape::Unseen {
                self[at].assume(shape);
                return at;
            }
            at = match self[at].rival {
                Some(rival) => rival,
                None => self.add_rival(at),
            };
        }
    }

    /// The shared node for a request for `shape`, which has a name, at the place `at`.
    ///
    /// The name of its visitor tells instances of generic types apart, and types of the same name
    /// in different modules. It is compared within this process only.
    pub(super) fn occupy_named(&mut self, at: Id, shape: TypeShape, visitor: &'static str) -> Id {
        let known = self.named.get(visitor).into_iter().flatten().copied();
        let known = known.into_iter().find(|&id| self[id].shape == shape);
        let target = known.unwrap_or_else(|| {
            let id = self.add(shape, None);
            self.named.entry(visitor).or_default().push(id);
            id
        });
        self.link(at, target);
        target
    }

    /// Makes the place `at` stand for the shared node `target`.
    pub(super) fn link(&mut self, at: Id, target: Id) {
        let link = self.occupy(at, TypeShape::Shared(target));
        if !self[target].parents.contains(&link) {
            self[target].parents.push(link);
        }
    }

    /// Whether something is still worth a visit.
    pub(super) fn is_pending(&self) -> bool {
        self.nodes.iter().any(Vertex::is_open)
    }

    /// The parts of `id` that add to what is known of it.
    ///
    /// The elements of a sequence are mostly alike; how many were made up must not matter.
    pub(super) fn parts(&self, id: Id) -> Vec<Id> {
        let parts = &self[id].children;
        let kinds = match self[id].shape {
            TypeShape::Seq => 1,
            TypeShape::Map => 2,
            _ => return parts.clone(),
        };
        let is_news = |(index, part): (usize, &Id)| {
            let repeats = index >= kinds && self.covers(parts[index % kinds], *part);
            (!repeats).then_some(*part)
        };
        parts.iter().enumerate().filter_map(is_news).collect()
    }

    /// Whether everything seen at the place `other` was seen at `one` too.
    fn covers(&self, one: Id, other: Id) -> bool {
        let (one, other) = (&self[one], &self[other]);
        let mut pairs = other.children.iter().enumerate();
        other.shape == TypeShape::Unseen
            || one.shape == other.shape
                && other.rival.is_none()
                && pairs.all(|(index, part)| {
                    one.children.get(index).is_some_and(|&place| self.covers(place, *part))
                })
    }

    /// For each node whether something in it, at any depth, is still worth a visit.
    pub(super) fn pending(&self) -> Vec<bool> {
        let mut pending: Vec<bool> = self.nodes.iter().map(Vertex::is_open).collect();
        let mut rest: Vec<usize> = (0..pending.len()).filter(|&at| pending[at]).collect();
        while let Some(at) = rest.pop() {
            for &Id(parent) in &self.nodes[at].parents {
                if !pending[parent] {
                    pending[parent] = true;
                    rest.push(parent);
                }
            }
        }
        pending
    }

    /// Whether a type was seen to ask for different things at one place.
    pub(super) fn has_rivals(&self) -> bool {
        self.nodes.iter().any(|node| node.rival.is_some())
    }

    fn add_rival(&mut self, at: Id) -> Id {
        let rival = self.add(TypeShape::Unseen, Some(at));
        self[at].rival = Some(rival);
        rival
    }

    fn add(&mut self, shape: TypeShape, parent: Option<Id>) -> Id {
        self.nodes.push(Vertex::new(shape, parent));
        Id(self.nodes.len() - 1)
    }
}

impl Index<Id> for Graph {
    type Output = Vertex;

    fn index(&self, Id(at): Id) -> &Vertex {
        &self.nodes[at]
    }
}

impl IndexMut<Id> for Graph {
    fn index_mut(&mut self, Id(at): Id) -> &mut Vertex {
        &mut self.nodes[at]
    }
}

impl Id {
    /// The position of the node's entry in [`Graph::pending`].
    pub(super) fn position(self) -> usize {
        self.0
    }
}

impl Vertex {
    fn new(shape: TypeShape, parent: Option<Id>) -> Self {
        let mut node = Self {
            shape: TypeShape::Unseen,
            children: Vec::new(),
            rival: None,
            choice: None,
            chosen: 0,
            pick: None,
            forced: None,
            refused: false,
            skipped: Vec::new(),
            visitor: "",
            parents: parent.into_iter().collect(),
        };
        node.assume(shape);
        node
    }

    fn assume(&mut self, shape: TypeShape) {
        self.shape = shape;
        self.choice = match shape {
            TypeShape::Option => Some(Choice::of_content(2)),
            TypeShape::Seq | TypeShape::Map => Some(Choice::of_content(sample::LENGTHS.len())),
            TypeShape::Enum(_, variants) => Some(Choice::between(variants.len())),
            _ => None,
        };
    }

    /// Gives up on `branch` if it gave no value so far.
    pub(super) fn close(&mut self, branch: usize) {
        if let Some(choice) = &mut self.choice {
            choice.close(branch);
        }
    }

    fn is_open(&self) -> bool {
        self.choice.as_ref().is_some_and(Choice::is_open)
    }

    /// How many samples or branches there are to choose from.
    pub(super) fn options(&self) -> usize {
        match (&self.choice, self.shape) {
            (Some(choice), _) => choice.len(),
            (None, TypeShape::Scalar(scalar)) => sample::count(scalar),
            (None, _) => 0,
        }
    }

    /// Notes that `branch` gave a value; whether that is news.
    pub(super) fn built(&mut self, branch: usize) -> bool {
        self.choice.as_mut().is_some_and(|choice| choice.built(branch))
    }

    /// The branch to take where the aim is any value.
    pub(super) fn usual(&self) -> Option<usize> {
        self.pick.or(self.choice.as_ref().and_then(Choice::first))
    }
}
