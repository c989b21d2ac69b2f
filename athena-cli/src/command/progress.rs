//! Says now and then how far something is, to whoever sits before a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use athena_cache_core::Progress;

/// Between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells on the standard error, where that is a terminal; numbers alone are told.
pub(super) fn reporter(verb: &'static str) -> impl Fn(Progress) + Send + Sync + 'static {
    let is_seen = io::stderr().is_terminal();
    let told = Mutex::new(Instant::now());
    move |progress| {
        let Ok(mut told) = told.lock() else { return };
        if !is_seen || told.elapsed() < PAUSE {
            return;
        }
        *told = Instant::now();
        let total = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        // Whether anybody reads it does not matter.
        let _ = writeln!(io::stderr(), "{verb} {}{total}", progress.done);
    }
}
