//! Behaviour without a network.
//!
//! Names begin with the case of the behaviour list or the row of the requirements that they show.

mod attribute;
mod grace;
mod invalidation;
mod refresh;
mod stampede;
mod world;
