//! Behaviour without a network.
//!
//! Names begin with the case of the behaviour list or the row of the requirements that they show.

mod attribute;
mod batch;
mod breaker;
mod grace;
mod invalidation;
mod lifecycle;
mod refresh;
mod stampede;
mod tiers;
mod world;
