//! What reads bytes from outside, one function each, for tests and fuzzers that make bytes up.
//!
//! Each takes any bytes, and panics if they are read as what they are not.

pub use athena_cache_core::fuzzing::FuzzTarget;

use crate::config::RedisConfig;
use crate::url::Url;
use crate::{changes, link, topology};

/// All of them, by the names of their corpora.
pub const TARGETS: &[(&str, FuzzTarget)] =
    &[("replies", replies), ("sentinel", sentinel), ("cluster", cluster), ("url", url)];

/// What any node answers: roles, statistics, errors, lists; as the protocol has it.
pub fn replies(bytes: &[u8]) {
    link::fuzzing::read_all(bytes);
    changes::fuzzing::read_all(|| link::fuzzing::replies(bytes));
}

/// What sentinels answer and announce; as the protocol has it.
pub fn sentinel(bytes: &[u8]) {
    topology::sentinel_fuzzing::read_all(bytes);
}

/// What members of a cluster say of it: a text, or as the protocol has it.
pub fn cluster(bytes: &[u8]) {
    topology::cluster_fuzzing::read_all(bytes);
}

/// A URL of a user, which is read or refused, and shown without its secrets.
pub fn url(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let config = RedisConfig::new(text.as_ref());
    let shown = format!("{config:?}");
    let url = Url::parse(&text).ok();
    if let Some(password) = url.and_then(|url| url.password).filter(|it| it.len() > 8) {
        assert!(!shown.contains(&password), "{shown}");
    }
    drop(config.check());
}
