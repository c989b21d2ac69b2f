//! Asks every node how it is, side by side.
//!
//! Invariant: what one node says or does not say changes nothing of the entry of another.

use std::sync::Arc;
use std::time::Duration;

use athena_cache_core::backend::Failure;
use athena_cache_core::backend::operate::{StoreKind, Survey, SurveyedNode};
use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use super::info::Info;
use super::members::members;
use super::state::OperationsState;
use crate::link::{Batch, Replies, Spare};
use crate::topology::{KnownNode, KnownNodes};

/// How many nodes are asked at a time.
const AT_A_TIME: usize = 256;
/// How long a node that does not let us ask for its settings is not asked again.
const DENIED: Duration = Duration::from_secs(60);

/// The sections of `INFO` that are asked for; servers before 7.0 answer one at a time.
const SECTIONS: [&str; 5] = ["server", "replication", "persistence", "memory", "stats"];

impl OperationsState {
    /// Asks every node that is known, each no longer than `limit`.
    pub(super) async fn survey(self: Arc<Self>, limit: Duration) -> Survey {
        let began = Instant::now();
        let KnownNodes { nodes, error, .. } = self.known_nodes(limit).await;
        let is_cluster = self.kind == StoreKind::Cluster;
        let asked = nodes.into_iter().map(|node| self.survey_node(node, is_cluster, limit));
        let mut nodes: Vec<_> = stream::iter(asked).buffered(AT_A_TIME).collect().await;
        // Those that serve first; of one that does not answer nobody knows whether it does.
        nodes.sort_by_key(|node| {
            (!node.is_connected || node.is_replica != Some(false), node.is_replica)
        });
        let mut survey = Survey::default();
        (survey.kind, survey.nodes, survey.error) = (self.kind, nodes, error);
        survey.took = Some(began.elapsed());
        survey
    }

    async fn survey_node(
        &self,
        known: KnownNode,
        is_cluster: bool,
        limit: Duration,
    ) -> SurveyedNode {
        let KnownNode { endpoint, is_replica, slots, is_to_be_asked } = known;
        let mut node = SurveyedNode::default();
        node.endpoint = endpoint.to_string();
        node.is_replica = is_replica;
        node.slots = slots.iter().map(range).collect();
        if !is_to_be_asked {
            (node.is_left_out, node.error) = (true, Some(NOT_ASKED.to_owned()));
            return node;
        }
        let spare = self.nodes.to(&endpoint);
        let now = Instant::now();
        let asks_settings =
            self.denials.lock().get(&endpoint).is_none_or(|at| at.elapsed() > DENIED);
        match ask(&spare, is_cluster, asks_settings, now + limit).await {
            Ok(mut replies) => {
                node.took = Some(now.elapsed());
                node.is_connected = true;
                let said = NodeWord::read(&mut replies, is_cluster, asks_settings);
                if said.is_denied_settings {
                    self.denials.lock().insert(endpoint, now);
                }
                said.tell(&mut node);
            }
            Err(failure) => node.error = Some(failure.to_string()),
        }
        node
    }
}

/// Why a node is not asked that one other alone tells of.
const NOT_ASKED: &str =
    "only one other node says that it is there, so that it is not told the password";

async fn ask(
    spare: &Spare,
    is_cluster: bool,
    asks_settings: bool,
    deadline: Instant,
) -> Result<Replies, Failure> {
    let mut batch = Batch::new();
    batch.command("HELLO");
    for section in SECTIONS {
        batch.command("INFO").arg(section);
    }
    if is_cluster {
        batch.command("CLUSTER").arg("INFO");
        batch.command("CLUSTER").arg("NODES");
    }
    if asks_settings {
        batch.command("CONFIG").args(["GET", "save"]);
    }
    spare.ask(&batch, deadline).await
}

/// What a node said.
#[derive(Default)]
struct NodeWord {
    /// By `HELLO`, which nobody can be forbidden.
    is_replica: Option<bool>,
    mode: Option<String>,
    info: Info,
    cluster: Info,
    members: Option<String>,
    save_points: Option<String>,
    is_denied_settings: bool,
    /// The first refusal.
    refused: Option<String>,
}

impl NodeWord {
    fn read(replies: &mut Replies, is_cluster: bool, asks_settings: bool) -> Self {
        let mut said = Self::default();
        if replies.error().is_none() {
            let hello = replies.fields().unwrap_or_default();
            said.is_replica = hello.get("role").map(|role| role != "master");
            said.mode = hello.get("mode").cloned();
        }
        let sections: Vec<_> = SECTIONS.iter().filter_map(|_| said.text(replies)).collect();
        said.info = Info::parse(&sections.join("\n"));
        if is_cluster {
            said.cluster = Info::parse(&said.text(replies).unwrap_or_default());
            said.members = said.text(replies);
        }
        if asks_settings {
            said.is_denied_settings = replies.error().is_some();
            if !said.is_denied_settings {
                said.save_points = replies.fields().ok().and_then(|mut it| it.remove("save"));
            }
        }
        said
    }

    fn text(&mut self, replies: &mut Replies) -> Option<String> {
        match replies.error() {
            Some((_, why)) => {
                self.refused.get_or_insert_with(|| format!("does not say all: {why}"));
                None
            }
            None => replies.text().ok(),
        }
    }

    fn tell(self, node: &mut SurveyedNode) {
        let Self { info, cluster, members: listed, mode, save_points, .. } = self;
        node.is_replica = info.is_replica().or(self.is_replica).or(node.is_replica);
        node.server_type = info.mode().or(mode);
        node.product = info.product();
        node.version = info.version();
        node.availability_zone = info.text("availability_zone");
        node.history = info.history();
        node.uptime_seconds = info.number("uptime_in_seconds");
        node.replication_info = info.replication();
        node.persistence = info.persistence(save_points);
        node.memory = info.memory();
        node.cluster = cluster.cluster();
        node.cluster_nodes = listed.as_deref().map(members);
        node.error = self.refused;
    }
}

fn range(slots: &std::ops::RangeInclusive<u16>) -> String {
    match (slots.start(), slots.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    }
}
