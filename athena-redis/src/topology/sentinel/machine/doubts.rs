//! Whether the primary is in doubt, and for how long.

use tokio::time::Instant;

use super::{SentinelAction, SentinelMachine};
use crate::link::Doubt;
use crate::topology::sentinel::suspicion::{Sign, Suspicion};

impl SentinelMachine {
    /// Raises the suspicion where there is a sign.
    pub(super) fn doubt(&mut self, now: Instant) {
        if self.election.seat().is_none() {
            return;
        }
        let sign = match self.doubt {
            Some(Doubt::Silent | Doubt::Lost) => Some(Sign::Silence),
            _ if self.election.is_replaced() => Some(Sign::Announced),
            _ if self.election.is_demoted() || self.election.is_outdated() => Some(Sign::Found),
            Some(Doubt::NotServing) => Some(Sign::Found),
            None => None,
        };
        if let Some(sign) = sign {
            self.suspect(sign, now);
        }
    }

    pub(super) fn suspect(&mut self, sign: Sign, now: Instant) {
        let is_sound = self.election.seat().is_some() && self.doubt.is_none();
        match &mut self.suspicion {
            Some(suspicion) if sign == Sign::Announced && is_sound => suspicion.announce(now),
            Some(_) => {}
            // Whoever announces it, a primary that is silent has failed.
            None if sign == Sign::Announced && !is_sound => {
                self.suspicion = Some(Suspicion::new(Sign::Silence, now));
            }
            None => self.suspicion = Some(Suspicion::new(sign, now)),
        }
    }

    pub(super) fn stir(&mut self, now: Instant) {
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.stir(now);
        }
    }

    /// Ends the suspicion once the primary has been sound, and the sentinels silent, for a while.
    pub(super) fn settle(&mut self, now: Instant) {
        let is_due = self.suspicion.is_some_and(|suspicion| suspicion.is_over(now));
        if !is_due || !self.election.is_seated_well() || self.election.is_outdated() {
            return;
        }
        match self.doubt {
            None => self.suspicion = None,
            Some(Doubt::NotServing) => {
                // Were it refusing still, the next operation would say so, and the suspicion go on.
                self.doubt = None;
                self.actions.push(SentinelAction::TrustAgain);
            }
            Some(_) => {}
        }
    }
}
