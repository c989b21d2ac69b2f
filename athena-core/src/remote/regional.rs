//! What a remote tier is to a namespace with several regions.
//!
//! Invariant: a secondary counts as heard by what it has told of all parts of the log (regions 8).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::journal::{Journal, Target};
use super::notices::Notices;
use super::untold::TargetsUntold;
use crate::backend::{LogPosition, LogPulse, Node};
use crate::clock::Tick;
use crate::coherence::heard::HeardUntil;
use crate::lock::Mutex;
use crate::regions::Hearing;

/// Which region, by the order of the settings: the first is the primary, or the only one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RegionPlace(u8);

impl RegionPlace {
    pub(crate) fn new(number: usize) -> Self {
        Self(u8::try_from(number).unwrap_or(u8::MAX))
    }

    pub(crate) fn number(self) -> usize {
        usize::from(self.0)
    }
}

/// A remote tier as that of a region.
#[derive(Debug)]
pub(crate) struct Regional {
    pub(super) name: Box<str>,
    pub(super) role: RegionRole,
    pub(super) untold: Arc<TargetsUntold>,
    /// How often signs of life are asked for at least.
    pub(super) pulse_pause: Duration,
    /// When each node has answered last.
    pub(super) answers: Mutex<HashMap<Node, Tick>>,
    /// What was announced of its maintenance.
    pub(super) notices: Arc<Notices>,
}

/// What a region is to the others.
#[derive(Debug)]
pub(super) enum RegionRole {
    /// It decides the order of invalidations, and logs them.
    Primary,
    Secondary(Secondary),
}

/// A region that follows the primary.
#[derive(Debug)]
pub(super) struct Secondary {
    /// Among the secondaries.
    pub(super) place: usize,
    /// What waits for the primary.
    pub(super) waiting: Arc<Journal>,
    /// The parts of the primary's log, by their names.
    pub(super) followed: Box<[String]>,
    pub(super) tolerance: Duration,
    pub(super) alone_ttl: Duration,
    /// What was heard of each part of the primary's log.
    hearing: Mutex<Box<[Hearing]>>,
    /// Until when what it answers counts as heard; what follows from `hearing`.
    pub(super) heard_until: Arc<HeardUntil>,
}

impl Secondary {
    pub(super) fn new(
        place: usize,
        waiting: &Arc<Journal>,
        followed: Vec<String>,
        (tolerance, alone_ttl): (Duration, Duration),
    ) -> Self {
        let parts = followed.len();
        Self {
            place,
            waiting: Arc::clone(waiting),
            followed: followed.into(),
            tolerance,
            alone_ttl,
            hearing: Mutex::new((0..parts).map(|_| Hearing::default()).collect()),
            heard_until: Arc::default(),
        }
    }

    /// Takes in what was told of one part, asked for at `sent` (regions 8).
    pub(super) fn note(&self, part: usize, pulse: &LogPulse, sent: Tick) {
        let mut hearing = self.hearing.lock();
        if let Some(part) = hearing.get_mut(part) {
            part.note(pulse, sent);
        }
        if let Some(until) = Hearing::until(hearing.iter(), self.tolerance) {
            self.heard_until.extend(until);
        }
    }
}

impl Regional {
    pub(super) fn new(
        name: &str,
        role: RegionRole,
        untold: &Arc<TargetsUntold>,
        pulse_pause: Duration,
    ) -> Self {
        let (name, untold) = (name.into(), Arc::clone(untold));
        let (answers, notices) = (Mutex::default(), Arc::default());
        Self { name, role, untold, pulse_pause, answers, notices }
    }

    pub(super) fn secondary(&self) -> Option<&Secondary> {
        match &self.role {
            RegionRole::Primary => None,
            RegionRole::Secondary(secondary) => Some(secondary),
        }
    }

    /// What bounds the sessions with its nodes.
    pub(super) fn heard_until(&self) -> Option<Arc<HeardUntil>> {
        self.secondary().map(|secondary| Arc::clone(&secondary.heard_until))
    }

    /// The primary has executed targets, whose last record stands here in its log.
    pub(super) fn executed(&self, targets: &[Target], record: (usize, LogPosition)) {
        self.untold.executed(targets, record);
    }

    /// A node has answered at this time.
    pub(super) fn note_answer(&self, node: Node, now: Tick) {
        self.answers.lock().insert(node, now);
    }

    /// Whether it may not know of what this process has invalidated.
    pub(super) fn is_untold(&self) -> bool {
        self.secondary().is_some_and(|secondary| self.untold.count(secondary.place) > 0)
    }
}
