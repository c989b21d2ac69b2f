//! The process that listens to the secondary, and looks whether what it believes is so.

use super::super::hearing::Hearing;
use super::super::untold::{Telling, Untold};
use super::world::{Careless, Progress, TARGETS, World, record};
use crate::backend::LogPulse;
use crate::clock::Tick;

/// A process that asks the secondary, and has invalidated things itself.
#[derive(Debug)]
pub(super) struct Believer {
    pub(super) hearing: Hearing,
    pub(super) untold: Untold<usize>,
    /// When the primary has executed what this process has invalidated last.
    own: [u64; TARGETS],
    /// A question that was sent, and its answer once the secondary has given it.
    asked: Option<(u64, u64, Option<LogPulse>)>,
}

impl Believer {
    pub(super) fn new() -> Self {
        Self {
            hearing: Hearing::default(),
            untold: Untold::new(100),
            own: [0; TARGETS],
            asked: None,
        }
    }

    pub(super) fn step(
        &mut self,
        world: &mut World,
        random: &mut fastrand::Rng,
    ) -> Result<(), String> {
        self.asked = match self.asked.take() {
            None => Some((world.now, world.epoch, None)),
            // Its connection was lost.
            Some((_, epoch, None)) if epoch != world.epoch => None,
            Some((sent, epoch, None)) => {
                let Progress { asked, answered, position } = world.followed;
                let history = world.history;
                Some((sent, epoch, Some(LogPulse { epoch, history, asked, answered, position })))
            }
            Some(answer @ (.., Some(_))) if random.bool() => Some(answer),
            Some((sent, _, Some(pulse))) => {
                self.take_in(world, &pulse, sent)?;
                None
            }
        };
        Ok(())
    }

    fn take_in(&mut self, world: &World, pulse: &LogPulse, sent: u64) -> Result<(), String> {
        let sent = if world.is(Careless::HeardFromTheEnd) { world.now } else { sent };
        self.hearing.note(pulse, Tick::from_millis(sent));
        let heard = self.hearing.heard().map_or(0, Tick::as_millis);
        for (target, times) in world.executed.iter().enumerate() {
            let executed = times.iter().rfind(|time| **time < heard).copied().unwrap_or_default();
            if world.applied[target] < executed {
                return Err(format!("heard of {heard}, and {target} of {executed} is not applied"));
            }
        }
        if let Some(mut position) = pulse.position {
            if world.is(Careless::ForgottenAtOnce) {
                position.number = u64::MAX;
            }
            self.untold.passed(0, &position);
        }
        let Telling::These(untold) = self.untold.telling() else { return Ok(()) };
        for (target, own) in self.own.iter().enumerate() {
            let is_kept = untold.iter().any(|(kept, _)| *kept == target);
            if !is_kept && world.applied[target] < *own {
                return Err(format!("{target} of {own} is forgotten and not applied"));
            }
        }
        Ok(())
    }

    /// This process invalidates something, and the primary executes it.
    pub(super) fn invalidate(&mut self, world: &mut World, target: usize) {
        let position = world.execute(&record(target));
        self.untold.keep(target, Some((0, position)));
        self.own[target] = world.now;
    }

    /// As before it is used: the secondary is told what it may not know of.
    pub(super) fn tell(&mut self, world: &mut World) {
        let telling = self.untold.telling();
        if let Telling::These(targets) = &telling {
            for (target, _) in targets {
                world.applied[*target] = world.now;
            }
        }
        self.untold.told(&telling);
    }
}
