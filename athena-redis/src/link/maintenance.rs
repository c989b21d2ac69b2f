//! Announcements of maintenance, as three kinds of servers write them (B24 to B32).
//!
//! Invariant: whatever the bytes are, they are an event that says no more than they do, or none. Nothing listens to
//! these yet.

mod azure;
mod hosts;
mod pushes;
mod sentinels;

/// What a push says of a maintenance, for tests and fuzzers that make bytes up.
#[cfg(feature = "fuzzing")]
pub(super) fn read_push(info: &redis::PushInfo) {
    if let redis::PushKind::Other(name) = &info.kind {
        drop(pushes::event(name, &info.data, false));
    }
    if let Some(push) = super::push::message(info) {
        drop(azure::event(&push.payload, std::time::SystemTime::UNIX_EPOCH));
        drop(sentinels::event(&push.channel, &push.payload, "mymaster"));
    }
}
