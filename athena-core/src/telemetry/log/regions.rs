//! What is recorded of regions, and of what is announced about them.

use crate::telemetry::Event;

/// Writes an event that is about a region.
pub(super) fn write(cache: &str, event: &Event<'_>) {
    match event {
        Event::RegionSwitched { from, to, reason } => {
            let reason = reason.name();
            tracing::warn!(target: "athena_cache", cache, from, to, reason, "another region is used");
        }
        Event::RegionHeard { region, heard: true } => {
            tracing::info!(target: "athena_cache", cache, region, "the region follows the primary");
        }
        Event::RegionHeard { region, heard: false } => {
            tracing::warn!(
                target: "athena_cache",
                cache, region,
                "the region is not known to follow the primary: what it holds is fresh for `alone_ttl` only, and flagged \
                 then"
            );
        }
        Event::Resynced { region, reason } => {
            tracing::warn!(
                target: "athena_cache",
                cache, region, reason = reason.name(), %reason,
                "the region was cleared, as it may lack something that the primary has invalidated"
            );
        }
        Event::Parked { region, count } => {
            tracing::error!(
                target: "athena_cache",
                cache, region, count,
                "the region rejects what the primary has invalidated, and forgot more in its place: check the rights of \
                 its user; the records are parked beside its log"
            );
        }
        Event::NotFollowed { region, failure } => {
            let failure = failure.map(tracing::field::display);
            tracing::warn!(
                target: "athena_cache",
                cache, region, failure,
                "cannot carry into the region what the primary has invalidated; trying again, as other processes do"
            );
        }
        Event::RegionsAlike { region } => {
            tracing::error!(
                target: "athena_cache",
                cache, region,
                "the region has the store of the primary, or a copy of it: give each region a store of its own, or leave \
                 `[regions]` out"
            );
        }
        Event::Maintenance { notice } => {
            let (kind, source) = (notice.kind.name(), notice.source.name());
            let node = notice.node.as_deref().unwrap_or("unknown");
            let [starts_in, lasts] =
                [notice.starts_in, notice.lasts].map(|it| it.map(tracing::field::debug));
            tracing::info!(
                target: "athena_cache",
                cache, kind, source, node, starts_in, lasts,
                "maintenance of the backend is announced"
            );
        }
        _ => {}
    }
}
