//! Keeping what a cache has stored in a file, and bringing it back.
//!
//! Invariant: nothing happens before [`Backup::to`], [`Backup::save`] or [`Restore::run`] is awaited.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::backend::operate::{Operator, SavedNode};
use crate::backup::file::{BackupFoot, BackupHead};
use crate::backup::{BackupPlace, Export, RestoreMode, RestoreTask, Restored, RestoredAs};
use crate::backup::{Progress, ProgressListener, Removing, Verified, VerifyTask};
use crate::clock::unix_millis;
use crate::error::Error;
use crate::remote::Remote;
use crate::resilience::breaker::BreakerState;

/// Names that are read in a second, unless something else is said.
const RATE: u32 = 5_000;
/// Names that are verified in a second, unless something else is said.
const VERIFY_RATE: u32 = 2_000;
/// How long nodes are looked for.
const LONGEST_SURVEY: Duration = Duration::from_secs(5);
/// The slots of a cluster.
const ALL_SLOTS: u32 = 16_384;
/// How long servers may take to save what they hold, unless something else is said.
const LONGEST_SAVE: Duration = Duration::from_secs(10 * 60);

/// A backup of what a cache has in its backend: from [`Cache::backup`].
#[derive(Debug, Clone)]
#[must_use = "nothing is kept before `to` or `save`"]
pub struct Backup<'a> {
    cache: &'a Cache,
    rate: u32,
    limit: Duration,
    listener: ProgressListener,
}

/// A backup to be put back: from [`Cache::restore`].
#[derive(Debug, Clone)]
#[must_use = "nothing is restored before `run`"]
pub struct Restore<'a> {
    cache: &'a Cache,
    path: PathBuf,
    mode: RestoreMode,
    standing: RestoredAs,
    rate: u32,
    dry_run: bool,
    listener: ProgressListener,
}

/// All that is stored, to be looked at: from [`Cache::verify`].
#[derive(Debug, Clone)]
#[must_use = "nothing is looked at before `run`"]
pub struct Verify<'a> {
    cache: &'a Cache,
    rate: u32,
    removing: Removing,
    listener: ProgressListener,
}

impl Cache {
    /// Keeps what the backend holds of this cache, in a file of ours or on the servers' disks.
    ///
    /// A file holds values as they are stored, and so whatever is personal in them; it is not compressed. It is not
    /// a point in time: what is stored or invalidated while it is written may be in it or not. Of several
    /// [regions](crate::Settings::regions) it is of the one that is used, which its head names.
    ///
    /// ```no_run
    /// # async fn example(cache: &athena_cache_core::Cache) -> Result<(), athena_cache_core::Error> {
    /// let kept = cache.backup().to("shop.backup").await?;
    /// println!("{} values, {} bytes", kept.values, kept.bytes);
    /// # Ok(())
    /// # }
    /// ```
    pub fn backup(&self) -> Backup<'_> {
        let listener = ProgressListener::default();
        Backup { cache: self, rate: RATE, limit: LONGEST_SAVE, listener }
    }

    /// Puts the values of a backup back, as stale ones unless they are [vouched](Restore::vouched) for.
    ///
    /// A stale value answers within its grace and flagged, as one does that a failover has left behind, and is loaded
    /// again meanwhile: nothing that was invalidated since the backup comes back as fresh. Values without a grace
    /// stay away, and so does what was invalidated by a tag, or with everything, before the backup ended. An entry
    /// that was invalidated by its key leaves no trace that could be compared: if it is in the file, because that
    /// came later or while the file was written, it comes back as a stale one.
    /// Of several [regions](crate::Settings::regions) they are put into the one that is used.
    ///
    /// ```no_run
    /// # async fn example(cache: &athena_cache_core::Cache) -> Result<(), athena_cache_core::Error> {
    /// let restored = cache.restore("shop.backup").run().await?;
    /// println!("{} of {} values", restored.written, restored.read);
    /// # Ok(())
    /// # }
    /// ```
    pub fn restore(&self, path: impl Into<PathBuf>) -> Restore<'_> {
        Restore {
            cache: self,
            path: path.into(),
            mode: RestoreMode::default(),
            standing: RestoredAs::Stale,
            rate: RATE,
            dry_run: false,
            listener: ProgressListener::default(),
        }
    }

    /// Looks at all that the backend holds of this cache: whether bytes are whole, where they belong, and have an end.
    ///
    /// Nothing is changed unless it is to [repair](Verify::repair).
    ///
    /// ```no_run
    /// # async fn example(cache: &athena_cache_core::Cache) -> Result<(), athena_cache_core::Error> {
    /// let verified = cache.verify().run().await?;
    /// println!("{} of {} are sound", verified.sound, verified.looked_at);
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify(&self) -> Verify<'_> {
        let (removing, listener) = (Removing::Nothing, ProgressListener::default());
        Verify { cache: self, rate: VERIFY_RATE, removing, listener }
    }

    /// The backend, and what operators may ask of it, once all of it is known.
    async fn store(&self) -> Result<(&Remote, Arc<dyn Operator>), Error> {
        let remote = self.0.remote().map(|remote| &**remote);
        if self.breaker() == Some(BreakerState::Isolated) {
            return Err(Error::backup(
                "needs the backend, and nothing is sent to it: `resume` first",
            ));
        }
        let Some((remote, operator)) = remote.and_then(|it| Some((it, it.operator()?))) else {
            return Err(Error::backup(
                "needs a backend that can be asked for all it holds; this cache has none",
            ));
        };
        // Who is there is looked for by whoever asks first.
        let survey = operator.survey(LONGEST_SURVEY).await;
        if operator.scanned_nodes().is_empty() {
            let why = survey.error.as_deref().unwrap_or("no node was found that holds names");
            return Err(Error::backup(format_args!("needs the backend: {why}")));
        }
        if let Some(slots) = survey.slots_ok().filter(|slots| *slots < ALL_SLOTS) {
            return Err(Error::backup(format_args!(
                "needs the whole cluster: only {slots} of its {ALL_SLOTS} slots are served; mend it first"
            )));
        }
        Ok((remote, operator))
    }
}

impl Backup<'_> {
    /// Has somebody told how far it is, after each piece; be quick.
    pub fn on_progress(mut self, listener: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.listener = ProgressListener::new(listener);
        self
    }

    /// Reads at most so many names in a second; 5000 if nothing is said, and never none.
    pub fn rate(mut self, names_per_second: u32) -> Self {
        self.rate = names_per_second;
        self
    }

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
            rate: self.rate,
            head,
            hot: hot.iter().map(|entry| entry.topic.key().to_owned()).collect(),
            listener: self.listener,
        };
        export.run(place).await
    }
}

impl Restore<'_> {
    /// Has somebody told how far it is, after each piece; be quick.
    pub fn on_progress(mut self, listener: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.listener = ProgressListener::new(listener);
        self
    }

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

    /// Writes at most so many values in a second; 5000 if nothing is said, and never none.
    pub fn rate(mut self, values_per_second: u32) -> Self {
        self.rate = values_per_second;
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
            rate: self.rate,
            dry_run: self.dry_run,
            listener: self.listener,
        };
        task.run(self.path).await
    }
}

impl Verify<'_> {
    /// Has somebody told how far it is, after each piece; be quick.
    pub fn on_progress(mut self, listener: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.listener = ProgressListener::new(listener);
        self
    }

    /// Looks at no more names in a second; 2000 if nothing is said, and never none.
    pub fn rate(mut self, names_per_second: u32) -> Self {
        self.rate = names_per_second;
        self
    }

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
            rate: self.rate,
            removing: self.removing,
            listener: self.listener,
        };
        task.run().await.map_err(Error::backend)
    }
}
