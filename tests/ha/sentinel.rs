//! Annotated functions on a primary with two replicas and three sentinels, all of them real.

mod access;
mod calm;
mod crash;
mod lease;
mod planned;
mod stage;
mod stall;
