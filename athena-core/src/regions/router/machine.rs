//! Which region is used: when it is left, and when it is returned to.
//!
//! Invariant (regions 20): nobody leaves a region unless another one has answered throughout the silence, and a process
//! that stood still judges nobody. So a stall of the process, or of everything, switches nothing.

use std::time::Duration;

use super::limits::RouterSettings;
use super::standing::{RegionStanding, Signs, WatchedRegion};
use crate::clock::Tick;

/// How often it is asked whether to return.
const RETURN_CHECK: Duration = Duration::from_secs(5);
/// A region that is left again so soon after a return is given more time before the next one.
const TOO_SOON: Duration = Duration::from_secs(5 * 60);
/// However often that happens.
const LONGEST_GRACE: Duration = Duration::from_secs(10 * 60);

/// Another region is used from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switch {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) reason: SwitchReason,
}

/// Why another region is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SwitchReason {
    /// The former does not answer.
    Silence,
    /// The former has announced that it will not.
    Maintenance,
    /// The preferred one answers again.
    Return,
    /// Somebody said so.
    ByHand,
}

impl SwitchReason {
    /// A short name, as used in events and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Maintenance => "maintenance",
            Self::Return => "return",
            Self::ByHand => "by hand",
        }
    }
}

/// The regions of a namespace as one process sees them, by their places in the configuration.
#[derive(Debug)]
pub(crate) struct Router {
    settings: RouterSettings,
    regions: Box<[WatchedRegion]>,
    /// The region that decides the order of invalidations.
    primary: usize,
    preferred: usize,
    active: usize,
    ticked: Tick,
    return_check: Tick,
    returned: Option<Tick>,
    grace: Duration,
}

impl Router {
    /// The first region is the primary; nothing is known of any.
    pub(crate) fn new(
        settings: RouterSettings,
        regions: usize,
        preferred: usize,
        now: Tick,
    ) -> Self {
        let regions: Box<[_]> = (0..regions.max(1)).map(|_| WatchedRegion::new(now)).collect();
        let preferred = preferred.min(regions.len() - 1);
        Self {
            grace: settings.grace,
            settings,
            regions,
            primary: 0,
            preferred,
            active: preferred,
            ticked: now,
            return_check: now,
            returned: None,
        }
    }

    /// The region that is used.
    #[cfg(test)]
    pub(crate) fn active(&self) -> usize {
        self.active
    }

    /// The region that is used while it can be.
    pub(crate) fn preferred(&self) -> usize {
        self.preferred
    }

    /// Whether another region than the one that is used is preferred.
    pub(crate) fn wants_to_leave(&self) -> bool {
        self.active != self.preferred
    }

    /// How each region stands.
    pub(crate) fn standings(&self) -> impl Iterator<Item = RegionStanding> {
        self.regions.iter().map(|region| region.standing)
    }

    /// A region has announced that it will be away, until then at the latest.
    pub(crate) fn hold(&mut self, region: usize, until: Tick) {
        if let Some(region) = self.regions.get_mut(region) {
            region.hold(until);
        }
    }

    /// What a region had announced is over.
    pub(crate) fn release(&mut self, region: usize, now: Tick) {
        if let Some(region) = self.regions.get_mut(region) {
            region.release(now);
        }
    }

    /// Takes a region out, or lets it be used again.
    #[cfg_attr(not(test), expect(dead_code, reason = "nobody takes a region out so far"))]
    pub(crate) fn set_off(&mut self, region: usize, is_off: bool) {
        if let Some(region) = self.regions.get_mut(region) {
            region.set_off(is_off);
        }
    }

    /// Prefers a region from now on, and uses it.
    pub(crate) fn prefer(&mut self, region: usize) -> Option<Switch> {
        if region >= self.regions.len() {
            return None;
        }
        self.preferred = region;
        self.grace = self.settings.grace;
        self.returned = None;
        self.switch(region, SwitchReason::ByHand)
    }

    /// Takes in what was heard of each region by now; tells whether another one is used from now on.
    pub(crate) fn tick(&mut self, now: Tick, signs: &[Signs]) -> Option<Switch> {
        if now.since(self.ticked) > self.settings.stall() {
            self.regions.iter_mut().for_each(|region| region.begin_anew(now));
        }
        self.ticked = now;
        for (region, signs) in self.regions.iter_mut().zip(signs) {
            region.look(now, signs, &self.settings, self.grace);
        }
        if !self.settings.failover {
            return None;
        }
        self.leave(now).or_else(|| self.come_back(now, signs))
    }

    fn leave(&mut self, now: Tick) -> Option<Switch> {
        let standing = self.standing(self.active)?;
        if !standing.is_to_be_left() {
            return None;
        }
        let others = (0..self.regions.len()).filter(|region| *region != self.preferred);
        let mut by_choice = std::iter::once(self.preferred).chain(others);
        let to = by_choice.find(|region| *region != self.active && self.is_sound(*region, now))?;
        if self.returned.is_some_and(|returned| now.since(returned) < TOO_SOON) {
            self.grace = self.grace.saturating_mul(2).min(LONGEST_GRACE.max(self.settings.grace));
        } else {
            self.grace = self.settings.grace;
        }
        let reason = match standing {
            RegionStanding::Maintenance => SwitchReason::Maintenance,
            RegionStanding::Off => SwitchReason::ByHand,
            _ => SwitchReason::Silence,
        };
        self.switch(to, reason)
    }

    fn come_back(&mut self, now: Tick, signs: &[Signs]) -> Option<Switch> {
        if self.active == self.preferred || now < self.return_check {
            return None;
        }
        self.return_check = now.after(RETURN_CHECK);
        let preferred = self.regions.get(self.preferred)?;
        if preferred.standing != RegionStanding::Well || preferred.answered_for(now) < self.grace {
            return None;
        }
        // Regions 16: others may have seen here what is not known there.
        let is_drained = self.active == self.primary
            || self.standing(self.active)?.answers()
                && signs.get(self.active).is_some_and(|signs| signs.owed == Some(0));
        if !is_drained {
            return None;
        }
        self.returned = Some(now);
        self.switch(self.preferred, SwitchReason::Return)
    }

    /// Whether a region has answered for as long as another one has to be silent.
    fn is_sound(&self, region: usize, now: Tick) -> bool {
        self.regions.get(region).is_some_and(|region| {
            region.standing.answers() && region.answered_for(now) >= self.settings.detect
        })
    }

    fn standing(&self, region: usize) -> Option<RegionStanding> {
        self.regions.get(region).map(|region| region.standing)
    }

    fn switch(&mut self, to: usize, reason: SwitchReason) -> Option<Switch> {
        let from = std::mem::replace(&mut self.active, to);
        (from != to).then_some(Switch { from, to, reason })
    }
}
