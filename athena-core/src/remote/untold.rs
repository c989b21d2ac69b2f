//! What this process has invalidated and secondaries may not know of, for each of them (regions 9).
//!
//! Invariant: it is kept before the primary is told, and asked for without a lock only whether there is any.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::backend::LogPosition;
use crate::lock::Mutex;
use crate::regions::{Telling, Untold};
use crate::remote::journal::Target;

/// What each secondary may not know of.
#[derive(Debug)]
pub(crate) struct TargetsUntold(Box<[OfSecondary]>);

#[derive(Debug)]
struct OfSecondary {
    untold: Mutex<Untold<Target>>,
    /// How much of it there is, or 1 where it was too much.
    count: AtomicUsize,
}

impl OfSecondary {
    fn change(&self, change: impl FnOnce(&mut Untold<Target>)) {
        let mut untold = self.untold.lock();
        change(&mut untold);
        self.count.store(untold.len(), Ordering::SeqCst);
    }
}

impl TargetsUntold {
    /// Keeps up to `limit` targets for each of so many secondaries.
    pub(crate) fn new(secondaries: usize, limit: usize) -> Self {
        let of_secondary =
            |_| OfSecondary { untold: Mutex::new(Untold::new(limit)), count: AtomicUsize::new(0) };
        Self((0..secondaries).map(of_secondary).collect())
    }

    /// Targets are being invalidated, of which all secondaries hear but one that is told at once.
    pub(crate) fn keep(&self, targets: &[Target], told: Option<usize>) {
        for (place, secondary) in self.0.iter().enumerate() {
            if Some(place) != told {
                secondary.change(|untold| {
                    let named = targets.iter().filter(|target| **target != Target::AnyTag);
                    for target in named {
                        untold.keep(target.clone(), None);
                    }
                });
            }
        }
    }

    /// The primary has executed targets, whose last record stands here in its log.
    pub(crate) fn executed(&self, targets: &[Target], record: (usize, LogPosition)) {
        for secondary in self.0.iter().filter(|it| it.count.load(Ordering::SeqCst) > 0) {
            secondary.change(|untold| {
                for target in targets {
                    untold.executed(target, record);
                }
            });
        }
    }

    /// A secondary follows a part of the primary's log up to here.
    pub(crate) fn passed(&self, place: usize, part: usize, position: &LogPosition) {
        if let Some(secondary) = self.0.get(place).filter(|it| it.count.load(Ordering::SeqCst) > 0)
        {
            secondary.change(|untold| untold.passed(part, position));
        }
    }

    /// How much a secondary may not know of.
    pub(crate) fn count(&self, place: usize) -> usize {
        self.0.get(place).map_or(0, |secondary| secondary.count.load(Ordering::SeqCst))
    }

    /// What a secondary has to be told; nothing of one that is none.
    pub(crate) fn telling(&self, place: usize) -> Telling<Target> {
        let secondary = self.0.get(place);
        secondary.map_or(Telling::These(Vec::new()), |it| it.untold.lock().telling())
    }

    /// It has been, or will be before anything is read there.
    pub(crate) fn told(&self, place: usize, telling: &Telling<Target>) {
        if let Some(secondary) = self.0.get(place) {
            secondary.change(|untold| untold.told(telling));
        }
    }
}
