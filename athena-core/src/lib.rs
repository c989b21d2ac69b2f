//! The runtime of athena-cache: keys, entries, tiers, resilience, coherence.
//!
//! Depend on `athena-cache`, which has the attributes as well; here is where its parts live, from the
//! bottom up: `clock`, `key`, `tag` · `entry`, `envelope`, `codec`, `schema` · `policy`, `resilience` ·
//! [`backend`], `telemetry` · `tier`, `coherence`, `flight` · `engine`, the one read path · [`Cache`],
//! [`of`] · `private`, which expansions call.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps its arguments beside what it makes of them: where a future stands in that of every \
              call, an `async` block that takes them is smaller"
)]

pub mod backend;
pub mod backup;
mod blocking;
mod cache;
mod checks;
mod clock;
mod codec;
mod coherence;
mod contained;
mod context;
pub mod count;
pub mod duration;
mod engine;
mod entered;
mod entry;
mod envelope;
mod error;
mod excerpt;
#[cfg(feature = "json")]
mod fleet;
mod flight;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod identity;
#[doc(hidden)]
pub mod inspect;
mod key;
mod load_limits;
mod lock;
mod memory;
mod moment;
mod of;
mod policy;
#[doc(hidden)]
pub mod private;
mod random;
mod recovery;
mod regions;
mod remote;
mod resilience;
mod runtime;
mod schema;
mod settings;
mod shape;
mod sharded;
mod sites;
pub mod size;
mod tag;
mod tasks;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod time_span;
mod undisturbed;

pub use backup::{Defect, Progress, RestoreMode, Restored, Verified};
pub use cache::{
    Background, Backup, Batch, Builder, Cache, Carry, Closed, Entry, Format, Json, Local, Restore,
};
pub use cache::{
    ClusterStatus, FailoverStatus, JournalStatus, MaintenanceStatus, Performance, ProcessStatus,
    RecoveryStatus, ServerStatus, Status, TrustStatus,
};
pub use cache::{HealthChecks, Postcard, Quiet, Reconnection, Report, Typed};
#[doc(hidden)]
pub use cache::{HeldEntry, HeldEnvelope, HeldValue};
pub use cache::{Verify, WarmUp, WarmedUp};
pub use error::Error;
#[cfg(feature = "json")]
pub use fleet::{Fleet, FleetProcess};
pub use health::{
    Fact, Finding, Health, HealthEntry, HealthPolicy, HealthReport, Need, NeutralHealth,
};
pub use moment::Moment;
pub use of::{AsyncCall, Holds, Observed, Of, of};
pub use policy::{Fallback, Percent};
pub use recovery::{RecoveryStep, StepCount, StepResult};
pub use regions::{RegionStanding, SwitchReason};
pub use remote::{NodeStatus, RegionStatus};
pub use resilience::breaker::{BreakerSettings, BreakerState};
pub use resilience::class::Traffic;
pub use resilience::retry::{Jitter, RetrySettings};
pub use resilience::settings::Resilience;
pub use runtime::Invalidated;
pub use settings::{HealthSettings, Memory, MemoryRole, RecoverySettings, Settings, SiteSettings};
pub use settings::{RegionReplication, RegionSettings};
pub use tag::{escape, tag};
pub use telemetry::not_kept::NotKept;
pub use telemetry::timeline::{Occurrence, OccurrenceKind};
pub use telemetry::{Answerer, ExchangeReport, HotEntry, WaitReport};
pub use telemetry::{CacheOutcomes, Collector};
pub use telemetry::{Distribution, Event, Observer, Outcome, SiteReport, Source, Stats, Topic};
pub use telemetry::{History, Rates, SiteRates};
