//! Values that do not get through in time, by the digests of their names.
//!
//! Asked for again at once they would hold up everything else on their connection once more, and not arrive.
//! So they are left alone for a while that doubles, then tried by one, apart from others.
//!
//! Invariant: what is known is bounded, and it is known without being asked for.

mod burdens;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use self::burdens::{Burdens, Turn};
use crate::clock::{Clock, Tick};
use crate::coherence::revision::Subject;
use crate::lock::Mutex;
use crate::random::Random;

pub(super) use self::burdens::{Hold, LARGE, Travels, Trouble};

/// What is known of the values of a cache.
#[derive(Debug)]
pub(super) struct HeavyValues {
    burdens: Mutex<Burdens>,
    /// Whether anything is known: mostly nothing is.
    is_any: AtomicBool,
    clock: Clock,
    random: Arc<Random>,
}

impl HeavyValues {
    pub(super) fn new(clock: &Clock, random: &Arc<Random>) -> Self {
        let (burdens, is_any) = (Mutex::default(), AtomicBool::new(false));
        Self { burdens, is_any, clock: clock.clone(), random: Arc::clone(random) }
    }

    /// How a value is to be asked for by somebody who does it at once, or why it is not; `is_occupied` tells
    /// whether something else is on the way there that was given up.
    pub(super) fn turn(
        &self,
        name: Subject,
        is_occupied: impl Fn() -> bool,
    ) -> Result<Travels, Hold> {
        match self.with(|burdens, now| burdens.turn(name, now, is_occupied)) {
            Some(Turn::NotNow(hold)) => Err(hold),
            Some(Turn::Now(travels)) => Ok(travels),
            None => Ok(Travels::Together),
        }
    }

    /// Why a value is left alone now, if it is.
    pub(super) fn hold(&self, name: Subject) -> Option<Hold> {
        match self.with(|burdens, now| burdens.look(name, now)) {
            Some(Turn::NotNow(hold)) => Some(hold),
            Some(Turn::Now(_)) | None => None,
        }
    }

    /// Notes that a value was given up when so many bytes of it were through, or were to be sent.
    pub(super) fn give_up(&self, name: Subject, size: u64, trouble: Trouble) {
        let random = self.random.share();
        self.locked(|burdens, now| burdens.give_up(name, (size, trouble), now, random));
    }

    /// Notes that one of several values was: the large ones if any is known to be, else all of them, until each
    /// has been asked for alone.
    pub(super) fn blame(&self, names: &[Subject], size: u64, took: Duration) {
        let large = self.with(|burdens, _| burdens.large_of(names)).unwrap_or_default();
        let names = if large.is_empty() { names } else { &large };
        for name in names {
            self.give_up(*name, size, Trouble::Slow(took));
        }
    }

    /// Notes that values which were given up have come all the same.
    pub(super) fn came_late(&self, names: &[Subject], size: u64, took: Duration) {
        let random = self.random.share();
        for name in names {
            self.with(|burdens, now| burdens.came_late(*name, (size, took), now, random));
        }
    }

    /// Notes that a value has arrived here; `None` if there is none.
    pub(super) fn arrived(&self, name: Subject, size: Option<u64>) {
        self.note(size.unwrap_or_default(), |burdens, now| burdens.arrived(name, size, now));
    }

    /// Notes that another value is there in place of one that could not be read.
    pub(super) fn overwritten(&self, name: Subject) {
        self.with(|burdens, _| burdens.forget(name));
    }

    /// Notes that a value has arrived there.
    pub(super) fn stored(&self, name: Subject, size: u64) {
        self.note(size, |burdens, _| burdens.stored(name, size));
    }

    fn note(&self, size: u64, note: impl FnOnce(&mut Burdens, Tick)) {
        if size >= LARGE {
            self.locked(note);
        } else {
            self.with(note);
        }
    }

    /// Does something if anything is known.
    fn with<T>(&self, work: impl FnOnce(&mut Burdens, Tick) -> T) -> Option<T> {
        self.is_any.load(Ordering::Acquire).then(|| self.locked(work))
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Burdens, Tick) -> T) -> T {
        let mut burdens = self.burdens.lock();
        let done = work(&mut burdens, self.clock.now());
        self.is_any.store(!burdens.is_empty(), Ordering::Release);
        done
    }
}
