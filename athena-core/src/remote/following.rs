//! A remote tier as that of one region of several: what it has to be told, and what it knows.
//!
//! Invariant: nothing is read from a secondary before it was told what this process has invalidated and it may not
//! know of (regions 9), and what is read there is fresh for as long as it is known to be, or by its age (regions 11).

use std::time::Duration;

use super::Remote;
use super::journal::Target;
use crate::backend::Node;
use crate::clock::Tick;
use crate::coherence::guards::Guard;
use crate::coherence::heard::HeardMark;
use crate::regions::{Signs, Telling};

/// Who has missed so many signs of life does not answer, as far as others rely on it.
const SILENT: u32 = 4;

impl Remote {
    /// Whether it may not know of what this process has invalidated (regions 9).
    #[inline]
    pub(super) fn is_untold(&self) -> bool {
        let is_untold = self.regional.as_ref().is_some_and(|regional| regional.is_untold());
        is_untold && !self.guards.lacks(Guard::Untold)
    }

    /// Puts into the journal what it may not know of, so that nothing is read before that is sent (regions 9).
    pub(super) fn catch_up(&self) {
        let Some(regional) = self.regional.as_ref().filter(|_| self.is_untold()) else { return };
        let Some(secondary) = regional.secondary() else { return };
        let telling = regional.untold.telling(secondary.place);
        let targets = match &telling {
            Telling::Everything(_) => self.everything(),
            Telling::These(targets) => {
                let own = targets.iter().flat_map(|(target, _)| self.own(target));
                own.collect()
            }
        };
        // In this order: whoever finds nothing untold finds it in the journal.
        self.keep_all(targets);
        regional.untold.told(secondary.place, &telling);
    }

    /// A target of another region as this one has it.
    fn own(&self, target: &Target) -> Vec<Target> {
        match target {
            Target::Namespace(_) => self.everything(),
            target => vec![target.clone()],
        }
    }

    /// Until when what it answers to a question of now counts as heard; for ever where nobody has to be (regions 13).
    pub(super) fn heard_until(&self) -> Tick {
        let secondary = self.regional.as_ref().and_then(|regional| regional.secondary());
        secondary.map_or(Tick::FAR, |secondary| secondary.heard_until.get())
    }

    /// Whether something of this age counts, as an answer to a question before which so much had been heard of the
    /// region (regions 11 and 12).
    pub(super) fn is_heard(&self, heard: HeardMark, age: Duration) -> bool {
        let Some(secondary) = self.regional.as_ref().and_then(|regional| regional.secondary())
        else {
            return true;
        };
        self.clock.now() < secondary.heard_until.at(heard)
            || age < secondary.alone_ttl
            || self.guards.lacks(Guard::Heard)
    }

    /// How long a value is kept that was loaded under a lease: it is as old as its load (regions 12).
    pub(super) fn life_left(&self, life: Duration, asked: Tick) -> Duration {
        let is_secondary = self.regional.as_ref().is_some_and(|it| it.secondary().is_some());
        if !is_secondary || self.guards.lacks(Guard::LoadAge) {
            return life;
        }
        life.saturating_sub(self.clock.now().since(asked)).max(Duration::from_millis(1))
    }

    /// Asks for anything where no node is known yet: a cluster is not met before, and a region that nobody has met
    /// would count as silent.
    pub(super) async fn make_acquaintance(&self, limit: Duration) {
        if self.regional.is_none() || !self.backend.nodes().is_empty() {
            return;
        }
        let name = self.namespace.generation(self.backend.partition(""));
        let (names, node) = ([&*name], self.backend.node(&name));
        let read = self.contained(node, self.backend.read(&[], &names));
        // Whatever it says: the next signs of life tell.
        let _ = self.clock.within_dozing(limit, read).await;
    }

    /// Asks how far the region follows the primary (regions 8); before signs of life are asked for, so that those prove
    /// that all of it has been announced.
    pub(super) async fn take_pulse(&self, limit: Duration) {
        let Some(regional) = &self.regional else { return };
        let Some((secondary, log)) = regional.secondary().zip(self.backend.changes()) else {
            return;
        };
        let names = &secondary.followed;
        let pulse = async |(part, name): (usize, &String)| {
            let (node, sent) = (self.backend.node(name), self.clock.now());
            if self.is_isolated(node) {
                return;
            }
            let answer = self.contained(node, log.pulse(name));
            if let Some(Ok(pulse)) = self.clock.within_dozing(limit, answer).await {
                if let Some(position) = &pulse.position {
                    regional.untold.passed(secondary.place, part, position);
                }
                secondary.note(part, &pulse, sent);
            }
        };
        super::join_all(names.iter().enumerate().map(pulse)).await;
    }

    /// What its region is called, where there are several.
    pub(crate) fn region(&self) -> Option<&str> {
        self.regional.as_ref().map(|regional| &*regional.name)
    }

    /// The same; nothing where there is only one.
    pub(crate) fn region_name(&self) -> &str {
        self.region().unwrap_or_default()
    }

    /// A node has answered, whatever it was asked.
    #[inline]
    pub(super) fn note_answer(&self, node: Node) {
        if let Some(regional) = &self.regional {
            regional.note_answer(node, self.clock.now());
        }
    }

    /// Whether each node has answered lately.
    pub(super) fn is_answering(&self) -> bool {
        let Some(regional) = &self.regional else { return true };
        let oldest = self.clock.now().before(regional.pulse_pause * SILENT);
        self.signs().slowest.is_some_and(|latest| latest >= oldest)
    }

    /// What was heard of the region, but for its outbox.
    pub(super) fn signs(&self) -> Signs {
        let answers = self.regional.as_ref().map(|regional| regional.answers.lock().clone());
        let answers = answers.unwrap_or_default();
        let nodes = self.backend.nodes();
        let last = || nodes.iter().map(|node| answers.get(node).copied());
        Signs {
            latest: last().max().flatten(),
            slowest: last().min().flatten(),
            is_ready: nodes.iter().any(|node| self.backend.is_ready(*node)),
            owed: None,
        }
    }
}
