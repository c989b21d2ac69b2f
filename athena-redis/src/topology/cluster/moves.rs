//! What follows for operations when another map takes the place of the present one. Decides, and does
//! nothing else.
//!
//! Invariant: who gains slots is told of before operations can use it (coherence 9b), and who loses
//! some after (coherence 12).

use std::sync::Arc;

use super::map::Map;
use crate::link::{Doubt, Link};

/// Who serves more than before, and who less; each once.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pub(super) gained: Vec<Arc<Link>>,
    pub(super) lost: Vec<Arc<Link>>,
}

/// What becomes of a link to a node that serves nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// What is in flight is still answered.
    LetGo,
    /// What is in flight ends at once.
    Retire,
}

impl Fate {
    /// By what its link says against it.
    pub(super) fn of(doubt: Option<Doubt>) -> Self {
        match doubt {
            Some(Doubt::Silent) => Self::Retire,
            Some(Doubt::Lost | Doubt::NotServing) | None => Self::LetGo,
        }
    }
}

/// What to do, in this order, to have operations follow another map.
#[derive(Debug)]
pub(super) enum Step {
    /// Take the history of a node for unknown (coherence 8): it may have been a replica since it was
    /// asked, and then been promoted.
    ForgetHistory(Arc<Link>),
    /// Tell that a node begins to serve.
    Connected(Arc<Link>),
    /// Put the map in the place of the present one.
    Swap,
    /// Tell that nobody announces any more what was read from a node until now.
    Unheard(Arc<Link>),
}

impl Moves {
    /// What operations that follow a map in place of an earlier one send elsewhere.
    pub(super) fn between(earlier: Option<&Map>, map: &Map) -> Self {
        let mut moves = Self::default();
        let Some(earlier) = earlier else {
            return Self { gained: map.links().to_vec(), ..moves };
        };
        for (from, to) in map.changes_since(earlier) {
            match (from, to) {
                (Some(from), Some(to)) if Arc::ptr_eq(from, to) => {}
                (from, to) => moves.note(from, to),
            }
        }
        moves
    }

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

    /// Has operations follow these moves from an earlier map.
    pub(super) fn steps(&self, earlier: Option<&Map>) -> Vec<Step> {
        let mut steps = Vec::with_capacity(3 * self.gained.len() + 1 + self.lost.len());
        for link in &self.gained {
            if earlier.is_some_and(|earlier| !earlier.has(link)) {
                steps.push(Step::ForgetHistory(Arc::clone(link)));
            }
            // Coherence 9b: whoever hears of it decides what must be sent before operations use it.
            steps.push(Step::Connected(Arc::clone(link)));
        }
        steps.push(Step::Swap);
        // Coherence 9b: again, now that what is kept for a node can be told to be for this one.
        steps.extend(self.gained.iter().cloned().map(Step::Connected));
        // Coherence 12: not earlier, since until the swap more was read from those who served it.
        steps.extend(self.lost.iter().cloned().map(Step::Unheard));
        steps
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
            let moves = Moves::between(Some(&earlier), &map(&shares));
            assert_eq!((numbers(&moves.gained), numbers(&moves.lost)), (gained, lost));
        }
        let first = Moves::between(None, &earlier);
        assert_eq!(numbers(&first.gained), [0, 1]);
        assert!(first.lost.is_empty());
    }

    #[test]
    fn what_is_in_flight_to_a_node_that_went_is_waited_for_unless_the_node_is_silent() {
        for (doubt, fate) in [
            (None, Fate::LetGo),
            (Some(Doubt::NotServing), Fate::LetGo),
            (Some(Doubt::Lost), Fate::LetGo),
            (Some(Doubt::Silent), Fate::Retire),
        ] {
            assert_eq!(Fate::of(doubt), fate, "{doubt:?}");
        }
    }

    #[test]
    fn who_gains_is_told_of_before_and_after_the_swap_and_who_loses_after_it() {
        let [a, b, c] = &links();
        let told = |earlier: Option<&Map>, map: &Map| -> Vec<String> {
            let steps = Moves::between(earlier, map).steps(earlier);
            let words = steps.iter().map(|step| match step {
                Step::ForgetHistory(link) => format!("forget {}", link.node().number()),
                Step::Connected(link) => format!("connected {}", link.node().number()),
                Step::Swap => "swap".to_owned(),
                Step::Unheard(link) => format!("unheard {}", link.node().number()),
            });
            words.collect()
        };
        let earlier = map(&[(Some(a), 100), (Some(b), 100)]);
        assert_eq!(
            told(None, &earlier),
            ["connected 0", "connected 1", "swap", "connected 0", "connected 1"]
        );
        let moved = map(&[(Some(a), 90), (Some(b), 110)]);
        let told_of = told(Some(&earlier), &moved);
        assert_eq!(told_of, ["connected 1", "swap", "connected 1", "unheard 0"]);
        let succeeded = map(&[(Some(c), 100), (Some(b), 100)]);
        let told_of = told(Some(&earlier), &succeeded);
        assert_eq!(told_of, ["forget 2", "connected 2", "swap", "connected 2", "unheard 0"]);
        assert_eq!(told(Some(&earlier), &map(&[(Some(a), 100), (Some(b), 100)])), ["swap"]);
    }
}
