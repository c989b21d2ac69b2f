//! What a node says of itself (`INFO`, `CLUSTER INFO`), read; pure.
//!
//! Invariant: what is not said, or cannot be read, is `None`.

use std::collections::BTreeMap;
use std::str::FromStr;

use athena_cache_core::backend::operate::{
    ClusterSight, MemoryUse, Persistence, ReplicaSight, Replication,
};

use crate::url::Endpoint;

/// Lines of `name:value`.
#[derive(Debug, Clone, Default)]
pub(super) struct Info(BTreeMap<String, String>);

impl Info {
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.split_once(':'));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    /// A text, unless it is empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|text| !text.is_empty()).cloned()
    }

    pub(super) fn number<N: FromStr>(&self, name: &str) -> Option<N> {
        self.0.get(name)?.parse().ok()
    }

    /// Whether a field has one of two texts.
    fn is(&self, name: &str, yes: &str) -> Option<bool> {
        self.0.get(name).map(|text| text == yes)
    }

    /// What the server is.
    pub(super) fn product(&self) -> Option<String> {
        self.text("server_name").or_else(|| self.text("redis_version").map(|_| "redis".to_owned()))
    }

    pub(super) fn version(&self) -> Option<String> {
        self.text("valkey_version").or_else(|| self.text("redis_version"))
    }

    pub(super) fn mode(&self) -> Option<String> {
        self.text("server_mode").or_else(|| self.text("redis_mode"))
    }

    pub(super) fn is_replica(&self) -> Option<bool> {
        self.is("role", "slave")
    }

    /// The first half of the name of the store's past.
    pub(super) fn history(&self) -> Option<String> {
        let id = self.text("master_replid")?;
        let is_id = id.len() == 40 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_id.then(|| id[..16].to_owned())
    }

    pub(super) fn replication(&self) -> Option<Replication> {
        let is_replica = self.is_replica()?;
        let mut replication = Replication::default();
        replication.offset = self.number("slave_repl_offset").or(self.number("master_repl_offset"));
        if is_replica {
            let host = self.text("master_host").zip(self.number("master_port"));
            replication.primary = host.map(|(host, port)| Endpoint { host, port }.to_string());
            replication.link_up = self.is("master_link_status", "up");
            replication.last_heard_seconds = self.number("master_last_io_seconds_ago");
            replication.is_synchronizing = self.is("master_sync_in_progress", "1");
        }
        let of_number = |number: u32| self.0.get(&format!("slave{number}"));
        replication.replicas =
            (0..).map_while(of_number).filter_map(|line| replica(line)).collect();
        replication.good_replicas = self.number("min_slaves_good_slaves");
        Some(replication)
    }

    /// `save_points` is told apart, by those that let us ask.
    pub(super) fn persistence(&self, save_points: Option<String>) -> Option<Persistence> {
        self.0.get("loading")?;
        let mut persistence = Persistence::default();
        persistence.is_loading = self.is("loading", "1");
        persistence.save_points = save_points;
        persistence.last_save_ok = self.is("rdb_last_bgsave_status", "ok");
        persistence.last_save_at = self.number("rdb_last_save_time");
        persistence.changes_since_save = self.number("rdb_changes_since_last_save");
        persistence.aof_enabled = self.is("aof_enabled", "1");
        persistence.aof_last_write_ok = self.is("aof_last_write_status", "ok");
        Some(persistence)
    }

    pub(super) fn memory(&self) -> Option<MemoryUse> {
        self.0.get("used_memory")?;
        let mut memory = MemoryUse::default();
        memory.used = self.number("used_memory");
        memory.max = self.number("maxmemory");
        memory.policy = self.text("maxmemory_policy");
        let ratio = self.number::<f64>("mem_fragmentation_ratio");
        memory.fragmentation = ratio.filter(|ratio| ratio.is_finite());
        memory.evicted = self.number("evicted_keys");
        memory.tracked_names = self.number("tracking_total_keys");
        Some(memory)
    }

    /// Of `CLUSTER INFO`.
    pub(super) fn cluster(&self) -> Option<ClusterSight> {
        let mut sight = ClusterSight::default();
        sight.is_ok = Some(self.is("cluster_state", "ok")?);
        sight.slots_assigned = self.number("cluster_slots_assigned");
        sight.slots_ok = self.number("cluster_slots_ok");
        sight.slots_pfail = self.number("cluster_slots_pfail");
        sight.slots_fail = self.number("cluster_slots_fail");
        sight.epoch = self.number("cluster_current_epoch");
        Some(sight)
    }
}

/// Reads `ip=…,port=…,state=online,offset=14,lag=0`.
fn replica(line: &str) -> Option<ReplicaSight> {
    let fields: BTreeMap<_, _> = line.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let port = fields.get("port")?.parse().ok()?;
    let mut sight = ReplicaSight::default();
    sight.endpoint = Endpoint { host: (*fields.get("ip")?).to_owned(), port }.to_string();
    fields.get("state").copied().unwrap_or_default().clone_into(&mut sight.state);
    sight.offset = fields.get("offset").and_then(|offset| offset.parse().ok());
    sight.lag_seconds = fields.get("lag").and_then(|lag| lag.parse().ok());
    Some(sight)
}

#[cfg(test)]
mod tests;
