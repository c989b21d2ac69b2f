//! Putting back what was kept.
//!
//! Invariant: nothing happens before [`Restore::run`] is awaited.

use std::path::PathBuf;

use super::super::Cache;
use super::course::{PassCourse, pass_course};
use crate::backup::{RestoreMode, RestoreTask, Restored, RestoredAs, StoreFate};
use crate::error::Error;

/// A backup to be put back: from [`Cache::restore`].
#[derive(Debug, Clone)]
#[must_use = "nothing is restored before `run`"]
pub struct Restore<'a> {
    pub(super) cache: &'a Cache,
    pub(super) path: PathBuf,
    pub(super) mode: RestoreMode,
    pub(super) standing: RestoredAs,
    pub(super) fate: StoreFate,
    pub(super) course: PassCourse,
    pub(super) dry_run: bool,
}

pass_course! { Restore: "5000" }

impl Restore<'_> {
    /// What becomes of values that are there already; they stay if nothing is said.
    pub fn mode(mut self, mode: RestoreMode) -> Self {
        self.mode = mode;
        self
    }

    /// Brings values back as fresh as they were: nothing of them has changed since the backup, and whoever says so
    /// knows that.
    ///
    /// The backend cannot know what was invalidated since.
    pub fn vouched(mut self) -> Self {
        self.standing = RestoredAs::Vouched;
        self
    }

    /// The store has lost everything since the backup, as by `FLUSHALL`.
    ///
    /// Whoever calls functions meanwhile has generations made anew, which looks as if everything had been cleared: without
    /// this nothing comes back then, and [`Restored::outdated`] counts it. With it, what was invalidated since the
    /// backup comes back as well; as a stale value, unless it is [vouched](Self::vouched) for.
    pub fn after_loss(mut self) -> Self {
        self.fate = StoreFate::Lost;
        self
    }

    /// Reads, compares and counts, and writes nothing.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Reads all of the file, and if it is whole puts its values back.
    ///
    /// How long values have to live is counted by the clocks of the machines that made and restore the backup.
    ///
    /// # Errors
    ///
    /// The file is no whole backup of this cache's namespace: nothing is written then. A node did not answer, or
    /// refused: what was written until then stays, and the error says how much.
    pub async fn run(self) -> Result<Restored, Error> {
        let (remote, operator) = self.cache.store().await?;
        let runtime = self.cache.runtime();
        let task = RestoreTask {
            remote,
            operator: &*operator,
            prefix: &runtime.namespace.prefix(),
            mode: self.mode,
            standing: self.standing,
            fate: self.fate,
            rate: self.course.rate,
            dry_run: self.dry_run,
            listener: self.course.listener,
        };
        task.run(self.path).await
    }
}
