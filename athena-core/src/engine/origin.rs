//! A load that has not begun, and the ways in which it may go on without its caller.

use std::future::Future;
use std::pin::Pin;

use super::answer::Answer;
use super::detach::Detach;
use super::job::Job;
use crate::tasks::{Spawner, Task};

/// A load that has not begun, and whether it can go on without its caller.
pub(crate) trait Origin<R, V, E>: Sized {
    /// The load in the caller's own future.
    type Load: Future<Output = R>;

    /// Whether [`detach`](Self::detach) works.
    const DETACHES: bool;

    /// Loads in the caller's own future.
    fn load(self) -> Self::Load;

    /// Loads in a task, for `job`.
    fn detach(self, spawner: Spawner, job: Job<R, V, E>) -> Option<LoadTask<R>>;
}

/// A load in a task, which may come to an answer.
pub(crate) type LoadTask<R> = Task<Option<Answer<R>>>;

/// A load in the caller's own future.
pub(crate) struct InPlace<'f, Load>(pub(crate) Pin<&'f mut Load>);

impl<'f, R, V, E, Load: Future<Output = R>> Origin<R, V, E> for InPlace<'f, Load> {
    type Load = Pin<&'f mut Load>;

    const DETACHES: bool = false;

    fn load(self) -> Self::Load {
        self.0
    }

    fn detach(self, _spawner: Spawner, _job: Job<R, V, E>) -> Option<LoadTask<R>> {
        None
    }
}

/// A load that leaves its caller's future if the door is opened before it begins.
pub(crate) struct Detached<'f, R, Load> {
    detach: Detach<R>,
    load: Pin<&'f mut Load>,
}

impl<'f, R, Load> Detached<'f, R, Load> {
    pub(crate) fn new(detach: Detach<R>, load: Pin<&'f mut Load>) -> Self {
        Self { detach, load }
    }
}

impl<'f, R, V, E, Load> Origin<R, V, E> for Detached<'f, R, Load>
where
    R: Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: 'static,
    Load: Future<Output = R>,
{
    type Load = Pin<&'f mut Load>;

    const DETACHES: bool = true;

    fn load(self) -> Self::Load {
        self.load
    }

    fn detach(self, spawner: Spawner, job: Job<R, V, E>) -> Option<LoadTask<R>> {
        let load = self.detach.take_from(self.load)?;
        Some(spawner.spawn(job.run_in_background(load)))
    }
}

/// A load that owns what it uses.
pub(crate) type Loading<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// A load that owns what it uses, from the start.
pub(crate) struct DetachedLoading<R>(pub(crate) Loading<R>);

impl<R, V, E> Origin<R, V, E> for DetachedLoading<R>
where
    R: Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    type Load = Loading<R>;

    const DETACHES: bool = true;

    fn load(self) -> Loading<R> {
        self.0
    }

    fn detach(self, spawner: Spawner, job: Job<R, V, E>) -> Option<LoadTask<R>> {
        Some(spawner.spawn(job.run_in_background(self.0)))
    }
}
