//! Which region a process uses: states and numbers (regions 20).

mod limits;
mod machine;
mod standing;

pub(crate) use self::limits::RouterSettings;
