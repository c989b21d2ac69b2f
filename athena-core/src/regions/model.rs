//! Two regions, pumps and processes in any interleaving, with the decisions of this folder.
//!
//! Invariants that are looked at: what a process has heard of was applied in the secondary after the primary had
//! executed it; what it has forgotten of its own as well; nothing leaves the outbox that the primary has not executed.
//! Each decision, replaced by a careless one, breaks one of them: else the model would not see it.

mod believer;
mod carrying;
mod world;

use self::believer::Believer;
use self::carrying::Pump;
use self::world::{Careless, TARGETS, World, record};

/// What happens in a run beside invalidations and rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    /// The primary fails over and loses its tail, or its log is lost.
    Primary,
    /// The secondary does.
    Secondary,
    /// The log keeps few records.
    Trim,
    /// A pump dies.
    Crash,
}

const ALL: &[Mishap] = &[Mishap::Primary, Mishap::Secondary, Mishap::Trim, Mishap::Crash];

/// One run; what was violated, if anything was.
fn run(seed: u64, mishaps: &[Mishap], careless: Option<Careless>) -> Result<(), String> {
    let with = |mishap| mishaps.contains(&mishap);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new(careless, &mut random);
    let mut pumps = [Pump::default(), Pump::default()];
    let mut believer = Believer::new();
    for _ in 0..600 {
        world.now += 1;
        let target = random.usize(..TARGETS);
        match random.u8(..100) {
            0..8 => believer.invalidate(&mut world, target),
            8..14 => {
                world.execute(&record(target));
            }
            14..17 => world.owe(target),
            17..50 => believer.step(&mut world, &mut random)?,
            50..92 => pumps[random.usize(..2)].step(&mut world, &mut random)?,
            94 if with(Mishap::Primary) => world.primary_fails_over(&mut random),
            93 if with(Mishap::Primary) && !world.is_split() => world.primary_splits(),
            92 if with(Mishap::Primary) => world.primary_is_found(),
            95 if with(Mishap::Primary) && random.u8(..3) == 0 => world.primary_loses_its_log(),
            96 if with(Mishap::Secondary) => world.secondary_fails_over(&mut random),
            97 if with(Mishap::Trim) => world.trim(random.usize(..3)),
            97 => believer.tell(&mut world),
            98 if with(Mishap::Crash) => pumps[random.usize(..2)] = Pump::default(),
            99 => world.reconnect(),
            _ => {}
        }
        world.remember();
    }
    finish(world, believer, &mut random)
}

/// Nothing happens any more but rounds: everything arrives.
fn finish(
    mut world: World,
    mut believer: Believer,
    random: &mut fastrand::Rng,
) -> Result<(), String> {
    world.primary_is_found();
    let (mut pump, began) = (Pump::default(), world.now);
    for _ in 0..400 {
        world.now += 1;
        pump.step(&mut world, random)?;
        world.now += 1;
        believer.step(&mut world, random)?;
    }
    believer.tell(&mut world);
    for target in 0..TARGETS {
        let executed = world.executed[target].last().copied().unwrap_or_default();
        if world.applied[target] < executed {
            return Err(format!("at the end {target} is not applied"));
        }
    }
    if !world.outbox.is_empty() || !believer.untold.is_empty() {
        return Err("at the end something is owed".to_owned());
    }
    let heard = believer.hearing.heard().map_or(0, crate::clock::Tick::as_millis);
    if heard < began { Err(format!("at the end nothing is heard since {heard}")) } else { Ok(()) }
}

#[test]
fn whatever_happens_nothing_is_heard_told_or_settled_too_early() {
    for (name, mishaps) in [("nothing is broken", &[][..]), ("everything is", ALL)] {
        for seed in 0..1_500 {
            run(seed, mishaps, None).unwrap_or_else(|fault| panic!("{name}, seed {seed}: {fault}"));
        }
    }
}

#[test]
fn each_decision_is_needed() {
    for (careless, mishaps) in [
        (Careless::CursorFirst, &[Mishap::Crash][..]),
        (Careless::GapUnseen, &[Mishap::Trim][..]),
        (Careless::HistoryUnseen, &[Mishap::Primary][..]),
        (Careless::HeadAfterClear, ALL),
        (Careless::HeardFromTheEnd, &[][..]),
        (Careless::DoubtUnseen, &[Mishap::Primary][..]),
        (Careless::AnyConnection, &[Mishap::Secondary][..]),
        (Careless::ForgottenAtOnce, &[][..]),
        (Careless::SettledUnacknowledged, &[][..]),
    ] {
        let found = (0..4_000).find(|seed| run(*seed, mishaps, Some(careless)).is_err());
        assert!(found.is_some(), "nobody notices {careless:?}");
    }
}
