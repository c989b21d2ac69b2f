//! A load that has not begun, and the ways in which it may go on without its caller.

use std::future::Future;
use std::pin::Pin;

use super::detach::Departure;
use super::job::Job;
use crate::tasks::Spawner;

/// A load that has not begun, and whether it can go on without its caller.
pub(crate) trait Origin<R, V, E>: Sized {
    /// The load in the caller's own future.
    type Load: Future<Output = R>;

    /// Whether [`depart`](Self::depart) works.
    const DEPARTS: bool;

    /// Loads in the caller's own future.
    fn load(self) -> Self::Load;

    /// Loads in a task, for `job`.
    fn depart(self, spawner: Spawner, job: Job<R, V, E>);
}

/// A load in the caller's own future.
pub(crate) struct Here<'f, Load>(pub(crate) Pin<&'f mut Load>);

impl<'f, R, V, E, Load: Future<Output = R>> Origin<R, V, E> for Here<'f, Load> {
    type Load = Pin<&'f mut Load>;

    const DEPARTS: bool = false;

    fn load(self) -> Self::Load {
        self.0
    }

    fn depart(self, _spawner: Spawner, _job: Job<R, V, E>) {}
}

/// A load that leaves its caller's future if the door is opened before it begins.
pub(crate) struct Departing<'f, R, Load> {
    departure: Departure<R>,
    load: Pin<&'f mut Load>,
}

impl<'f, R, Load> Departing<'f, R, Load> {
    pub(crate) fn new(departure: Departure<R>, load: Pin<&'f mut Load>) -> Self {
        Self { departure, load }
    }
}

impl<'f, R, V, E, Load> Origin<R, V, E> for Departing<'f, R, Load>
where
    R: Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: 'static,
    Load: Future<Output = R>,
{
    type Load = Pin<&'f mut Load>;

    const DEPARTS: bool = true;

    fn load(self) -> Self::Load {
        self.load
    }

    fn depart(self, spawner: Spawner, job: Job<R, V, E>) {
        if let Some(load) = self.departure.take_from(self.load) {
            spawner.spawn(job.run_in_background(load));
        }
    }
}

/// A load that owns what it uses.
pub(crate) type Loading<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// A load that owns what it uses, from the start.
pub(crate) struct DepartingLoading<R>(pub(crate) Loading<R>);

impl<R, V, E> Origin<R, V, E> for DepartingLoading<R>
where
    R: Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    type Load = Loading<R>;

    const DEPARTS: bool = true;

    fn load(self) -> Loading<R> {
        self.0
    }

    fn depart(self, spawner: Spawner, job: Job<R, V, E>) {
        spawner.spawn(job.run_in_background(self.0));
    }
}
