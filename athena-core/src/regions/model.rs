//! Two regions, pumps and processes in any interleaving, with the decisions of this folder.
//!
//! Invariants that are looked at: what a process has heard of was applied in the secondary after the primary had
//! executed it; what it has forgotten of its own as well; nothing leaves the outbox that the primary has not executed.
//! Each decision, replaced by a careless one, breaks one of them: else the model would not see it.

mod carrying;
mod world;

use self::carrying::Pump;
use self::world::{Careless, TARGETS, Watcher, World, record};

/// What is broken in a run.
#[derive(Debug, Clone, Copy, Default)]
struct Mix {
    /// The primary fails over and loses its tail, or its log is lost.
    primary: bool,
    /// The secondary does.
    secondary: bool,
    trims: bool,
    crashes: bool,
}

const ALL: Mix = Mix { primary: true, secondary: true, trims: true, crashes: true };
const NONE: Mix = Mix { primary: false, secondary: false, trims: false, crashes: false };

/// One run; what was violated, if anything was.
fn run(seed: u64, mix: Mix, careless: Option<Careless>) -> Result<(), String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new(careless, &mut random);
    let mut pumps = [Pump::default(), Pump::default()];
    let mut watcher = Watcher::new();
    for _ in 0..600 {
        world.now += 1;
        let target = random.usize(..TARGETS);
        match random.u8(..100) {
            0..8 => watcher.invalidate(&mut world, target),
            8..14 => {
                world.execute(&record(target));
            }
            14..17 => world.owe(target),
            17..50 => watcher.step(&mut world, &mut random)?,
            50..92 => pumps[random.usize(..2)].step(&mut world, &mut random)?,
            94 if mix.primary => world.primary_fails_over(&mut random),
            93 if mix.primary && !world.is_split() => world.primary_splits(),
            92 if mix.primary => world.primary_is_found(),
            95 if mix.primary && random.u8(..3) == 0 => world.primary_loses_its_log(),
            96 if mix.secondary => world.secondary_fails_over(&mut random),
            97 if mix.trims => world.trim(random.usize(..3)),
            97 => watcher.tell(&mut world),
            98 if mix.crashes => pumps[random.usize(..2)] = Pump::default(),
            99 => world.reconnect(),
            _ => {}
        }
        world.remember();
    }
    finish(world, watcher, &mut random)
}

/// Nothing happens any more but rounds: everything arrives.
fn finish(
    mut world: World,
    mut watcher: Watcher,
    random: &mut fastrand::Rng,
) -> Result<(), String> {
    world.primary_is_found();
    let (mut pump, began) = (Pump::default(), world.now);
    for _ in 0..400 {
        world.now += 1;
        pump.step(&mut world, random)?;
        world.now += 1;
        watcher.step(&mut world, random)?;
    }
    watcher.tell(&mut world);
    for target in 0..TARGETS {
        let executed = world.executed[target].last().copied().unwrap_or_default();
        if world.applied[target] < executed {
            return Err(format!("at the end {target} is not applied"));
        }
    }
    if !world.outbox.is_empty() || !watcher.untold.is_empty() {
        return Err("at the end something is owed".to_owned());
    }
    let heard = watcher.hearing.heard().map_or(0, crate::clock::Tick::as_millis);
    if heard < began { Err(format!("at the end nothing is heard since {heard}")) } else { Ok(()) }
}

#[test]
fn whatever_happens_nothing_is_heard_told_or_settled_too_early() {
    for (name, mix) in [("nothing is broken", NONE), ("everything is", ALL)] {
        for seed in 0..1_500 {
            run(seed, mix, None).unwrap_or_else(|fault| panic!("{name}, seed {seed}: {fault}"));
        }
    }
}

#[test]
fn each_decision_is_needed() {
    for (careless, mix) in [
        (Careless::CursorFirst, Mix { crashes: true, ..NONE }),
        (Careless::GapUnseen, Mix { trims: true, ..NONE }),
        (Careless::HistoryUnseen, Mix { primary: true, ..NONE }),
        (Careless::HeadAfterClear, ALL),
        (Careless::HeardFromTheEnd, NONE),
        (Careless::DoubtUnseen, Mix { primary: true, ..NONE }),
        (Careless::AnyConnection, Mix { secondary: true, ..NONE }),
        (Careless::ForgottenAtOnce, NONE),
        (Careless::SettledUnacknowledged, NONE),
    ] {
        let found = (0..4_000).find(|seed| run(*seed, mix, Some(careless)).is_err());
        assert!(found.is_some(), "nobody notices {careless:?}");
    }
}
