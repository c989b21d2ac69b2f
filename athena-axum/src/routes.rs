//! Health, status and metrics, as routes.
//!
//! Invariant: whatever the backend does, each answers within the limits of the checks, with what is known.

pub(crate) mod document;
mod health;
mod metrics;
pub(crate) mod query;
mod status;

pub use health::health;
pub use metrics::metrics;
#[cfg(feature = "dashboard")]
pub(crate) use status::seen;
pub use status::status;
