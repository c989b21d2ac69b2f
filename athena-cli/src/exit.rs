//! What the shell is told.

/// How it ended; the numbers are covered by semver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    Fine = 0,
    /// What was looked at is in trouble.
    Trouble = 1,
    /// The command line, or the file that it names, cannot be used.
    Usage = 2,
    /// Not all was reached, so that what is said is not complete, or not all was done.
    Incomplete = 3,
    /// It may not be done: rights of the user, or `--admin` is missing.
    Refused = 4,
    /// Somebody ended it.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
