//! Which region a process uses: states and numbers (regions 20).

mod limits;
mod machine;
mod standing;
#[cfg(test)]
mod tests;

pub(crate) use self::limits::RouterSettings;
pub use self::machine::SwitchReason;
pub(crate) use self::machine::{Router, Switch};
pub use self::standing::RegionStanding;
pub(crate) use self::standing::Signs;
