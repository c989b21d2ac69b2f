//! Announcements of maintenance, as two kinds of servers write them (B24 to B32).
//!
//! Invariant: whatever the bytes are, they are an event that says no more than they do, or none; and nobody is asked for
//! any where settings and host do not say so. What sentinels publish is told as a failover.

mod azure;
mod hosts;
mod pushes;

use std::time::SystemTime;

use athena_cache_core::backend::MaintenanceEvent;
use redis::{PushInfo, PushKind};

use super::batch::Batch;
use crate::config::MaintenanceNotices;

/// What a push says of a maintenance; `while_connecting`, if it came before the connection was used.
pub(super) fn pushed(info: &PushInfo, while_connecting: bool) -> Option<MaintenanceEvent> {
    match &info.kind {
        PushKind::Other(name) => pushes::event(name, &info.data, while_connecting),
        _ => None,
    }
}

/// What a message on a channel says of one.
pub(super) fn published(channel: &str, payload: &str) -> Option<MaintenanceEvent> {
    (channel == azure::CHANNEL).then(|| azure::event(payload, SystemTime::now()))
}

/// The questions that have a host announce its maintenance, each to be asked by itself: what is refused is done
/// without.
pub(super) fn requests(notices: MaintenanceNotices, host: &str) -> Vec<Batch> {
    let [publishes, pushes] = match notices {
        MaintenanceNotices::Off => [false; 2],
        MaintenanceNotices::On => [true; 2],
        MaintenanceNotices::ByHost => [hosts::publishes(host), hosts::pushes(host)],
    };
    let mut requests = Vec::new();
    if publishes {
        let mut batch = Batch::new();
        batch.command("PSUBSCRIBE").arg(azure::CHANNEL);
        requests.push(batch);
    }
    if pushes {
        let mut batch = Batch::new();
        batch.command("CLIENT").args(["MAINT_NOTIFICATIONS", "ON"]);
        requests.push(batch);
    }
    requests
}

/// What a push says of a maintenance, for tests and fuzzers that make bytes up.
#[cfg(feature = "fuzzing")]
pub(super) fn read_push(info: &PushInfo, payload: Option<&str>) {
    drop(pushed(info, false));
    if let Some(payload) = payload {
        drop(azure::event(payload, SystemTime::UNIX_EPOCH));
    }
}
