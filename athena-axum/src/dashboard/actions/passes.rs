//! What goes through all that a cache has stored: verify, repair, backup, restore.
//!
//! Invariant: one of them at a time, so that nobody can make the servers busy with many. It ends with the request that
//! asks for it, and what came of it stands in the timeline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use athena_cache_core::{Cache, Error, Restored};
use axum::http::StatusCode;

use super::deed::Deed;
use super::orders::{RestoreRun, What};
use crate::dashboard::backups::{BackupFolder, BackupName};

/// What is under way, and where backups are.
#[derive(Debug, Clone, Default)]
pub(super) struct Passes {
    folder: Option<BackupFolder>,
    is_under_way: Arc<AtomicBool>,
}

/// One that is to be begun.
#[derive(Debug)]
pub(super) enum Pass {
    Verify,
    Repair,
    Backup(BackupName),
    Restore(BackupName, RestoreRun),
}

impl Pass {
    /// The one that is meant, if one is.
    pub(super) fn of(what: &What) -> Option<Self> {
        Some(match what {
            What::Verify => Self::Verify,
            What::Repair => Self::Repair,
            What::Backup(name) => Self::Backup(name.clone()),
            What::Restore(name, run) => Self::Restore(name.clone(), *run),
            _ => return None,
        })
    }
}

impl Passes {
    pub(super) fn with(self, folder: BackupFolder) -> Self {
        Self { folder: Some(folder), ..self }
    }

    pub(super) fn has_folder(&self) -> bool {
        self.folder.is_some()
    }

    /// Carries one out.
    ///
    /// # Errors
    ///
    /// It was not begun: another one is under way, or there is no place for it.
    pub(super) async fn run(
        &self,
        cache: &Cache,
        pass: Pass,
        (told, actor): (&str, &str),
        details: bool,
    ) -> Result<Deed, (StatusCode, &'static str)> {
        let Some(_turn) = Turn::take(&self.is_under_way) else {
            let why = "another one that goes through all that is stored is under way: wait until it has ended";
            return Err((StatusCode::CONFLICT, why));
        };
        let conflict = |why| (StatusCode::CONFLICT, why);
        let none = || conflict("there is no folder for backups");
        let folder = || self.folder.as_ref().ok_or_else(none);
        let done =
            match pass {
                Pass::Verify | Pass::Repair => {
                    cache.acted(told, actor);
                    verified(cache, matches!(pass, Pass::Repair)).await
                }
                Pass::Backup(name) => {
                    let place = folder()?.place(&name).map_err(conflict)?;
                    cache.acted(told, actor);
                    cache.backup().to(place).await.map(|kept| {
                        format!("{} values were kept, {} bytes", kept.values, kept.bytes)
                    })
                }
                Pass::Restore(name, run) => {
                    let file = folder()?.file(&name);
                    cache.acted(told, actor);
                    let restore = cache.restore(file);
                    let restore = if run == RestoreRun::Dry { restore.dry_run() } else { restore };
                    let verb = if run == RestoreRun::Dry { "would come" } else { "came" };
                    restore.run().await.map(|done| restored(&done, verb))
                }
            };
        Ok(ended(cache, done, actor, details))
    }
}

async fn verified(cache: &Cache, repairs: bool) -> Result<String, Error> {
    let verify = cache.verify();
    let verify = if repairs { verify.repair() } else { verify };
    let seen = verify.run().await?;
    let (damaged, all, removed) = (seen.repairable(), seen.looked_at, seen.removed);
    Ok(format!("{damaged} of {all} values and generations are damaged, {removed} were removed"))
}

fn restored(done: &Restored, verb: &str) -> String {
    let came = format!("{} of {} values {verb} back, as stale", done.written, done.read);
    match done.outdated {
        0 => came,
        // Only somebody who knows that can say so, with the file at hand.
        left => format!(
            "{came}; {left} had been invalidated, or the servers have lost everything: then use `athena restore --after-loss`"
        ),
    }
}

/// What came of it; an error may name nodes, which the timeline does not.
fn ended(cache: &Cache, done: Result<String, Error>, actor: &str, details: bool) -> Deed {
    match done {
        Ok(text) => {
            cache.acted(&text, actor);
            Deed::told(true, text)
        }
        Err(error) => {
            let why =
                error.class().map_or("the file, or the backend, cannot be used", |it| it.name());
            let text = format!("it was not done, or not to its end: {why}");
            cache.acted(&text, actor);
            Deed::told(false, if details { error.to_string() } else { text })
        }
    }
}

/// Being the one that is under way, for as long as this lives.
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn take(is_under_way: &Arc<AtomicBool>) -> Option<Self> {
        let was = is_under_way.swap(true, Ordering::AcqRel);
        (!was).then(|| Self(Arc::clone(is_under_way)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stayed_away_as_invalidated_is_told_with_what_else_it_may_be() {
        let mut done = Restored::default();
        (done.read, done.written) = (3, 3);
        assert_eq!(restored(&done, "came"), "3 of 3 values came back, as stale");
        (done.written, done.outdated) = (1, 2);
        let told = restored(&done, "came");
        assert!(told.contains("1 of 3") && told.contains("2 had been invalidated"), "{told}");
        assert!(told.contains("--after-loss"), "{told}");
    }
}
