//! Which link serves which slot, as operations see it.
//!
//! Invariant: a map never changes; a newer one takes its place.

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
    /// Numbers apart from links: a search for one touches little memory.
    nodes: Vec<Node>,
    links: Vec<Arc<Link>>,
}

/// Who serves more than before, and who less; each once.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pub(super) gained: Vec<Arc<Link>>,
    pub(super) lost: Vec<Arc<Link>>,
}

impl Moves {
    /// Notes that slots went from one link to another.
    pub(super) fn note(&mut self, from: Option<&Arc<Link>>, to: Option<&Arc<Link>>) {
        for (links, link) in [(&mut self.lost, from), (&mut self.gained, to)] {
            if let Some(link) = link
                && !links.iter().any(|known| Arc::ptr_eq(known, link))
            {
                links.push(Arc::clone(link));
            }
        }
    }
}

impl Map {
    /// A map from the links of all slots, in their order.
    pub(super) fn new(owners: impl IntoIterator<Item = Option<Arc<Link>>>) -> Self {
        let all = vec![NOBODY; usize::from(slot::COUNT)].into_boxed_slice();
        let mut map = Self { owners: all, nodes: Vec::new(), links: Vec::new() };
        for (slot, link) in owners.into_iter().enumerate().take(map.owners.len()) {
            if let Some(link) = link {
                map.owners[slot] = map.place_of(link);
            }
        }
        map
    }

    /// What operations that had no map before send anywhere.
    pub(super) fn first_moves(&self) -> Moves {
        Moves { gained: self.links.clone(), lost: Vec::new() }
    }

    /// The same map, where another link serves one slot; `None` if it does already.
    pub(super) fn with(&self, slot: u16, link: Arc<Link>) -> Option<Self> {
        let present = self.owner(slot);
        if slot >= slot::COUNT || present.is_some_and(|present| Arc::ptr_eq(present, &link)) {
            return None;
        }
        let (owners, nodes) = (self.owners.clone(), self.nodes.clone());
        let mut map = Self { owners, nodes, links: self.links.clone() };
        map.owners[usize::from(slot)] = map.place_of(link);
        Some(map)
    }

    /// What operations that follow this map in place of an earlier one send elsewhere.
    pub(super) fn moves_since(&self, earlier: &Self) -> Moves {
        let mut moves = Moves::default();
        let mut last = None;
        for (from, to) in earlier.owners.iter().zip(&self.owners) {
            // Neighbouring slots mostly have moved alike.
            if last.replace((from, to)) == Some((from, to)) {
                continue;
            }
            let from = earlier.links.get(usize::from(*from));
            let to = self.links.get(usize::from(*to));
            match (from, to) {
                (Some(from), Some(to)) if Arc::ptr_eq(from, to) => {}
                (from, to) => moves.note(from, to),
            }
        }
        moves
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
        self.links.get(self.nodes.iter().position(|known| *known == node)?)
    }

    fn place_of(&mut self, link: Arc<Link>) -> u16 {
        let known = self.links.iter().position(|known| Arc::ptr_eq(known, &link));
        let place = known.unwrap_or_else(|| {
            self.nodes.push(link.node());
            self.links.push(link);
            self.links.len() - 1
        });
        u16::try_from(place).unwrap_or(NOBODY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RedisConfig;
    use crate::link::Client;
    use crate::url::Endpoint;

    fn links<const COUNT: usize>() -> [Arc<Link>; COUNT] {
        let settings = RedisConfig::default().check().unwrap();
        let client = Arc::new(Client::new(settings.access.response_timeout));
        std::array::from_fn(|number| {
            let endpoint = Endpoint { host: number.to_string(), port: 1 };
            Arc::new(Link::new(endpoint, Arc::clone(&settings.access), Arc::clone(&client)))
        })
    }

    /// A map that gives each link a share of the slots; the rest to nobody.
    fn map(shares: &[(Option<&Arc<Link>>, usize)]) -> Map {
        Map::new(shares.iter().flat_map(|(link, count)| (0..*count).map(move |_| link.cloned())))
    }

    fn numbers(links: &[Arc<Link>]) -> Vec<u32> {
        links.iter().map(|link| link.node().number()).collect()
    }

    #[test]
    fn who_gains_and_who_loses_is_told_once_each() {
        let [a, b, c] = &links();
        let earlier = map(&[(Some(a), 100), (Some(b), 100), (None, 10)]);
        for (shares, gained, lost) in [
            (vec![(Some(a), 100), (Some(b), 100), (None, 10)], vec![], vec![]),
            (vec![(Some(a), 99), (Some(b), 101), (None, 10)], vec![1], vec![0]),
            (vec![(Some(c), 100), (Some(b), 100), (None, 10)], vec![2], vec![0]),
            (vec![(Some(c), 150), (Some(a), 50), (None, 10)], vec![2, 0], vec![0, 1]),
            (vec![(Some(a), 100), (Some(b), 110)], vec![1], vec![]),
            (vec![(None, 100), (Some(b), 100)], vec![], vec![0]),
        ] {
            let moves = map(&shares).moves_since(&earlier);
            assert_eq!((numbers(&moves.gained), numbers(&moves.lost)), (gained, lost));
        }
        assert_eq!(numbers(&earlier.first_moves().gained), [0, 1]);
        assert!(earlier.first_moves().lost.is_empty());
    }
}
