//! Which region a process uses: states and numbers (regions 20).

mod limits;
mod machine;
mod standing;
#[cfg(test)]
mod tests;

pub(crate) use self::limits::RouterSettings;
