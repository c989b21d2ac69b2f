//! What may be expected beyond what is always promised: by configuration and fault, one rule each.
//!
//! Promises P1 to P5 are the same on every configuration. How often something is loaded, and what works, is
//! not; whatever differs stands here.

use std::time::Duration;

use athena_cache::MemoryRole;

use super::configuration::{Room, Tracking, User};
use super::duty::{Duty, Work};
use super::fault::Fault;
use super::play::{Play, SLACK};
use super::record::Phase;

/// How long after a beginning, or after the end of a fault, everything has to work: nodes are dialed again
/// within 1.5 s.
const SETTLED: Duration = Duration::from_millis(1_700);
/// What a byte of a value takes on its way through the proxies of a busy machine.
const PER_BYTE: Duration = Duration::from_nanos(500);
/// Shorter stretches tell nothing, however brief loads are.
const SHORT: Duration = Duration::from_millis(700);

impl Play {
    /// Whether one process loads for all: it may take leases, and there is room and time for what it loaded.
    pub(crate) fn loads_once_for_all(&self) -> bool {
        let on = &self.configuration;
        on.user != User::WithoutScripts && on.room == Room::Wide && on.rate().is_none()
    }

    /// How often each process may load an item in a window without an invalidation; `None` if nothing keeps
    /// what it has loaded.
    ///
    /// Without a lease, or a place in Redis, a result answers for the window from the beginning of its load. Who
    /// comes later begins another one, or gets it flagged.
    pub(crate) fn loads_in_a_window(&self) -> Option<u64> {
        let is_kept = self.loads_once_for_all();
        let is_remembered = self.configuration.memory == MemoryRole::Tier;
        if is_kept { Some(0) } else { is_remembered.then_some(1) }
    }

    /// Whether servers drop names, or forget who reads them, which is announced as if they had changed: what
    /// depends on them is loaded anew, and a load of it is kept nowhere.
    pub(crate) fn loses_names(&self) -> bool {
        self.configuration.room != Room::Wide || self.configuration.tracking == Tracking::Few
    }

    /// Whether memory keeps what nobody has changed: all changes are announced, and the whole of them.
    pub(crate) fn announces_all(&self) -> bool {
        let on = &self.configuration;
        let may =
            !matches!(on.user, User::WithoutTracking | User::WithoutInfo | User::WithoutScripts);
        // What is slow ends trust, and makes all be read again.
        on.tracking == Tracking::On && may && on.room == Room::Wide && on.rate().is_none()
    }

    /// How long it goes on once nothing is broken any more: each play has a duty then.
    pub(crate) fn rest(&self) -> Duration {
        // Of what lacks a guard nobody asks whether it works.
        let telling = match self.setup.without {
            None => SETTLED + self.telling(),
            Some(_) => Duration::ZERO,
        };
        match self.fault {
            Fault::Health => telling.saturating_sub(self.calm + self.broken),
            _ => self.after.max(telling),
        }
    }

    /// What has to work, and when.
    pub(crate) fn duties(&self, phases: &[Phase], end: Duration) -> Vec<Duty> {
        let [first, .., last] = phases else {
            return self.duty(phases[0].from + SETTLED, end, self.works()).into_iter().collect();
        };
        let mut duties = Vec::new();
        duties.extend(self.duty(first.from + SETTLED, phases[1].from, self.works()));
        let all_but = |left_out: &[Work]| {
            self.works().into_iter().filter(|work| !left_out.contains(work)).collect()
        };
        if self.fault == Fault::Unsaved {
            let works = all_but(&[Work::Redis, Work::Invalidations]);
            duties.extend(self.duty(phases[1].from + SETTLED, last.from, works));
        }
        duties.extend(self.duty(last.from + SETTLED, end, self.works()));
        if self.fault == Fault::Resync {
            duties.extend(self.duty(phases[1].from, last.from, self.works()));
        }
        if self.fault == Fault::Open {
            // What nobody can prove is loaded, and is as good as any load.
            let works = self.works().into_iter().filter(|work| *work == Work::Word).collect();
            duties.extend(self.duty(phases[1].from, last.from, works));
        }
        // A process that stands still, or hears everything late, is late itself.
        if !matches!(self.fault, Fault::Stall | Fault::Delay) {
            let limited = self.duty(phases[1].from, last.from, Vec::new());
            let later = self.setup.deadline();
            duties.extend(limited.map(|duty| Duty { patience: duty.patience + later, ..duty }));
        }
        duties
    }

    /// What works in health.
    fn works(&self) -> Vec<Work> {
        let remembers = self.configuration.memory == MemoryRole::Tier;
        // A full server takes nothing until its breaker lets something through. What nobody else fills, and
        // memory answers, is not read.
        let is_kept = self.loads_once_for_all() || self.configuration.rate().is_some();
        let reads = is_kept && (self.processes > 1 || !remembers);
        let works = [
            (Work::Memory, remembers && !self.loses_names()),
            (Work::Keeping, remembers && self.announces_all()),
            (Work::Word, remembers && self.announces_all()),
            (Work::Redis, reads && !self.loses_names()),
            (Work::Invalidations, true),
        ];
        works.into_iter().filter(|(_, does)| *does).map(|(work, _)| work).collect()
    }

    fn duty(&self, from: Duration, until: Duration, works: Vec<Work>) -> Option<Duty> {
        // Who waits for another process is not told of each change either, and asks again in time.
        let untold = if self.loses_names() { self.setup.deadline() } else { Duration::ZERO };
        let patience = self.longest() * 3 + SLACK + untold;
        let tells = until >= from + self.telling();
        tells.then_some(Duty { from, until, works, patience })
    }

    /// The shortest stretch that tells what works: who waits for the same load over and over tells nothing.
    fn telling(&self) -> Duration {
        SHORT + self.longest() * 2
    }

    /// How long a call takes in health that loads by itself.
    fn longest(&self) -> Duration {
        let bytes = u32::try_from(self.configuration.bytes(0)).unwrap_or(u32::MAX);
        self.load_time()[1] + self.workload.decoding + PER_BYTE * bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::topology::TOPOLOGIES;

    /// The beginnings of the phases, each as short as it can be, and the end.
    fn shortest(play: &Play) -> (Vec<Phase>, Duration) {
        let broken = play.calm + play.broken;
        let is_calm = play.fault == Fault::Health;
        let from =
            if is_calm { vec![Duration::ZERO] } else { vec![Duration::ZERO, play.calm, broken] };
        let phases = from.into_iter().map(|from| Phase { from, name: String::new() });
        (phases.collect(), broken + play.rest())
    }

    #[test]
    fn whatever_is_drawn_has_a_duty_after_its_fault() {
        for (_, topology) in TOPOLOGIES {
            for seed in 0..500 {
                let play = Play::drawn(topology, seed);
                let (phases, end) = shortest(&play);
                let last = phases.last().map(|phase| phase.from).unwrap();
                let duties = play.duties(&phases, end);
                assert!(duties.iter().any(|duty| duty.from > last), "{play}: {duties:?}");
            }
        }
    }
}
