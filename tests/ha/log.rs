//! What caches write to `tracing`, warnings and worse.

use std::io;
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::filter::LevelFilter;

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Collects from now on what all caches of this process write.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let builder = tracing_subscriber::fmt().with_max_level(LevelFilter::WARN);
        builder.with_ansi(false).with_writer(|| Sink).init();
    });
}

/// The lines about failovers of the cache with a namespace.
pub(crate) fn failovers(namespace: &str) -> Vec<String> {
    let written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&written);
    let cache = format!(" cache=\"{namespace}\" ");
    let about = |line: &&str| line.contains(" athena_cache: failover ") && line.contains(&cache);
    text.lines().filter(about).map(str::to_owned).collect()
}

/// The lines about something.
pub(crate) fn about(what: &str) -> Vec<String> {
    let written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&written);
    text.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
}

struct Sink;

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
