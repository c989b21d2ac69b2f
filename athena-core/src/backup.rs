//! What a cache has stored, kept in one file and brought back.
//!
//! Not a point in time: names are read one after another while they are written, and the generations last, so that
//! what was invalidated meanwhile is known not to count. Invariant: what a file says counts only if all of it is
//! whole; a generation is never overwritten; and nothing that comes back is fresh unless somebody vouches for it.

mod carried;
mod export;
pub mod file;
mod held;
mod judge;
mod pace;
mod partial;
mod pieces;
mod progress;
mod restore;
#[cfg(all(test, feature = "testing"))]
mod tests;
mod verify;

pub(crate) use self::export::{BackupPlace, Export};
pub(crate) use self::judge::{RestoredAs, StoreFate};
pub use self::progress::Progress;
pub(crate) use self::progress::ProgressListener;
pub(crate) use self::restore::RestoreTask;
pub use self::restore::{RestoreMode, Restored};
pub use self::verify::{Defect, Verified};
pub(crate) use self::verify::{Removing, VerifyTask};
