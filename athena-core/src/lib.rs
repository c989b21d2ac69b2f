//! The runtime of athena-cache: keys, entries, tiers, resilience, coherence.
//!
//! Depend on `athena-cache`, which has the attributes as well; here is where its parts live, from the
//! bottom up: `clock`, `key`, `tag` · `entry`, `envelope`, `codec`, `schema` · `policy`, `resilience` ·
//! [`backend`], `telemetry` · `tier`, `coherence`, `flight` · `engine`, the one read path · [`Cache`],
//! [`of`] · `private`, which expansions call.

pub mod backend;
mod builder;
mod cache;
mod call;
mod clock;
mod codec;
mod coherence;
mod context;
mod engine;
mod entry;
mod envelope;
mod error;
mod flight;
mod key;
mod policy;
#[doc(hidden)]
pub mod private;
mod random;
mod resilience;
mod runtime;
mod schema;
mod settings;
mod shape;
mod tag;
mod tasks;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod tier;

pub use builder::Builder;
pub use cache::{Background, Batch, Cache, Carry, Closed, Entry, Format, Health, Json, Local};
pub use cache::{Postcard, Quiet, Typed};
pub use call::{Observed, Of, of};
pub use error::Error;
pub use policy::{Fallback, Percent};
pub use resilience::breaker::BreakerState;
pub use resilience::class::Traffic;
pub use runtime::Invalidated;
pub use settings::{
    BreakerSettings, Jitter, Memory, MemoryRole, Resilience, RetrySettings, Settings,
};
pub use tag::{escape, tag};
pub use telemetry::event::NotKept;
pub use telemetry::{Event, Observer, Outcome, Source, Stats};
pub use tier::remote::NodeStatus;
