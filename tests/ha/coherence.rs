//! Several processes read, write and invalidate while Redis breaks; nobody is served what is outdated.

mod cluster;
mod configured;
mod guards;
mod sentinel;
mod standalone;

use std::sync::{Condvar, Mutex, PoisonError};

use crate::oracle::configuration::Configuration;
use crate::oracle::play::Play;
use crate::oracle::report::Report;

/// Plays at a time; with more of them the machine itself would make nodes look dead.
static PLACES: (Mutex<usize>, Condvar) = (Mutex::new(2), Condvar::new());

/// Plays when there is a place.
fn played(play: &Play) -> Report {
    placed(|| play.run())
}

/// Does something when there is a place.
pub(crate) fn placed<T>(play: impl FnOnce() -> T) -> T {
    let _place = Place::take();
    play()
}

/// A configuration by its words.
fn on(words: &str) -> Configuration {
    words.parse().expect("the words are known")
}

/// Plays, and panics with the story if a promise was not kept.
fn is_kept(play: &Play) {
    match play.obstacle() {
        Some(obstacle) => eprintln!("{play}: {obstacle}"),
        None => played(play).assert_good(),
    }
}

struct Place;

impl Place {
    fn take() -> Self {
        let (free, given) = &PLACES;
        let free = free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            given.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (free, given) = &PLACES;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        given.notify_one();
    }
}
