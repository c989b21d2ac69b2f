//! Values that are not written, not sent or not read; each said once per function and type.

use super::super::topic::Topic;

/// A type whose changes go unseen; said once per type.
pub(crate) fn untraced(name: &str) {
    tracing::info!(
        target: "athena_cache",
        r#type = name,
        "the fields of this type cannot all be seen; when it changes, change `version`"
    );
}

/// A value that is not written; said once per function and type.
pub(crate) fn unwritable(cache: &str, key: &Topic, reason: &str) {
    let (function, entry) = key.fields();
    tracing::error!(
        target: "athena_cache",
        cache, function, entry, reason,
        "values of this function do not reach other processes; the next ones are only counted"
    );
}

/// A value that is too large to be sent; said once per function and type.
pub(crate) fn too_large(cache: &str, key: &Topic, reason: &str) {
    let (function, entry) = key.fields();
    tracing::warn!(
        target: "athena_cache",
        cache, function, entry, reason,
        "a value is not sent to the backend, and each process loads it for itself; make it smaller, raise the \
         limit, or keep it in memory with `tier = memory`; the next ones are only counted"
    );
}

/// A value that does not get through in time; said once per function and type.
pub(crate) fn held_off(cache: &str, key: &Topic, reason: &str) {
    let (function, entry) = key.fields();
    tracing::warn!(
        target: "athena_cache",
        cache, function, entry, reason,
        "a value does not get through to or from the backend in time: it is tried less and less often, and each \
         process loads it for itself meanwhile; make it smaller, keep it in memory with `tier = memory`, or \
         raise `attempt_timeout`; the next ones are only counted"
    );
}

/// Bytes that are no value; said once per function and type.
pub(crate) fn undecodable(cache: &str, key: &Topic, reason: &str) {
    let (function, entry) = key.fields();
    tracing::warn!(
        target: "athena_cache",
        cache, function, entry, reason,
        "cannot read entry, loading it anew; the next ones are only counted"
    );
}
