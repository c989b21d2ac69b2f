//! How a region stands, by its signs of life.
//!
//! Invariant: a region is held for away only by silence since the process has looked, and for one that has answered
//! throughout only by answers that came without a gap.

use std::time::Duration;

use serde::Serialize;

use super::limits::RouterSettings;
use crate::clock::Tick;

/// What was heard of a region on this process's own links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signs {
    /// When any of its nodes has answered last.
    pub(crate) latest: Option<Tick>,
    /// When the node has answered last that has been silent for longest.
    pub(crate) slowest: Option<Tick>,
    /// Whether there is a connection to any of its nodes.
    pub(crate) is_ready: bool,
    /// How much its outbox holds for the primary; `None` if that is not known.
    pub(crate) owed: Option<u64>,
}

/// How a region stands, as one process sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RegionStanding {
    /// It has not answered yet.
    Unknown,
    /// It answers, and has for as long as it has to.
    Well,
    /// It answers no more, or is not connected, since moments ago.
    Suspect,
    /// It has been silent for long enough.
    Away,
    /// It answers again since not long ago.
    Probation,
    /// It has announced that it will be away.
    Maintenance,
    /// It was taken out by hand.
    Off,
}

impl RegionStanding {
    /// Whether whoever uses it has to leave it.
    pub(crate) fn is_to_be_left(self) -> bool {
        matches!(self, Self::Away | Self::Maintenance | Self::Off)
    }

    /// Whether it can be used.
    pub(crate) fn answers(self) -> bool {
        matches!(self, Self::Well | Self::Probation)
    }
}

/// A region, and what is remembered of it.
#[derive(Debug)]
pub(super) struct WatchedRegion {
    pub(super) standing: RegionStanding,
    /// From when on silence counts: when the process last began to look.
    looked_since: Tick,
    /// Since when it has answered without a gap.
    answers_since: Option<Tick>,
    /// Whether it was away, and has not answered for the time of grace since.
    is_on_probation: bool,
    maintenance: Option<Tick>,
    is_off: bool,
}

impl WatchedRegion {
    pub(super) fn new(now: Tick) -> Self {
        Self {
            standing: RegionStanding::Unknown,
            looked_since: now,
            answers_since: None,
            is_on_probation: false,
            maintenance: None,
            is_off: false,
        }
    }

    /// The process has stood still: what it has not heard meanwhile says nothing.
    pub(super) fn begin_anew(&mut self, now: Tick) {
        self.looked_since = now;
        self.answers_since = self.answers_since.map(|_| now);
    }

    /// It is announced that it will be away until then, at the latest.
    pub(super) fn hold(&mut self, until: Tick) {
        self.maintenance = self.maintenance.max(Some(until));
    }

    /// What was announced is over.
    pub(super) fn release(&mut self, now: Tick) {
        if self.maintenance.take().is_some() {
            self.is_on_probation = true;
            self.answers_since = self.answers_since.map(|_| now);
        }
    }

    pub(super) fn set_off(&mut self, is_off: bool) {
        self.is_on_probation |= self.is_off && !is_off;
        self.is_off = is_off;
    }

    /// For how long it has answered without a gap.
    pub(super) fn answered_for(&self, now: Tick) -> Duration {
        self.answers_since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// Takes in the signs of this moment.
    pub(super) fn look(
        &mut self,
        now: Tick,
        signs: &Signs,
        settings: &RouterSettings,
        grace: Duration,
    ) {
        let silent =
            |last: Option<Tick>| now.since(last.unwrap_or_default().max(self.looked_since));
        let is_silent = silent(signs.latest) >= settings.detect
            || silent(signs.slowest) >= settings.failover_timeout;
        let is_answering =
            signs.is_ready && signs.latest.is_some() && silent(signs.latest) <= settings.doubt();
        self.answers_since = self.answers_since.filter(|_| is_answering && !is_silent);
        if is_answering && !is_silent {
            self.answers_since.get_or_insert(now);
        }
        if self.maintenance.is_some_and(|until| until <= now) {
            self.release(now);
        }
        self.is_on_probation |= is_silent;
        if self.answered_for(now) >= grace {
            self.is_on_probation = false;
        }
        self.standing = match self.answers_since {
            _ if self.is_off => RegionStanding::Off,
            _ if self.maintenance.is_some() => RegionStanding::Maintenance,
            _ if is_silent => RegionStanding::Away,
            None if signs.latest.is_none() => RegionStanding::Unknown,
            None => RegionStanding::Suspect,
            Some(_) if self.is_on_probation => RegionStanding::Probation,
            Some(_) => RegionStanding::Well,
        };
    }
}
