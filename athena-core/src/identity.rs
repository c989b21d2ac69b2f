//! Which process a cache is in.
//!
//! Invariant: two caches have two names, whatever machines and processes they are in.

use crate::moment::Moment;

/// What tells a cache from all others, and since when it is there.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The namespace and a random number.
    pub(crate) id: String,
    /// The machine, if it says how it is called.
    pub(crate) host: Option<String>,
    pub(crate) started_at: Moment,
}

impl Identity {
    pub(crate) fn new(namespace: &str) -> Self {
        // Not that of the cache, which a test may have seeded: this one has to differ.
        let number = fastrand::u64(..) >> 24;
        Self { id: format!("{namespace}-{number:010x}"), host: host(), started_at: Moment::now() }
    }
}

fn host() -> Option<String> {
    let set = std::env::var("HOSTNAME").ok();
    let told = set.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())?;
    let name = told.trim();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (!name.is_empty() && name.len() <= 253 && name.bytes().all(is_name)).then(|| name.to_owned())
}
