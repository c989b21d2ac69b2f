//! Decides again and again which region this process uses, and has it used.
//!
//! Invariant: a region is entered only by a word of the router, which is looked after by one task at a time; nothing of
//! a call waits for it.

use std::sync::Arc;
use std::time::Duration;

use super::shown::UnusedRegion;
use super::{Regions, within};
use crate::backend::MaintenanceEvent;
use crate::coherence::guards::Guard;
use crate::regions::{MaintenanceAction, Signs, Switch};
use crate::remote::Remote;
use crate::telemetry::Event;

/// The shortest time without a step after which the task's runtime counts as one that stands still.
const STANDSTILL: Duration = Duration::from_secs(1);
/// How often the router looks, of the time in which a region has to be silent.
const LOOKS: u32 = 15;

impl Regions {
    /// Starts the task, unless it runs.
    pub(super) fn keep_routing(self: &Arc<Self>) {
        let patience = STANDSTILL.max(self.settings.tolerance);
        if self.routing.is_running(patience) {
            return;
        }
        let Some(spawner) = self.tasks.spawner() else { return };
        let (there, clock) = (Arc::downgrade(self), self.clock.clone());
        let pause = self.settings.detect / LOOKS;
        self.routing.start(spawner, patience, |sole| async move {
            let _sole = sole;
            // That a secondary has not been heard so far is no news.
            let heard: Vec<_> = there.upgrade().map_or_else(Vec::new, |regions| regions.heard());
            let mut told = heard;
            loop {
                let Some(regions) = there.upgrade() else { return };
                regions.look_around().await;
                regions.tell_heard(&mut told);
                drop(regions);
                clock.doze(pause).await;
            }
        });
    }

    /// Takes in how all regions stand, and uses another one if that follows.
    async fn look_around(&self) {
        self.heed_notices();
        let mut signs: Vec<_> = self.remotes.iter().map(|remote| remote.signs()).collect();
        let active = self.active().number();
        if active > 0
            && self.router.lock().wants_to_leave()
            && let Some(of_active) = signs.get_mut(active)
        {
            // Regions 16: asked for just before it is decided by.
            of_active.owed = self.at(self.active()).owed(within(&self.settings)).await;
            if self.primary().guards.lacks(Guard::Drain) {
                of_active.owed = Some(0);
            }
        }
        let switch = self.tick(&signs);
        self.follow(switch);
    }

    /// Has regions held for unusable for as long as they have announced to be.
    fn heed_notices(&self) {
        let now = self.clock.now();
        for (place, remote) in self.remotes.iter().enumerate() {
            for notice in remote.take_notices() {
                let actions = self.maintenance.get(place).map(|it| it.lock().decide(&notice, now));
                let mut router = self.router.lock();
                for action in actions.unwrap_or_default() {
                    match action {
                        MaintenanceAction::UseOtherRegion { until } => router.hold(place, until),
                        MaintenanceAction::UseThisRegion => router.release(place, now),
                        // The links find out by themselves.
                        _ => {}
                    }
                }
            }
        }
    }

    fn tick(&self, signs: &[Signs]) -> Option<Switch> {
        let mut router = self.router.lock();
        let switch = router.tick(self.clock.now(), signs);
        if let Some(switch) = switch {
            self.activate(switch.to);
        }
        switch
    }

    /// Tells of a switch, and has what waits there sent.
    fn follow(&self, switch: Option<Switch>) {
        let Some(Switch { from, to, reason }) = switch else { return };
        if let (Some(former), Some(next)) = (self.remotes.get(from), self.remotes.get(to)) {
            let (from, to) = (former.region_name(), next.region_name());
            self.telemetry.tell(&Event::RegionSwitched { from, to, reason });
            next.replay_in_background();
        }
    }

    /// Tells whether secondaries have come to follow the primary, or do not any more.
    fn tell_heard(&self, told: &mut Vec<bool>) {
        let heard = self.heard();
        let former = std::mem::replace(told, heard.clone());
        for (remote, (heard, former)) in self.remotes.iter().zip(heard.into_iter().zip(former)) {
            if heard != former {
                let region = remote.region_name();
                self.telemetry.tell(&Event::RegionHeard { region, heard });
            }
        }
    }

    /// Which regions are known to follow the primary, which is one of them.
    fn heard(&self) -> Vec<bool> {
        let now = self.clock.now();
        self.remotes.iter().map(|remote| now < remote.heard_until()).collect()
    }

    /// Uses a region from now on, and prefers it, whatever the settings say.
    ///
    /// It is asked for a sign of life before, and a secondary is not left while it owes the primary anything.
    pub(crate) async fn enter(&self, name: &str) -> Result<(), UnusedRegion> {
        let Some(to) = self.settings.names().position(|known| known == name) else {
            let known = self.settings.names().map(str::to_owned).collect();
            return Err(UnusedRegion::Unknown { known });
        };
        let remote = &self.remotes[to];
        remote.prove().await;
        if !remote.is_available() {
            return Err(UnusedRegion::Away);
        }
        let active = self.active();
        if active.number() > 0 && active.number() != to {
            let former: &Remote = self.at(active);
            match former.owed(within(&self.settings)).await {
                Some(0) => {}
                // Who is left for its silence is not waited for.
                None if !former.is_available() => {}
                owed => {
                    let region = former.region_name().to_owned();
                    return Err(UnusedRegion::Owing { region, owed });
                }
            }
        }
        let switch = {
            let mut router = self.router.lock();
            let switch = router.prefer(to);
            self.activate(to);
            switch
        };
        self.follow(switch);
        Ok(())
    }
}

impl Remote {
    /// What was announced of its maintenance since the last time.
    fn take_notices(&self) -> Vec<MaintenanceEvent> {
        self.regional.as_ref().map(|regional| regional.notices.take()).unwrap_or_default()
    }

    /// How much its outbox holds for the primary, if it says so in time.
    pub(super) async fn owed(&self, limit: Duration) -> Option<u64> {
        let log = self.backend.changes()?;
        let names = self.outbox_names();
        let lengths = names.iter().map(|name| async {
            let node = self.backend.node(name);
            let length = self.contained(node, log.log_length(name));
            self.clock.within_dozing(limit, length).await?.ok()
        });
        let lengths = crate::remote::join_all(lengths).await;
        lengths.into_iter().sum()
    }
}
