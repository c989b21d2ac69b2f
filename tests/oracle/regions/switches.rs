//! When which process has begun to use another region, and what else it told of regions.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use athena_cache::{Event, Observer};

use super::super::source::Source;

/// One switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Switched {
    pub(super) process: usize,
    pub(super) at: Duration,
    /// The region that is used from then on.
    pub(super) to: String,
}

/// What all processes told, in the order of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Switches(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    switches: Vec<Switched>,
    lines: Vec<String>,
}

/// Notes those of one process.
#[derive(Debug)]
pub(super) struct SwitchObserver {
    pub(super) process: usize,
    pub(super) source: Source,
    pub(super) switches: Switches,
}

impl Switches {
    pub(super) fn all(&self) -> Vec<Switched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).switches.clone()
    }

    /// What was told of regions, for people.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }
}

impl Observer for SwitchObserver {
    fn observe(&self, event: &Event<'_>) {
        let is_of_regions = matches!(
            event,
            Event::RegionSwitched { .. }
                | Event::RegionHeard { .. }
                | Event::Resynced { .. }
                | Event::Parked { .. }
                | Event::NotFollowed { .. }
                | Event::RegionsAlike { .. }
        );
        if !is_of_regions {
            return;
        }
        let (process, at) = (self.process, self.source.now());
        let mut told = self.switches.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.lines.push(format!("{:>7.3} s  process {process}: {event:?}", at.as_secs_f64()));
        if let Event::RegionSwitched { to, .. } = event {
            told.switches.push(Switched { process, at, to: (*to).to_owned() });
        }
    }
}
