//! Layers and circles.

use std::collections::BTreeSet;

/// Files, and who imports from whom.
#[derive(Debug)]
pub(crate) struct Graph {
    names: Vec<String>,
    edges: Vec<BTreeSet<usize>>,
}

impl Graph {
    pub(crate) fn new(names: Vec<String>) -> Self {
        let edges = names.iter().map(|_| BTreeSet::new()).collect();
        Self { names, edges }
    }

    pub(crate) fn add(&mut self, from: usize, to: usize) {
        self.edges[from].insert(to);
    }

    /// Every import, by the names of both files.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        let of = |(from, to): (usize, &BTreeSet<usize>)| {
            to.iter().map(|to| (from, *to)).collect::<Vec<_>>()
        };
        let all = self.edges.iter().enumerate().flat_map(of);
        all.map(|(from, to)| (self.names[from].as_str(), self.names[to].as_str()))
    }

    /// Files that import from each other in a circle, each circle sorted.
    pub(crate) fn circles(&self) -> Vec<Vec<&str>> {
        let reach: Vec<_> = (0..self.names.len()).map(|file| self.reach(file)).collect();
        let mut circles = BTreeSet::new();
        for file in 0..self.names.len() {
            let others = reach[file].iter().filter(|other| reach[**other].contains(&file));
            let circle: Vec<_> = others.map(|other| self.names[*other].as_str()).collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }

    /// How many layers the files make, each above all that it imports from; a circle is one of them.
    pub(crate) fn layers(&self) -> usize {
        let reach: Vec<_> = (0..self.names.len()).map(|file| self.reach(file)).collect();
        let mut heights = vec![1; self.names.len()];
        for _ in 0..self.names.len() {
            for (file, to) in self.edges.iter().enumerate() {
                for other in to.iter().filter(|other| !reach[**other].contains(&file)) {
                    heights[file] = heights[file].max(heights[*other] + 1);
                }
            }
        }
        heights.into_iter().max().unwrap_or_default()
    }

    /// What can be reached from a file; the file itself only by a circle.
    fn reach(&self, file: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<_> = self.edges[file].iter().copied().collect();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(&self.edges[next]);
            }
        }
        reached
    }
}
