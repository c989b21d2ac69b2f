//! Looking at all that is stored.
//!
//! Invariant: nothing happens before [`Verify::run`] is awaited.

use super::super::Cache;
use super::course::{PassCourse, pass_course};
use crate::backup::{Removing, Verified, VerifyTask};
use crate::error::Error;

/// All that is stored, to be looked at: from [`Cache::verify`].
#[derive(Debug, Clone)]
#[must_use = "nothing is looked at before `run`"]
pub struct Verify<'a> {
    pub(super) cache: &'a Cache,
    pub(super) course: PassCourse,
    pub(super) removing: Removing,
}

pass_course! { Verify: "2000" }

impl Verify<'_> {
    /// Removes what is corrupt, misplaced, of another type, or without an end; what has changed since it was looked
    /// at stays.
    pub fn repair(mut self) -> Self {
        self.removing = Removing::Defects { orphans: false };
        self
    }

    /// The same, and generations of tags that no value carries.
    ///
    /// What is stored under a new tag while this runs may lose it, and its entries are loaded once more.
    pub fn repair_with_orphans(mut self) -> Self {
        self.removing = Removing::Defects { orphans: true };
        self
    }

    /// Looks at everything.
    ///
    /// # Errors
    ///
    /// A node did not answer, or refused to have something removed. What was removed until then is.
    pub async fn run(self) -> Result<Verified, Error> {
        let (remote, operator) = self.cache.store().await?;
        let task = VerifyTask {
            remote,
            operator: &*operator,
            prefix: &self.cache.runtime().namespace.prefix(),
            rate: self.course.rate,
            removing: self.removing,
            listener: self.course.listener,
        };
        task.run().await.map_err(Error::backend)
    }
}
