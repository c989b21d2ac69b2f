//! Real servers for tests, and ways to look into them that do not pass through our own code.
//!
//! Include it with `#[path = "…/tests/support/mod.rs"] mod support;`. It needs nothing but the
//! standard library, tokio for [`load`], and the programs that `scripts/test-deps.sh` installs.
//!
//! One server is a [`server::RedisServer`]; a [`sentinel::SentinelGroup`] and a
//! [`cluster::Cluster`] are made of them. [`proxy`] breaks the network, also between the nodes
//! ([`fence`]), [`liar`] plays servers that lie, [`load`] plays the callers, [`prober`] and [`writes`] watch
//! the nodes while something breaks.

// Every test binary compiles all of it and uses a part.
#![allow(dead_code, unused_imports, reason = "shared by several test binaries")]
#![allow(clippy::expect_used, reason = "a test that cannot go on panics")]

pub(crate) mod cluster;
pub(crate) mod fence;
pub(crate) mod liar;
pub(crate) mod load;
pub(crate) mod monitor;
pub(crate) mod prober;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod resp;
pub(crate) mod rights;
pub(crate) mod role;
pub(crate) mod sentinel;
pub(crate) mod server;
pub(crate) mod slots;
pub(crate) mod topology;
pub(crate) mod writes;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a condition may take that usually holds within milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a condition by looking every few milliseconds; panics with `what` when it takes too long.
pub(crate) fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_within(PATIENCE, what, look)
}

/// Waits as [`wait_for`] does, with another patience.
pub(crate) fn wait_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A file beside this one, wherever the test binary was started.
pub(crate) fn file(name: &str) -> PathBuf {
    let path = folder_of("tests/support").map(|folder| folder.join(name));
    let path = path.filter(|path| path.exists());
    path.unwrap_or_else(|| panic!("tests/support/{name} is missing"))
}

/// A folder of the workspace, if it is there.
fn folder_of(name: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    [here.join(name), here.join("..").join(name)].into_iter().find(|path| path.exists())
}
