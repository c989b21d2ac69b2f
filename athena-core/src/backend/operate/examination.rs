//! What bears on how well a cache works with a node: facts, and no judgement of them.
//!
//! Invariant: a fact that was not told is `None`, so that nobody is advised on what is not known.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::survey::millis;

/// Facts of every node that was asked, and how this process uses them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Examination {
    /// What is set in this process.
    pub own: OwnSettings,
    /// Each node that is known; sentinels are none of them.
    pub nodes: Vec<Examined>,
}

/// What is set in this process, as far as it bears on nodes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OwnSettings {
    /// How nodes belong together: `standalone`, `sentinel` or `cluster`.
    pub kind: String,
    /// Whether changes are to be announced.
    pub tracking: bool,
    /// How large the table of readers is said to be, if that is said.
    pub tracking_table_max_keys: Option<u64>,
    /// Whether nodes are spoken to over TLS.
    pub tls: bool,
    /// How many addresses are in the URL.
    pub seeds: usize,
    /// What limits one operation.
    #[serde(rename = "responseTimeoutMs", serialize_with = "millis")]
    pub response_timeout: Option<Duration>,
    /// How often a connection is asked for a sign of life.
    #[serde(rename = "heartbeatMs", serialize_with = "millis")]
    pub heartbeat: Option<Duration>,
}

/// Facts of one node.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Examined {
    /// Where it is reached.
    pub endpoint: String,
    /// Whether it follows another node.
    pub is_replica: Option<bool>,
    /// Why nothing more is known of it, if so.
    pub error: Option<String>,
    /// Settings by their names (`CONFIG GET`); `None` if it does not let us ask.
    pub settings: Option<BTreeMap<String, String>>,
    /// Whether it announces changes to us (`CLIENT TRACKING`).
    pub tracking: Permission,
    /// Whether it keeps what it is given, and gives it back: a name of its own is written, read and removed. Of those
    /// that are to serve.
    pub keeps: Permission,
    /// Whether two questions on one connection were answered by the same server connection (the `id` of `HELLO`).
    pub is_direct: Option<bool>,
    /// Its clock against ours, in milliseconds; above 0 if it is ahead.
    pub clock_ahead_ms: Option<f64>,
    /// By how much that may be wrong.
    pub clock_uncertain_ms: Option<f64>,
    /// How long answers took.
    pub timing: Timing,
    /// As whom we are logged in (`ACL WHOAMI`).
    pub user: Option<String>,
    /// What that user is not allowed and a cache needs.
    pub lacking: Vec<LackedRight>,
    /// What gives it that, as a command for an administrator.
    pub grant: Option<String>,
    /// How many clients it has, and takes.
    pub clients: Option<u64>,
    /// How many clients it takes.
    pub max_clients: Option<u64>,
    /// How many names there are in all.
    pub names: Option<u64>,
}

/// Whether a node lets us do something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Permission {
    /// It was not asked, or said nothing that tells.
    #[default]
    Unknown,
    /// It does.
    Granted,
    /// It does not; what it said.
    Refused(String),
}

/// How long answers took.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Timing {
    /// How long one took in the middle: as many were faster.
    #[serde(rename = "medianMs", serialize_with = "millis")]
    pub median: Option<Duration>,
    /// How long the slowest took.
    #[serde(rename = "slowestMs", serialize_with = "millis")]
    pub slowest: Option<Duration>,
}

/// Something that a user is not allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LackedRight {
    /// The command, as a rule names it.
    pub command: String,
    /// What is done without it.
    pub costs: String,
}
