//! What operations on the nodes of a backend take, and how they fail.
//!
//! Invariant: each exchange counts once; how many kinds are kept apart is bounded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::histogram::{Distribution, Histogram, NANOS, TIMES};
use crate::backend::{Class, Node};
use crate::lock::RwLock;

/// Pairs of a node and an operation that are counted by themselves; the rest is counted together.
const PAIRS: usize = 1_024;

/// What one operation on one node took, and how it failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExchangeReport {
    /// Where the node is; `other` beyond the first 1024 pairs of a node and an operation.
    pub endpoint: String,
    /// What was asked.
    pub operation: &'static str,
    /// How long it took, whatever came of it.
    pub took: Distribution,
    /// How often it was not asked at all, as by a breaker that is open; not in `took`, and among `failures`.
    pub unasked: u64,
    /// How often it failed, by class.
    pub failures: BTreeMap<&'static str, u64>,
}

/// The same as it is counted.
#[derive(Debug)]
struct Exchange {
    endpoint: String,
    took: Histogram<{ TIMES.len() }>,
    unasked: AtomicU64,
    failures: [AtomicU64; Class::ALL.len()],
}

/// What is counted of all pairs.
#[derive(Debug)]
pub(crate) struct Exchanges {
    pairs: RwLock<HashMap<(Node, &'static str), Arc<Exchange>>>,
    others: Exchange,
}

impl Exchanges {
    pub(crate) fn new() -> Self {
        Self { pairs: RwLock::default(), others: Exchange::new("other".to_owned()) }
    }

    /// Counts one, of which there is no time if it was not asked; `endpoint` is for the first of them.
    pub(crate) fn count(
        &self,
        (node, operation): (Node, &'static str),
        took: Option<Duration>,
        class: Option<Class>,
        endpoint: impl FnOnce() -> String,
    ) {
        let known = self.pairs.read().get(&(node, operation)).cloned();
        match known.or_else(|| self.added((node, operation), endpoint)) {
            Some(exchange) => exchange.count(took, class),
            None => self.others.count(took, class),
        }
    }

    #[cold]
    fn added(
        &self,
        pair: (Node, &'static str),
        endpoint: impl FnOnce() -> String,
    ) -> Option<Arc<Exchange>> {
        let exchange = Arc::new(Exchange::new(endpoint()));
        let mut pairs = self.pairs.write();
        if pairs.len() >= PAIRS && !pairs.contains_key(&pair) {
            return None;
        }
        Some(Arc::clone(pairs.entry(pair).or_insert(exchange)))
    }

    /// How many there were, and how many of them failed.
    pub(crate) fn total(&self) -> (u64, u64) {
        let pairs = self.pairs.read();
        let all = pairs.values().map(|exchange| &**exchange).chain([&self.others]);
        all.fold((0, 0), |(count, failed), exchange| {
            (count + exchange.all(), failed + exchange.failed())
        })
    }

    /// Those that there were, by endpoint and operation.
    pub(crate) fn read(&self) -> Vec<ExchangeReport> {
        let pairs = self.pairs.read();
        let named = pairs.iter().map(|((_, operation), exchange)| exchange.read(operation));
        let others =
            Some(self.others.read("other")).filter(|others| others.took.count + others.unasked > 0);
        let mut read: Vec<_> = named.chain(others).collect();
        // Two numbers of one address, as of a node that came back, are one to whoever reads of it.
        merge(&mut read);
        read
    }
}

impl ExchangeReport {
    /// The same for all nodes together, by operation.
    pub(crate) fn together(exchanges: &[Self]) -> Vec<Self> {
        let without = |exchange: &Self| Self { endpoint: String::new(), ..exchange.clone() };
        let mut together: Vec<_> = exchanges.iter().map(without).collect();
        merge(&mut together);
        together
    }

    fn add(&mut self, other: &Self) {
        self.took.add(&other.took);
        self.unasked += other.unasked;
        for (class, count) in &other.failures {
            *self.failures.entry(class).or_default() += count;
        }
    }
}

/// Sorts them, and makes one of those that are of one endpoint and operation.
fn merge(exchanges: &mut Vec<ExchangeReport>) {
    exchanges.sort_by(|a, b| (&a.endpoint, a.operation).cmp(&(&b.endpoint, b.operation)));
    exchanges.dedup_by(|later, first| {
        let is_same = (&later.endpoint, later.operation) == (&first.endpoint, first.operation);
        if is_same {
            first.add(later);
        }
        is_same
    });
}

impl Exchange {
    fn new(endpoint: String) -> Self {
        let failures = [const { AtomicU64::new(0) }; Class::ALL.len()];
        let unasked = AtomicU64::new(0);
        Self { endpoint, took: Histogram::new(&TIMES, NANOS), unasked, failures }
    }

    fn count(&self, took: Option<Duration>, class: Option<Class>) {
        match took {
            Some(took) => self.took.add(took),
            None => {
                self.unasked.fetch_add(1, Ordering::Relaxed);
            }
        }
        let place = class.and_then(|class| Class::ALL.iter().position(|known| *known == class));
        if let Some(place) = place {
            self.failures[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn all(&self) -> u64 {
        self.took.total().0 + self.unasked.load(Ordering::Relaxed)
    }

    fn failed(&self) -> u64 {
        self.failures.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn read(&self, operation: &'static str) -> ExchangeReport {
        let counts = self.failures.iter().map(|count| count.load(Ordering::Relaxed));
        let failures = Class::ALL.iter().map(|class| class.name()).zip(counts);
        ExchangeReport {
            endpoint: self.endpoint.clone(),
            operation,
            took: self.took.read(),
            unasked: self.unasked.load(Ordering::Relaxed),
            failures: failures.filter(|(_, count)| *count > 0).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn each_counts_once_under_its_node_and_operation() {
        let exchanges = Exchanges::new();
        let count = |number, operation, class| {
            let at = || format!("node-{}", number % 2);
            exchanges.count((Node::new(number), operation), Some(MILLISECOND), class, at);
        };
        count(0, "read", None);
        count(0, "read", Some(Class::Timeout));
        count(1, "read", None);
        // The address of node 0 once more.
        count(2, "read", Some(Class::Timeout));
        count(0, "fill", None);
        let read = exchanges.read();
        let shown: Vec<_> = read
            .iter()
            .map(|it| (&*it.endpoint, it.operation, it.took.count, it.failures.get("timeout")))
            .collect();
        assert_eq!(
            shown,
            [
                ("node-0", "fill", 1, None),
                ("node-0", "read", 3, Some(&2)),
                ("node-1", "read", 1, None),
            ]
        );
        assert_eq!(exchanges.total(), (5, 2));
        exchanges.count((Node::new(0), "read"), None, Some(Class::Open), String::new);
        let reads = &exchanges.read()[1];
        assert_eq!((reads.took.count, reads.unasked, reads.failures.get("open")), (3, 1, Some(&1)));
        assert_eq!(exchanges.total(), (6, 3), "a breaker that is open is an error as well");
    }

    #[test]
    fn beyond_a_bound_the_rest_is_counted_together() {
        let exchanges = Exchanges::new();
        for number in 0..2_000 {
            let at = || format!("node-{number}");
            exchanges.count((Node::new(number), "read"), Some(MILLISECOND), None, at);
        }
        let read = exchanges.read();
        assert_eq!((read.len(), exchanges.total()), (PAIRS + 1, (2_000, 0)));
        let other = read.iter().find(|it| it.endpoint == "other").unwrap();
        assert_eq!(other.took.count, 2_000 - PAIRS as u64);
    }
}
