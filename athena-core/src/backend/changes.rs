//! What a store tells of the invalidations that it has executed, so that another store can follow.
//!
//! Invariant: a log holds names, never values. Whoever follows it invalidates what a record names in another
//! store, so that a record which comes twice, late or out of order costs misses and nothing else.

mod feed;
mod log;
mod names;
mod position;
mod record;

pub use self::feed::{LogCursor, LoggedChange, LoggedChanges, changes_since};
pub use self::log::{Advance, ChangeLog, LogPulse, LogTurn, LoggedInvalidation, Parked};
pub use self::names::{WHOLE, log_name, outbox_name};
pub use self::position::{LogBreak, LogPage, LogPosition};
pub use self::record::LogRecord;
