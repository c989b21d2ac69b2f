//! Plays in two regions: processes of both read, write and invalidate while a region, or the way between them, breaks.
//!
//! The first region is the primary. The first half of the processes prefer it and reach it by their own network, the
//! others the second one. X1: what is served as fresh is not older than the bound; X3 and X4 are P3 and P5 of
//! [`check`](super::check); X5 is P4, and that everybody is back; X6: who uses the primary notices nothing of what
//! happens to the secondary, or between the two.

pub(crate) mod fault;
mod figures;
mod noticed;
mod perform;
pub(crate) mod play;
mod report;
mod switches;
