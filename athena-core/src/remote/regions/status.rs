//! How the regions fare, as far as is known.

use super::Regions;
use super::shown::RegionStatus;
use crate::clock::Tick;
use crate::regions::RegionStanding;
use crate::remote::Remote;

impl Regions {
    /// How all regions fare, as far as is known.
    pub(crate) fn status(&self) -> Vec<RegionStatus> {
        let standings: Vec<_> = self.router.lock().standings().collect();
        let (active, preferred) = (self.active().number(), self.router.lock().preferred());
        let each = self.remotes.iter().zip(standings).enumerate();
        each.map(|(place, (remote, standing))| {
            self.status_of(remote, standing, (place, active, preferred))
        })
        .collect()
    }

    fn status_of(
        &self,
        remote: &Remote,
        standing: RegionStanding,
        (place, active, preferred): (usize, usize, usize),
    ) -> RegionStatus {
        let (now, until) = (self.clock.now(), remote.heard_until());
        let heard_at = until.before(self.settings.tolerance);
        let is_known = place > 0 && until != Tick::default();
        RegionStatus {
            name: remote.region_name().to_owned(),
            primary: place == 0,
            active: place == active,
            preferred: place == preferred,
            standing,
            heard: now < until,
            lag: is_known.then(|| now.since(heard_at)),
            untold: place.checked_sub(1).map_or(0, |place| self.untold.count(place)),
            parked: place.checked_sub(1).map_or(0, |place| self.parked(place)),
            journal: remote.journal_depth(),
        }
    }
}
