//! Which link serves which slot, as operations see it.
//!
//! Invariant: a map never changes; a newer one takes its place. No node has two links in it.

use std::sync::Arc;

use athena_cache_core::backend::Node;

use crate::link::Link;
use crate::slot;

/// Marks a slot that nobody serves.
const NOBODY: u16 = u16::MAX;

#[derive(Debug)]
pub(super) struct Map {
    /// The place of each slot's link.
    owners: Box<[u16]>,
    nodes: Vec<Node>,
    /// The place of each node's link, by the number of the node.
    places: Vec<u16>,
    links: Vec<Arc<Link>>,
}

impl Map {
    /// A map from the links of all slots, in their order.
    pub(super) fn new(owners: impl IntoIterator<Item = Option<Arc<Link>>>) -> Self {
        let all = vec![NOBODY; usize::from(slot::COUNT)].into_boxed_slice();
        let (nodes, places) = (Vec::new(), Vec::new());
        let mut map = Self { owners: all, nodes, places, links: Vec::new() };
        for (slot, link) in owners.into_iter().enumerate().take(map.owners.len()) {
            if let Some(link) = link {
                map.owners[slot] = map.place_of(link);
            }
        }
        map
    }

    /// The same map, where another link serves one slot; `None` if it does already.
    pub(super) fn with(&self, slot: u16, link: Arc<Link>) -> Option<Self> {
        let present = self.owner(slot);
        if slot >= slot::COUNT || present.is_some_and(|present| Arc::ptr_eq(present, &link)) {
            return None;
        }
        let (owners, places) = (self.owners.clone(), self.places.clone());
        let (nodes, links) = (self.nodes.clone(), self.links.clone());
        let mut map = Self { owners, nodes, places, links };
        map.owners[usize::from(slot)] = map.place_of(link);
        Some(map)
    }

    /// Whether it leads anywhere by a link.
    pub(super) fn has(&self, link: &Arc<Link>) -> bool {
        self.find(link.node()).is_some_and(|known| Arc::ptr_eq(known, link))
    }

    /// The owners of each slot by an earlier map and by this one, where they differ from those of the
    /// slot before.
    pub(super) fn changes_since<'a>(
        &'a self,
        earlier: &'a Self,
    ) -> impl Iterator<Item = (Option<&'a Arc<Link>>, Option<&'a Arc<Link>>)> {
        let mut last = None;
        let pairs = earlier.owners.iter().zip(&self.owners);
        // Neighbouring slots mostly have moved alike.
        let turns = pairs.filter(move |pair| last.replace(*pair) != Some(*pair));
        turns.map(|(from, to)| {
            (earlier.links.get(usize::from(*from)), self.links.get(usize::from(*to)))
        })
    }

    pub(super) fn owner(&self, slot: u16) -> Option<&Arc<Link>> {
        self.links.get(usize::from(*self.owners.get(usize::from(slot))?))
    }

    /// The link that serves all of these slots, if one does.
    pub(super) fn owner_of_all(&self, slots: &[u16]) -> Option<&Arc<Link>> {
        let (first, others) = slots.split_first()?;
        let place = *self.owners.get(usize::from(*first))?;
        let same = |slot: &u16| self.owners.get(usize::from(*slot)) == Some(&place);
        others.iter().all(same).then(|| self.links.get(usize::from(place)))?
    }

    pub(super) fn links(&self) -> &[Arc<Link>] {
        &self.links
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn find(&self, node: Node) -> Option<&Arc<Link>> {
        self.links.get(usize::from(*self.places.get(number_of(node))?))
    }

    /// A number for each node, made of the slots that it serves.
    pub(super) fn terms(&self) -> Vec<(Node, u64)> {
        let mut terms: Vec<_> = self.nodes.iter().map(|node| (*node, 0_u64)).collect();
        for (slot, place) in (0_u64..).zip(&self.owners) {
            if let Some((_, term)) = terms.get_mut(usize::from(*place)) {
                *term = (term.rotate_left(5) ^ (slot + 1)).wrapping_mul(0x517c_c1b7_2722_0a95);
            }
        }
        terms
    }

    fn place_of(&mut self, link: Arc<Link>) -> u16 {
        let number = number_of(link.node());
        let known = self.places.get(number).copied().filter(|place| *place != NOBODY);
        known.unwrap_or_else(|| {
            let place = u16::try_from(self.links.len()).unwrap_or(NOBODY);
            self.places.resize(self.places.len().max(number + 1), NOBODY);
            self.places[number] = place;
            self.nodes.push(link.node());
            self.links.push(link);
            place
        })
    }
}

fn number_of(node: Node) -> usize {
    usize::try_from(node.number()).unwrap_or(usize::MAX)
}
