use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;

use super::*;
use crate::backend::Class;
use crate::backend::operate::{Examination, FleetMember, Membership, RawValue, ScanPage, Survey};

/// Two nodes with two names on each page, and what happens while they are gone through.
#[derive(Debug, Default)]
struct Moving {
    nodes: Mutex<[(u64, Vec<&'static str>); 2]>,
    pages: Mutex<usize>,
    /// Before this page one name moves from the second node to the first; `usize::MAX` for before each.
    moves_before: Option<usize>,
    fails: Option<u32>,
}

impl Moving {
    fn stir(&self) {
        let page = *self.pages.lock().unwrap();
        *self.pages.lock().unwrap() += 1;
        let mut nodes = self.nodes.lock().unwrap();
        if self.moves_before == Some(usize::MAX) {
            nodes[0].0 += 1;
        } else if self.moves_before == Some(page) {
            let name = nodes[1].1.pop().unwrap();
            nodes[0].1.push(name);
            nodes[0].0 += 1;
        }
    }
}

#[async_trait]
impl Operator for Moving {
    async fn survey(&self, _: Duration) -> Arc<Survey> {
        Arc::default()
    }
    async fn examine(&self, _: &str, _: Duration) -> Examination {
        Examination::default()
    }
    fn scanned_nodes(&self) -> Vec<ScannedNode> {
        let nodes = self.nodes.lock().unwrap();
        let node = |(at, (term, _)): (u32, &(u64, _))| ScannedNode::new(Node::new(at), "n", *term);
        (0..).zip(nodes.iter()).map(node).collect()
    }
    async fn scan(
        &self,
        node: Node,
        from: ScanCursor,
        _: &str,
        _: usize,
    ) -> Result<ScanPage, Failure> {
        if self.fails == Some(node.number()) {
            return Err(Failure::new(Class::Unreachable, "gone"));
        }
        let at = usize::from(node != Node::ONLY);
        let from = usize::try_from(from.position).unwrap();
        let names = self.nodes.lock().unwrap()[at].1.clone();
        self.stir();
        let page = names.iter().skip(from).take(2).map(|name| (*name).to_owned()).collect();
        let next = (from + 2 < names.len()).then_some(from as u64 + 2);
        Ok(ScanPage::new(page, next.and_then(ScanCursor::at)))
    }
    async fn stored(&self, _: &[String], _: usize) -> Result<Vec<Option<RawValue>>, Failure> {
        Ok(Vec::new())
    }
    async fn join_fleet(&self, _: &str, _: &Membership) -> Result<(), Failure> {
        Ok(())
    }
    async fn leave_fleet(&self, _: &str, _: &str) -> Result<(), Failure> {
        Ok(())
    }
    async fn fleet(&self, _: &str) -> Result<Vec<FleetMember>, Failure> {
        Ok(Vec::new())
    }
}

fn moving(moves_before: Option<usize>) -> Moving {
    let nodes = Mutex::new([(0, vec!["a", "b", "c"]), (0, vec!["d", "e", "f"])]);
    Moving { nodes, moves_before, ..Moving::default() }
}

fn all(scan: &mut Scan<'_>) -> (BTreeSet<String>, usize) {
    let (mut found, mut failures) = (BTreeSet::new(), 0);
    while let Some(page) = scan.next().now_or_never().unwrap() {
        match page {
            Ok(names) => found.extend(names),
            Err(_) => failures += 1,
        }
    }
    (found, failures)
}

#[test]
fn a_name_that_moves_while_names_are_listed_is_found() {
    for before in [None, Some(0), Some(1), Some(2), Some(3)] {
        let store = moving(before);
        let mut scan = Scan::new(&store, "shop:", 2);
        let (found, failures) = all(&mut scan);
        assert_eq!(found.into_iter().collect::<String>(), "abcdef", "{before:?}");
        assert_eq!((failures, scan.is_incomplete()), (0, false), "{before:?}");
    }
}

#[test]
fn names_that_never_come_to_rest_end_in_a_list_that_says_so() {
    let store = moving(Some(usize::MAX));
    let mut scan = Scan::new(&store, "shop:", 2);
    let (found, _) = all(&mut scan);
    assert_eq!(found.len(), 6);
    assert!(scan.is_incomplete());
}

#[test]
fn a_node_that_fails_keeps_nobody_from_listing_the_others() {
    for (fails, expected) in [(0, "def"), (1, "abc")] {
        let store = Moving { fails: Some(fails), ..moving(None) };
        let (found, failures) = all(&mut Scan::new(&store, "shop:", 2));
        assert_eq!((found.into_iter().collect::<String>().as_str(), failures), (expected, 1));
    }
}
