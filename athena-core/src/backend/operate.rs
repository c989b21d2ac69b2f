//! What an operator may ask of a backend: who is there, what is stored, what is wrong.
//!
//! Invariant: nothing here decides about an entry, and nothing of it is in the way of operations: a
//! backend answers over connections of its own. A node that says nothing is an entry with an error,
//! and what nobody has told is `None`, never a zero.

mod change;
mod examination;
mod fleet;
mod lag;
mod operator;
mod saving;
mod scan;
mod sentinels;
mod survey;
mod walk;

pub use self::change::{BecomingValue, ExpectedValue, ValueChange};
pub use self::examination::{Examination, Examined, LackedRight, OwnSettings, Permission, Timing};
pub use self::fleet::{FleetMember, Membership};
pub use self::lag::ReplicaLag;
pub use self::operator::Operator;
pub use self::saving::{SavedNode, Saving};
pub use self::scan::{RawValue, ScanCursor, ScanPage, ScannedNode};
pub use self::sentinels::{SentinelReport, SentinelSight, SentinelVoice};
pub use self::survey::{
    ClusterMember, ClusterSight, MemoryUse, Persistence, ReplicaSight, Replication, StoreKind,
    Survey, SurveyedNode,
};
pub use self::walk::Scan;
