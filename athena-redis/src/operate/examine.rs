//! Asks every node for what bears on how well a cache works with it.
//!
//! Invariant: what is asked changes nothing that stays (`keeping` removes what it writes), and each fact is asked for by itself, so that a user who
//! may not have one is told the others.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use athena_cache_core::backend::operate::{
    Examination, Examined, LackedRight, OwnSettings, Permission, StoreKind, Timing,
};
use athena_cache_core::backend::{Class, Failure};
use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use super::info::Info;
use super::keeping;
use super::state::OperationsState;
use crate::link::{Batch, Replies, RightsCheck, Spare};
use crate::topology::KnownNode;

/// How many nodes are asked at a time.
const AT_A_TIME: usize = 16;
/// How many answers are timed.
const TIMED: usize = 9;

/// The settings that are asked for; servers before 7.0 answer one at a time.
const SETTINGS: [&str; 13] = [
    "tracking-table-max-keys",
    "maxmemory",
    "maxmemory-policy",
    "maxclients",
    "min-replicas-to-write",
    "min-replicas-max-lag",
    "cluster-require-full-coverage",
    "cluster-allow-reads-when-down",
    "cluster-node-timeout",
    "save",
    "appendonly",
    "timeout",
    "proto-max-bulk-len",
];

impl OperationsState {
    pub(super) async fn examine(&self, prefix: &str, limit: Duration) -> Examination {
        let known = self.known_nodes(limit).await;
        let asked = known.nodes.into_iter().map(|node| self.examine_node(node, prefix, limit));
        let mut examination = Examination::default();
        examination.own = self.own_settings();
        examination.nodes = stream::iter(asked).buffered(AT_A_TIME).collect().await;
        examination
    }

    fn own_settings(&self) -> OwnSettings {
        let mut own = OwnSettings::default();
        self.kind.name().clone_into(&mut own.kind);
        own.tracking = self.access.tracking;
        own.tracking_table_max_keys = self.access.tracking_table_max_keys;
        own.tls = self.access.tls.is_some();
        let sentinels = self.sentinels.as_ref().and_then(|it| it.access().login.latest());
        own.sentinel_user = sentinels.and_then(|login| login.username().map(str::to_owned));
        own.seeds = self.seeds;
        own.response_timeout = Some(self.limit());
        own.heartbeat = Some(self.access.heartbeat);
        own
    }

    async fn examine_node(&self, known: KnownNode, prefix: &str, limit: Duration) -> Examined {
        let mut facts = Examined::default();
        facts.endpoint = known.endpoint.to_string();
        facts.is_replica = known.is_replica;
        if !known.is_to_be_asked {
            facts.error = Some("only one other node says that it is there".to_owned());
            return facts;
        }
        let spare = self.nodes.to(&known.endpoint);
        let deadline = Instant::now() + limit;
        let asked = self.ask(&spare, prefix, deadline, &mut facts).await;
        let Err(failure) = asked else {
            facts.login = Permission::Granted;
            // Last: one that holds back writes says nothing more on the connection.
            if let Some(name) = self.name_to_keep(prefix, &known, facts.is_replica) {
                facts.keeps = keeping::keeps(&spare, &name, deadline).await;
            }
            return facts;
        };
        if failure.class() == Class::Denied {
            facts.login = Permission::Refused(failure.to_string());
            facts.user = self.username();
        }
        // As one that holds back writes, and scripts with them.
        let is_to_keep = self.name_to_keep(prefix, &known, known.is_replica).is_some();
        if is_to_keep && failure.class() == Class::Timeout {
            facts.keeps = Permission::Refused(failure.to_string());
        }
        facts.error = Some(failure.to_string());
        facts
    }

    async fn ask(
        &self,
        spare: &Spare,
        prefix: &str,
        deadline: Instant,
        facts: &mut Examined,
    ) -> Result<(), Failure> {
        let is_cluster = self.kind == StoreKind::Cluster;
        let keeps_log = self.topology.client().keeps_log();
        let check = RightsCheck::new(prefix, is_cluster, keeps_log);
        let access = self.nodes.access();
        let mut batch = Batch::new();
        batch.command("HELLO");
        batch.command("ACL").arg("WHOAMI");
        batch.command("INFO").arg("clients");
        batch.command("DBSIZE");
        for setting in SETTINGS {
            batch.command("CONFIG").args(["GET", setting]);
        }
        check.ask(&mut batch, access);
        let mut replies = spare.ask(&batch, deadline).await?;
        let hello = fields(&mut replies);
        facts.is_replica = hello.get("role").map(|role| role != "master").or(facts.is_replica);
        facts.user = text(&mut replies).or_else(|| self.username());
        let clients = Info::parse(&text(&mut replies).unwrap_or_default());
        facts.clients = clients.number("connected_clients");
        facts.max_clients = clients.number("maxclients");
        facts.names = number(&mut replies);
        facts.settings = settings(&mut replies);
        let max_clients = facts.settings.as_ref().and_then(|it| it.get("maxclients"));
        facts.max_clients = facts.max_clients.or(max_clients.and_then(|max| max.parse().ok()));
        let found = check.read(&mut replies, access);
        facts.tracking = match &found.no_tracking {
            None => Permission::Granted,
            Some(why) => Permission::Refused(why.to_string()),
        };
        let user = facts.user.as_deref().unwrap_or("default");
        // Whether a replica lets us write is nothing to grant.
        facts.grant = check.fix(&found, user);
        facts.lacking = found.lacking.into_iter().map(lacked).collect();
        time(spare, deadline, facts).await?;
        clock(spare, deadline, facts).await?;
        // The number of the connection is in it, and nobody can be forbidden to send it.
        let mut batch = Batch::new();
        batch.command("HELLO");
        let again = fields(&mut spare.ask(&batch, deadline).await?);
        let ids = hello.get("id").zip(again.get("id"));
        facts.is_direct = ids.map(|(first, second)| first == second);
        Ok(())
    }

    fn username(&self) -> Option<String> {
        self.access.login.latest()?.username().map(str::to_owned)
    }
}

/// Times some answers, one after the other.
async fn time(spare: &Spare, deadline: Instant, facts: &mut Examined) -> Result<(), Failure> {
    let mut batch = Batch::new();
    batch.command("PING");
    let mut took = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        let began = Instant::now();
        spare.ask(&batch, deadline).await?;
        took.push(began.elapsed());
    }
    took.sort();
    let mut timing = Timing::default();
    (timing.median, timing.slowest) = (took.get(TIMED / 2).copied(), took.last().copied());
    facts.timing = timing;
    Ok(())
}

/// Compares the node's clock with ours: it was read at some time between question and answer.
async fn clock(spare: &Spare, deadline: Instant, facts: &mut Examined) -> Result<(), Failure> {
    let mut batch = Batch::new();
    batch.command("TIME");
    let before = now_ms();
    let mut replies = spare.ask(&batch, deadline).await?;
    let after = now_ms();
    if replies.error().is_some() {
        return Ok(());
    }
    let words = replies.words().ok().flatten().unwrap_or_default();
    let part = |at: usize| words.get(at).and_then(|word| word.parse::<f64>().ok());
    if let (Some(seconds), Some(micros)) = (part(0), part(1)) {
        let theirs = seconds * 1e3 + micros / 1e3;
        facts.clock_ahead_ms = Some(theirs - f64::midpoint(before, after));
        facts.clock_uncertain_ms = Some((after - before).abs() / 2.0);
    }
    Ok(())
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e3
}

fn lacked((command, costs): (&'static str, String)) -> LackedRight {
    let mut lacked = LackedRight::default();
    (lacked.command, lacked.costs) = (command.to_owned(), costs);
    lacked
}

fn number(replies: &mut Replies) -> Option<u64> {
    match replies.error() {
        Some(_) => None,
        None => u64::try_from(replies.integer().ok()?).ok(),
    }
}

fn text(replies: &mut Replies) -> Option<String> {
    match replies.error() {
        Some(_) => None,
        None => replies.text().ok(),
    }
}

fn fields(replies: &mut Replies) -> BTreeMap<String, String> {
    match replies.error() {
        Some(_) => BTreeMap::new(),
        None => replies.fields().unwrap_or_default(),
    }
}

/// Settings by their names; `None` if none may be asked for.
fn settings(replies: &mut Replies) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut is_told = false;
    for _ in SETTINGS {
        if replies.error().is_none() {
            is_told = true;
            found.extend(replies.fields().unwrap_or_default());
        }
    }
    is_told.then_some(found)
}
