//! How the nodes of a store are, as each said of itself. Invariant: what a node did not tell is `None`.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// How all nodes were at one time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Survey {
    /// How they belong together.
    pub kind: StoreKind,
    /// Each node that is known, those that serve first; sentinels are none of them.
    pub nodes: Vec<SurveyedNode>,
    /// Why it is not known which nodes there are, if so.
    pub error: Option<String>,
    /// How long it took.
    #[serde(rename = "tookMs", serialize_with = "millis")]
    pub took: Option<Duration>,
}

/// How nodes belong together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum StoreKind {
    /// One node.
    #[default]
    Standalone,
    /// A primary that sentinels name, and its replicas.
    Sentinel,
    /// Each primary serves some slots.
    Cluster,
    /// None of these.
    Other,
}

impl StoreKind {
    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Sentinel => "sentinel",
            Self::Cluster => "cluster",
            Self::Other => "other",
        }
    }
}

/// One node, as it answered; or why it did not.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SurveyedNode {
    /// Where it is reached.
    pub endpoint: String,
    /// Whether it answered in time.
    pub is_connected: bool,
    /// Whether it was not asked on purpose; [`error`](Self::error) says why.
    pub is_left_out: bool,
    /// Whether it says that it follows another node; of one that did not answer, what others say of it.
    pub is_replica: Option<bool>,
    /// In which mode it runs: `standalone` or `cluster`.
    pub server_type: Option<String>,
    /// What it is: `redis`, or `valkey` as that calls itself.
    pub product: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// In which zone it is, where it says so (`availability_zone`).
    pub availability_zone: Option<String>,
    /// Names the past of the store behind it, as 16 hexadecimal digits.
    pub history: Option<String>,
    /// For how many seconds it has run.
    pub uptime_seconds: Option<u64>,
    /// How long its answer took.
    #[serde(rename = "tookMs", serialize_with = "millis")]
    pub took: Option<Duration>,
    /// Whom it follows, and who follows it.
    pub replication_info: Option<Replication>,
    /// What of it outlives the server.
    pub persistence: Option<Persistence>,
    /// What it holds, and how much it may.
    pub memory: Option<MemoryUse>,
    /// How it sees its cluster; of members of one.
    pub cluster: Option<ClusterSight>,
    /// The members of its cluster as it lists them.
    pub cluster_nodes: Option<Vec<ClusterMember>>,
    /// The ranges of slots that it serves, as `0-5460`.
    pub slots: Vec<String>,
    /// Why it did not answer, or what it did not let us ask.
    pub error: Option<String>,
}

/// Whom a node follows, and who follows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Replication {
    /// How many bytes of changes it has had, or taken over.
    pub offset: Option<u64>,
    /// Of a replica: where the node is that it follows, as it names it.
    pub primary: Option<String>,
    /// Of a replica: whether it is connected to it.
    pub link_up: Option<bool>,
    /// Of a replica: seconds since it heard of it.
    pub last_heard_seconds: Option<u64>,
    /// Of a replica: whether it is being given everything anew.
    pub is_synchronizing: Option<bool>,
    /// Of a primary: who follows it, as it lists them.
    pub replicas: Vec<ReplicaSight>,
    /// Of a primary that refuses writes without them: how many replicas are close enough now.
    pub good_replicas: Option<u64>,
}

/// A replica as its primary sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReplicaSight {
    /// Where it is, as the primary names it.
    pub endpoint: String,
    /// Such as `online` or `wait_bgsave`.
    pub state: String,
    /// How many bytes of changes it has confirmed.
    pub offset: Option<u64>,
    /// Seconds since it confirmed anything.
    pub lag_seconds: Option<u64>,
}

/// What of a node outlives it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Persistence {
    /// Whether it reads its files still, and serves nothing.
    pub is_loading: Option<bool>,
    /// When it saves by itself (`save`): empty if never, `None` if it does not let us ask.
    pub save_points: Option<String>,
    /// Whether the last `BGSAVE` went well.
    pub last_save_ok: Option<bool>,
    /// When that was, in seconds since 1970; of a server that has not saved, when it started.
    pub last_save_at: Option<u64>,
    /// How many changes there were since.
    pub changes_since_save: Option<u64>,
    /// Whether it writes changes down as they come (`appendonly`).
    pub aof_enabled: Option<bool>,
    /// Whether that went well last.
    pub aof_last_write_ok: Option<bool>,
}

/// What a node holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MemoryUse {
    /// Bytes in use.
    pub used: Option<u64>,
    /// How many it may use; 0 is no limit.
    pub max: Option<u64>,
    /// What it does beyond that (`maxmemory-policy`).
    pub policy: Option<String>,
    /// Bytes that the machine gives it for each in use.
    pub fragmentation: Option<f64>,
    /// How many names it has evicted since it started.
    pub evicted: Option<u64>,
    /// Of how many names it remembers the readers.
    pub tracked_names: Option<u64>,
}

/// How a member sees its cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClusterSight {
    /// Whether it serves (`cluster_state`).
    pub is_ok: Option<bool>,
    /// How many slots are assigned, and served.
    pub slots_assigned: Option<u32>,
    /// Those whose node is sound.
    pub slots_ok: Option<u32>,
    /// Those whose node may have failed.
    pub slots_pfail: Option<u32>,
    /// Those whose node has failed.
    pub slots_fail: Option<u32>,
    /// The newest configuration that it knows.
    pub epoch: Option<u64>,
}

/// A member of a cluster as another one lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClusterMember {
    /// Its id.
    pub id: String,
    /// Where it is, as it is listed.
    pub endpoint: String,
    /// Such as `master`, `slave`, `fail?`.
    pub flags: Vec<String>,
    /// Of a replica: the id of the node that it follows.
    pub primary: Option<String>,
    /// Whether the one that lists it is connected to it.
    pub is_linked: bool,
    /// The slots that it serves, as ranges.
    pub slots: Vec<String>,
}

impl Survey {
    /// How many nodes there are, as far as is known.
    pub fn total_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// How many answered in time.
    pub fn connected_nodes(&self) -> usize {
        self.nodes.iter().filter(|node| node.is_connected).count()
    }

    /// How many say of themselves that they are primaries, and answered.
    pub fn primary_nodes(&self) -> usize {
        self.primaries().count()
    }

    /// Those that say of themselves that they are primaries, and answered.
    pub fn primaries(&self) -> impl Iterator<Item = &SurveyedNode> {
        self.nodes.iter().filter(|node| node.is_connected && node.is_replica == Some(false))
    }

    /// The bytes in use on all primaries; `None` unless all of them say.
    pub fn memory_usage(&self) -> Option<u64> {
        let used = |node: &SurveyedNode| node.memory.as_ref().and_then(|memory| memory.used);
        let all: Option<Vec<u64>> = self.primaries().map(used).collect();
        all.filter(|all| !all.is_empty()).map(|all| all.iter().sum())
    }

    /// The fewest slots that are served by the word of any member; `None` if none says.
    pub fn slots_ok(&self) -> Option<u32> {
        let sights = self.nodes.iter().filter_map(|node| node.cluster.as_ref());
        sights.filter_map(|sight| sight.slots_ok).min()
    }
}

/// Milliseconds with fractions: what answers within one is told apart.
#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
pub(super) fn millis<S: Serializer>(took: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match took {
        Some(took) => to.serialize_f64((took.as_secs_f64() * 1e6).round() / 1e3),
        None => to.serialize_none(),
    }
}
