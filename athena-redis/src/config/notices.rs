//! Which servers are asked to announce their maintenance.

use serde::{Deserialize, Serialize};

/// Which servers are asked to announce their maintenance.
///
/// There are two ways: the channel `AzureRedisEvents` of Azure Cache for Redis, for which the user needs `+psubscribe`
/// and the channel (`&AzureRedisEvents`), and notices on connections that ask for them
/// (`CLIENT MAINT_NOTIFICATIONS`). A server that refuses is used all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum MaintenanceNotices {
    /// Those whose names end as those of services that announce it.
    #[default]
    ByHost,
    /// All, in both ways: they have other names here than those that the service gave them.
    On,
    /// None.
    Off,
}
