//! Keeping what is stored.
//!
//! Invariant: nothing happens before [`Backup::to`] or [`Backup::save`] is awaited.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::super::Cache;
use super::course::{PassCourse, pass_course};
use crate::backend::operate::SavedNode;
use crate::backup::file::{BackupFoot, BackupHead};
use crate::backup::{BackupPlace, Export};
use crate::clock::unix_millis;
use crate::error::Error;

/// A backup of what a cache has in its backend: from [`Cache::backup`].
#[derive(Debug, Clone)]
#[must_use = "nothing is kept before `to` or `save`"]
pub struct Backup<'a> {
    pub(super) cache: &'a Cache,
    pub(super) course: PassCourse,
    pub(super) limit: Duration,
}

pass_course! { Backup: "5000" }

impl Backup<'_> {
    /// How long servers may take to [`save`](Self::save); 10 minutes if nothing is said.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Writes a file, in the place of one that is there: it is there as a whole, and on the disk, or not at all.
    ///
    /// Nobody but its owner may read it. Memory for a few pieces of 4 MiB is needed, or as often the largest value.
    ///
    /// # Errors
    ///
    /// A node did not answer, or the file cannot be written; nothing is left of it then.
    pub async fn to(self, path: impl Into<PathBuf>) -> Result<BackupFoot, Error> {
        self.export(BackupPlace::File(path.into())).await
    }

    /// The same into something that takes bytes, as a pipe to what compresses or encrypts.
    ///
    /// It was ended well if this returns a foot; a reader refuses what was not.
    ///
    /// # Errors
    ///
    /// A node did not answer, or the bytes were not taken.
    pub async fn to_writer(self, writer: impl Write + Send + 'static) -> Result<BackupFoot, Error> {
        self.export(BackupPlace::Pipe(Box::new(writer))).await
    }

    /// Has each primary save what it holds to its own disk, and waits until each has.
    ///
    /// All are tried, whatever becomes of one.
    ///
    /// # Errors
    ///
    /// There is no backend that can be asked. What single nodes came to is in the answer.
    pub async fn save(self) -> Result<Vec<SavedNode>, Error> {
        let (_, operator) = self.cache.store().await?;
        Ok(operator.save(self.limit).await)
    }

    async fn export(self, place: BackupPlace) -> Result<BackupFoot, Error> {
        let (remote, operator) = self.cache.store().await?;
        let runtime = self.cache.runtime();
        let mut head = BackupHead::new(runtime.namespace.as_str(), unix_millis());
        head.region = remote.region().map(str::to_owned);
        head.nodes = remote.histories();
        let hot = self.cache.hot();
        let export = Export {
            operator: &*operator,
            prefix: &runtime.namespace.prefix(),
            rate: self.course.rate,
            head,
            hot: hot.iter().map(|entry| entry.topic.key().to_owned()).collect(),
            listener: self.course.listener,
        };
        export.run(place).await
    }
}
