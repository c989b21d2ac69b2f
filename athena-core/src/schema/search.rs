//! Finds values that a visitor accepts, one attempt per pass.
//!
//! A type may refuse a value for reasons it does not tell: the string is no date, the start is
//! after the end, the list is empty. The search varies what was chosen inside the value that was
//! refused: first everything at once, then one thing at a time, the latest first.

use super::graph::Graph;
use super::shape::Id;

/// Attempts for one refused value.
const MAX_ATTEMPTS: usize = 300;

/// Attempts that vary everything at once.
const UNIFORM: usize = 3;

/// A search for a value that is accepted at `scope`.
#[derive(Debug)]
pub(super) struct Search {
    scope: Id,
    points: Vec<Point>,
    attempt: usize,
    accepted: bool,
}

/// Something that was chosen, and can be chosen otherwise.
#[derive(Debug)]
struct Point {
    node: Id,
    base: usize,
    options: usize,
}

impl Point {
    /// The option `distance` further on.
    fn shifted(&self, distance: usize) -> Option<usize> {
        (distance < self.options).then(|| (self.base + distance) % self.options)
    }
}

impl Search {
    /// Starts over the choices made at `points`.
    pub(super) fn new(graph: &Graph, scope: Id, points: &[Id]) -> Self {
        let mut seen: Vec<Point> = Vec::new();
        for &node in points {
            let options = graph[node].options();
            if options > 1 && !seen.iter().any(|point| point.node == node) {
                seen.push(Point { node, base: graph[node].chosen, options });
            }
        }
        Self { scope, points: seen, attempt: 0, accepted: false }
    }

    /// The place whose value is searched.
    pub(super) fn scope(&self) -> Id {
        self.scope
    }

    /// Whether a value refused at `path`, made from `points`, is a failed attempt of this search.
    ///
    /// It is not if nothing in it was varied: then it asks for a search of its own.
    pub(super) fn explains(&self, path: &[Id], points: &[Id]) -> bool {
        let varied = |node: &Id| self.points.iter().any(|point| point.node == *node);
        path.last() == Some(&self.scope) || points.iter().any(varied)
    }

    /// Notes that a value was accepted at `at`.
    pub(super) fn accept(&mut self, at: Id) {
        self.accepted |= self.scope == at;
    }

    /// Sets up the next attempt; false when there is none left.
    pub(super) fn advance(&mut self, graph: &mut Graph) -> bool {
        self.release(graph);
        self.accepted = false;
        while self.attempt < MAX_ATTEMPTS {
            let attempt = self.attempt;
            self.attempt += 1;
            if self.force(graph, attempt) {
                return true;
            }
        }
        false
    }

    /// Ends the search: keeps the choices of the last attempt if its value was accepted.
    pub(super) fn conclude(self, graph: &mut Graph) {
        if !self.accepted {
            return self.release(graph);
        }
        for point in &self.points {
            let node = &mut graph[point.node];
            if let Some(forced) = node.forced.take() {
                node.pick = Some(forced);
                node.close(point.base);
            }
        }
    }

    fn release(&self, graph: &mut Graph) {
        for point in &self.points {
            graph[point.node].forced = None;
        }
    }

    /// Whether `attempt` differs from those before it.
    fn force(&self, graph: &mut Graph, attempt: usize) -> bool {
        let points = self.points.len();
        if points > 1 && attempt < UNIFORM {
            for point in &self.points {
                graph[point.node].forced = point.shifted(attempt + 1);
            }
            return true;
        }
        let single = if points > 1 { attempt - UNIFORM } else { attempt };
        let Some(round) = single.checked_div(points) else {
            return false;
        };
        let point = &self.points[points - 1 - single % points];
        graph[point.node].forced = point.shifted(round + 1);
        graph[point.node].forced.is_some()
    }
}
