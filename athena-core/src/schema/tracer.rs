//! Runs a type pass after pass, each time down a branch not seen before, until none is left.
//!
//! Invariant: a type that is being explored and comes up again inside itself gets the plainest
//! value known for it, so that every pass ends.

use serde::de::DeserializeOwned;

use super::choice::{Detour, Obstacle};
use super::graph::Graph;
use super::knowledge::Knowledge;
use super::pass::{Pass, PassFault};
use super::probe::TypeProbe;
use super::refusal::Refusal;
use super::search::Search;
use super::shape::Id;
use super::shape::TypeShape;

const MAX_PASSES: usize = 2_000;
const MAX_REQUESTS: usize = 64 * 1024;
/// Nesting, which is also what bounds the stack.
const MAX_DEPTH: usize = 64;
/// How often one type may be open at a time.
const MAX_REENTRIES: usize = 3;
/// Passes in a row that teach nothing.
const MAX_IDLE: usize = 8;

/// What is known of a type, and where the current pass stands in it.
#[derive(Debug, Default)]
pub(super) struct Tracer {
    pub(super) graph: Graph,
    /// Searches for values, each inside the scope of the one before it.
    searches: Vec<Search>,
    requests: usize,
    /// Ends the trace, whatever the type makes of the error.
    halt: Option<Knowledge>,
    /// Something could not be seen.
    lost: bool,
    /// Whether the format is one that people read and that describes itself.
    pub(super) is_text: bool,
    pass: Pass,
}

impl Tracer {
    /// Of a format that people read and that describes itself: what asks for that is no end.
    #[cfg(any(test, feature = "json"))]
    pub(super) fn of_text() -> Self {
        Self { is_text: true, ..Self::default() }
    }

    /// Traces `T` as far as possible.
    pub(super) fn run<T: DeserializeOwned>(mut self) -> (Graph, Knowledge) {
        let mut idle = 0;
        for _ in 0..MAX_PASSES {
            self.pass = Pass::new(&self.graph);
            let known = self.graph.len();
            let result = self.step(Graph::ROOT, |probe| T::deserialize(probe).map(drop));
            if let Some(kind) = self.halt {
                return (self.graph, kind);
            }
            let progress = self.pass.progress || self.graph.len() > known;
            idle = if progress { 0 } else { idle + 1 };
            let go_on = match result {
                Ok(()) => self.after_value(idle),
                Err(Refusal) => self.after_fault(idle),
            };
            if !go_on {
                let seen = !self.lost && !self.graph.has_rivals();
                return (self.graph, if seen { Knowledge::Traced } else { Knowledge::Named });
            }
        }
        (self.graph, Knowledge::Named)
    }

    /// Decides whether a pass that gave a value needs another one.
    fn after_value(&mut self, idle: usize) -> bool {
        for search in self.searches.drain(..) {
            search.conclude(&mut self.graph);
        }
        self.is_unseen(idle)
    }

    /// Decides whether another pass can do better than this one, which failed.
    fn after_fault(&mut self, idle: usize) -> bool {
        let Some(fault) = self.pass.fault.take() else {
            return false;
        };
        if fault.handled || idle == 0 {
            return true;
        }
        if fault.obstacle == Obstacle::Rejected {
            self.search_on(&fault);
            return true;
        }
        // The type has no value; all that is left is to see the rest of it.
        self.lost |= fault.obstacle == Obstacle::Unfinished;
        self.is_unseen(idle)
    }

    /// Whether there is more to see, and hope to see it.
    fn is_unseen(&mut self, idle: usize) -> bool {
        let pending = self.graph.is_pending();
        self.lost |= pending && idle >= MAX_IDLE;
        pending && idle < MAX_IDLE
    }

    /// Prepares another value for the place that refused the last one, or gives the place up.
    fn search_on(&mut self, fault: &PassFault) {
        let Some(&scope) = fault.path.last() else {
            return;
        };
        let outside = |search: &mut Search| !fault.path.contains(&search.scope());
        while let Some(search) = self.searches.pop_if(outside) {
            search.conclude(&mut self.graph);
        }
        let explains = |search: &mut Search| search.explains(&fault.path, &fault.points);
        let running = self.searches.pop_if(explains);
        let mut search = running.unwrap_or_else(|| Search::new(&self.graph, scope, &fault.points));
        if search.advance(&mut self.graph) {
            self.searches.push(search);
        } else {
            self.refuse(search.scope());
        }
    }

    /// Marks a place at which no value is accepted; parts it never asked for stay unknown.
    fn refuse(&mut self, at: Id) {
        self.graph[at].refused = true;
        let node = match self.graph[at].shape {
            TypeShape::Shared(target) => &self.graph[target],
            _ => &self.graph[at],
        };
        let known = node.children.len();
        self.lost |= node.shape.arity().is_some_and(|parts| known < parts);
        self.lost |= node.shape == TypeShape::Unseen;
    }

    /// Lets a type have the value at the place `at`.
    pub(super) fn step<R>(
        &mut self,
        at: Id,
        visit: impl FnOnce(TypeProbe<'_>) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        let too_deep = self.pass.path.len() >= MAX_DEPTH;
        self.lost |= too_deep;
        if too_deep || self.graph[at].refused {
            return Err(self.raise(Obstacle::Unbuildable, at));
        }
        let logged = self.pass.log.len();
        self.pass.path.push(at);
        let result = visit(TypeProbe::new(self, at));
        if result.is_ok() {
            // Whatever went wrong inside, the type coped with it.
            self.pass.fault = None;
            self.searches.iter_mut().for_each(|search| search.accept(at));
        } else {
            self.pass.reject(logged);
        }
        self.pass.path.pop();
        result
    }

    /// Counts one request against the budget.
    pub(super) fn count(&mut self) -> Result<(), Refusal> {
        self.requests += 1;
        if self.requests > MAX_REQUESTS {
            self.halt.get_or_insert(Knowledge::Named);
        }
        if self.halt.is_some() { Err(Refusal) } else { Ok(()) }
    }

    /// The node for a request for content of an unnamed type at the place `at`.
    ///
    /// Such nodes are not shared, unless the type contains itself.
    pub(super) fn occupy_content(&mut self, at: Id, shape: TypeShape, visitor: &'static str) -> Id {
        if self.graph[at].shape != shape
            && let Some(target) = self.pass.repeated(&self.graph, shape, visitor)
        {
            self.graph.link(at, target);
            return target;
        }
        let id = self.graph.occupy(at, shape);
        self.graph[id].visitor = visitor;
        id
    }

    /// Ends the trace at a type that wants the bytes to describe themselves, unless they do.
    pub(super) fn describe_self(&mut self, at: Id, shape: TypeShape) -> Result<(), Refusal> {
        if self.is_text {
            self.graph.occupy(at, shape);
            return self.count();
        }
        self.graph.occupy(at, TypeShape::Any);
        self.halt.get_or_insert(Knowledge::SelfDescribing);
        Err(Refusal)
    }

    /// The number of the sample to use at `id`.
    pub(super) fn sample(&mut self, id: Id) -> usize {
        self.pass.log.push(id);
        let node = &mut self.graph[id];
        node.chosen = node.forced.or(node.pick).unwrap_or(0);
        node.chosen
    }

    /// Visits one branch of `id`.
    pub(super) fn branch<R>(
        &mut self,
        id: Id,
        visit: impl FnOnce(&mut Self, usize) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        self.pass.log.push(id);
        let Some(branch) = self.pass.choose(&mut self.graph, id) else {
            let recursive = self.pass.open.contains(&id);
            let obstacle = if recursive { Obstacle::Unfinished } else { Obstacle::Unbuildable };
            return Err(self.raise(obstacle, id));
        };
        self.graph[id].chosen = branch;
        let unbuilt = usize::from(self.graph[id].usual().is_none());
        self.pass.unbuilt += unbuilt;
        let result = self.inside(id, |tracer| visit(tracer, branch));
        self.pass.unbuilt -= unbuilt;
        match result {
            Ok(_) => self.pass.progress |= self.graph[id].built(branch),
            Err(_) => self.avoid(id, branch),
        }
        result
    }

    /// Visits the parts of `id`, whose type may be open already.
    pub(super) fn inside<R>(
        &mut self,
        id: Id,
        visit: impl FnOnce(&mut Self) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        let times = self.pass.open.iter().filter(|&&open| open == id).count();
        if times > MAX_REENTRIES {
            return Err(self.raise(Obstacle::Unfinished, id));
        }
        let again = usize::from(times > 0);
        self.pass.reentries += again;
        self.pass.open.push(id);
        let result = visit(self);
        self.pass.open.pop();
        self.pass.reentries -= again;
        result
    }

    /// Reports an obstacle at `at`, unless it follows from an earlier one.
    pub(super) fn raise(&mut self, obstacle: Obstacle, at: Id) -> Refusal {
        self.pass.raise(obstacle, at)
    }

    /// Goes around a field of the struct `id` that has no value, to see the fields after it.
    pub(super) fn skip_field(&mut self, id: Id) {
        let Some(index) = self.pass.failed_part(&self.graph, id) else {
            return;
        };
        if !self.graph[id].skipped.contains(&index) {
            self.graph[id].skipped.push(index);
            self.pass.fault.iter_mut().for_each(|fault| fault.handled = true);
        }
    }

    /// Notes what an element of `id` without a value hides.
    pub(super) fn lose_tail(&mut self, id: Id, len: usize) {
        self.lost |= self.pass.failed_part(&self.graph, id).is_some_and(|index| index + 1 < len);
    }

    /// Notes that some fields of a struct could not be reached.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    /// Whether the pass has failed already.
    pub(super) fn has_fault(&self) -> bool {
        self.pass.fault.is_some()
    }

    fn avoid(&mut self, id: Id, branch: usize) {
        let settled = self.pass.unbuilt == 0;
        let (Some(fault), Some(choice)) = (&mut self.pass.fault, &mut self.graph[id].choice) else {
            return;
        };
        if !fault.handled {
            let detour = choice.avoid(branch, fault.obstacle, settled);
            fault.handled = detour != Detour::None;
            self.lost |= detour == Detour::GaveUp;
        }
    }
}
