//! Real servers for tests, and ways to look into them that do not pass through our own code.
//!
//! Include it with `#[path = "…/tests/support/mod.rs"] mod support;`. It needs nothing but the
//! standard library and the programs that `scripts/test-deps.sh` installs.

// Every test binary compiles all of it and uses a part.
#![allow(dead_code, reason = "shared by several test binaries")]
#![allow(clippy::expect_used, reason = "a test that cannot go on panics")]

pub(crate) mod monitor;
pub(crate) mod proxy;
pub(crate) mod resp;
pub(crate) mod server;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a condition may take that usually holds within milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for a condition by looking every few milliseconds; panics with `what` when it takes too long.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A file beside this one, wherever the test binary was started.
pub(crate) fn file(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    [here.join("tests/support"), here.join("../tests/support")]
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("tests/support/{name} is missing"))
}
