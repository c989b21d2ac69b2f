//! Where one run of a type stands, and the first thing that went wrong in it.

use super::choice::Obstacle;
use super::graph::Graph;
use super::refusal::Refusal;
use super::shape::Id;
use super::shape::TypeShape;

/// The state of one pass.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// [`Graph::pending`] as the pass began.
    pending: Vec<bool>,
    /// The places that lead to the current one.
    pub(super) path: Vec<Id>,
    /// Everything chosen so far, in order.
    pub(super) log: Vec<Id>,
    /// Nodes whose visitor is running; the same one more than once if its type is recursive.
    pub(super) open: Vec<Id>,
    /// How many of them are repetitions.
    pub(super) reentries: usize,
    /// How many of them are choices that have given no value yet.
    pub(super) unbuilt: usize,
    pub(super) fault: Option<PassFault>,
    /// Something new was seen.
    pub(super) progress: bool,
}

/// The first error of a pass.
#[derive(Debug)]
pub(super) struct PassFault {
    pub(super) obstacle: Obstacle,
    /// The places that lead to where it arose, that place last.
    pub(super) path: Vec<Id>,
    /// What had been chosen inside the refused value.
    pub(super) points: Vec<Id>,
    /// The next pass goes around it.
    pub(super) handled: bool,
}

impl Pass {
    pub(super) fn new(graph: &Graph) -> Self {
        Self { pending: graph.pending(), ..Self::default() }
    }

    /// Reports an obstacle at `at`, unless it follows from an earlier one.
    pub(super) fn raise(&mut self, obstacle: Obstacle, at: Id) -> Refusal {
        if self.fault.is_none() {
            let mut path = self.path.clone();
            path.push(at);
            self.fault = Some(PassFault { obstacle, path, points: Vec::new(), handled: false });
        }
        Refusal
    }

    /// Reports that the current place refused its value, unless that follows from an earlier fault.
    ///
    /// What was chosen since `logged` is to blame.
    pub(super) fn reject(&mut self, logged: usize) {
        if self.fault.is_none() {
            let points = self.log.get(logged..).unwrap_or_default().to_vec();
            let (obstacle, path) = (Obstacle::Rejected, self.path.clone());
            self.fault = Some(PassFault { obstacle, path, points, handled: false });
        }
    }

    /// Which part of `id` turned out to have no value, if nobody has gone around it yet.
    pub(super) fn failed_part(&self, graph: &Graph, id: Id) -> Option<usize> {
        let fault = self.fault.as_ref()?;
        if fault.handled || fault.obstacle != Obstacle::Unbuildable {
            return None;
        }
        let parts = &graph[id].children;
        fault.path.iter().rev().find_map(|place| parts.iter().position(|part| part == place))
    }

    /// The open node for the same request by the same visitor, inside the innermost named type.
    ///
    /// Through a named type, recursion is found by the name.
    pub(super) fn repeated(&self, graph: &Graph, shape: TypeShape, visitor: &str) -> Option<Id> {
        let unnamed = self.open.iter().rev().take_while(|&&id| !graph[id].shape.is_named());
        let same = |&id: &Id| graph[id].shape == shape && graph[id].visitor == visitor;
        unnamed.copied().find(same)
    }

    /// The branch of `id` to visit, if there is one that can be visited now.
    pub(super) fn choose(&self, graph: &mut Graph, id: Id) -> Option<usize> {
        let node = &mut graph[id];
        let usual = node.usual();
        let is_open = self.open.contains(&id);
        if node.forced.is_some() {
            return node.forced;
        }
        if usual.is_some() && (is_open || self.reentries > 0) {
            return usual;
        }
        if is_open {
            return None;
        }
        let parts = &node.children;
        let per_branch = matches!(node.shape, TypeShape::Enum(..));
        let is_pending = |branch: usize| {
            if per_branch {
                parts.get(branch).is_some_and(|&part| self.is_pending(part))
            } else {
                branch == 1 && parts.iter().any(|&part| self.is_pending(part))
            }
        };
        let retry = usual.is_none() || self.unbuilt == 0;
        let choice = node.choice.as_mut()?;
        (choice.fresh())
            .or_else(|| if retry { choice.deferred() } else { None })
            .or_else(|| choice.revisit(is_pending))
            .or(usual)
    }

    fn is_pending(&self, id: Id) -> bool {
        self.pending.get(id.position()).is_some_and(|&pending| pending)
    }
}
