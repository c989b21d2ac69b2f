//! How often the same is told of one node.
//!
//! Invariant: what happens again and again costs few records, and each says how often it was.

use std::collections::HashMap;
use std::time::Duration;

use athena_cache_core::backend::{Class, Node};
use tokio::time::Instant;

use super::refusal::Hurdle;

/// In so long the same is told of a node as often as is due, and no more.
const PERIOD: Duration = Duration::from_secs(60);

/// From so many on those are forgotten whose time is over: nodes come and go for as long as the process lives.
const MOST: usize = 256;

/// Why there is no connection.
pub(super) type Trouble = (Class, Option<Hurdle>);

/// What is told of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Occurrence {
    /// That it cannot be connected to.
    Unconnected(Trouble),
    /// That a connection to it was lost.
    Lost,
    /// That one was replaced.
    Replaced,
    /// That no node can be reached.
    CutOff,
}

impl Occurrence {
    /// How often it is told in a period.
    fn due(self) -> u32 {
        match self {
            // Whoever tries again tells nothing new.
            Self::Unconnected(_) => 1,
            Self::Lost | Self::Replaced | Self::CutOff => 3,
        }
    }
}

/// What was told of nodes lately.
#[derive(Debug, Default)]
pub(super) struct Occurrences(HashMap<(Node, Occurrence), Told>);

#[derive(Debug, Clone, Copy)]
struct Told {
    /// When its period began.
    since: Instant,
    /// How often it was told in it.
    count: u32,
    /// How often it has happened since without a word.
    untold: u32,
}

impl Occurrences {
    /// Notes that something has happened; how often it has since it was told last, if it is to be told now.
    pub(super) fn note(&mut self, node: Node, occurrence: Occurrence, now: Instant) -> Option<u32> {
        if self.0.len() >= MOST {
            self.0.retain(|_, told| now.saturating_duration_since(told.since) < PERIOD);
        }
        let new = Told { since: now, count: 0, untold: 0 };
        let told = self.0.entry((node, occurrence)).or_insert(new);
        if now.saturating_duration_since(told.since) >= PERIOD {
            (told.since, told.count) = (now, 0);
        }
        if told.count >= occurrence.due() {
            told.untold = told.untold.saturating_add(1);
            return None;
        }
        told.count += 1;
        Some(std::mem::take(&mut told.untold).saturating_add(1))
    }

    /// What it was that kept a node from being connected to is over: the next time is news.
    pub(super) fn begin_anew(&mut self, node: Node) {
        self.0.retain(|(of, occurrence), _| {
            *of != node || !matches!(occurrence, Occurrence::Unconnected(_))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_all_the_time_is_told_a_few_times_a_minute_with_how_often_it_was() {
        let (mut occurrences, start) = (Occurrences::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let told: Vec<_> = (0..60)
            .map(|second| occurrences.note(Node::ONLY, Occurrence::Lost, at(second)))
            .collect();
        assert_eq!(told[..4], [Some(1), Some(1), Some(1), None]);
        assert_eq!(told.iter().flatten().count(), 3);
        assert_eq!(
            occurrences.note(Node::new(1), Occurrence::Lost, at(59)),
            Some(1),
            "another node"
        );
        assert_eq!(occurrences.note(Node::ONLY, Occurrence::Lost, at(60)), Some(58));
    }

    #[test]
    fn a_node_that_is_tried_by_one_after_the_other_is_told_of_once_until_it_is_connected() {
        let (mut occurrences, now) = (Occurrences::default(), Instant::now());
        let refused = Occurrence::Unconnected((Class::Unreachable, None));
        let told = [(); 3].map(|()| occurrences.note(Node::ONLY, refused, now));
        assert_eq!(told, [Some(1), None, None]);
        let denied = Occurrence::Unconnected((Class::Denied, None));
        assert_eq!(occurrences.note(Node::ONLY, denied, now), Some(1), "another kind");
        occurrences.begin_anew(Node::ONLY);
        assert_eq!(occurrences.note(Node::ONLY, refused, now), Some(1));
    }

    #[test]
    fn nodes_that_have_come_and_gone_are_forgotten() {
        let (mut occurrences, mut now) = (Occurrences::default(), Instant::now());
        for number in 0..10_000 {
            occurrences.note(Node::new(number), Occurrence::Lost, now);
            now += Duration::from_secs(1);
        }
        assert!(occurrences.0.len() <= MOST);
    }
}
