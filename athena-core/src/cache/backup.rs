//! Keeping what a cache has stored in a file, and bringing it back.
//!
//! Invariant: nothing is asked of a backend of which not all is known, or that is isolated.

mod course;
mod keep;
mod look_over;
mod put_back;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::backend::operate::Operator;
use crate::backup::{Removing, RestoreMode, RestoredAs, StoreFate};
use crate::error::Error;
use crate::remote::Remote;
use crate::resilience::breaker::BreakerState;

use course::PassCourse;
pub use keep::Backup;
pub use look_over::Verify;
pub use put_back::Restore;

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
        Backup { cache: self, course: PassCourse::at(RATE), limit: LONGEST_SAVE }
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
            fate: StoreFate::Kept,
            course: PassCourse::at(RATE),
            dry_run: false,
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
        Verify { cache: self, course: PassCourse::at(VERIFY_RATE), removing: Removing::Nothing }
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
