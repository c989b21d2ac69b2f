//! Asks each sentinel what it knows of the service.
//!
//! Invariant: sentinels are asked, and never data nodes; one that fails is an entry with its error.

use std::time::Duration;

use athena_cache_core::backend::Failure;
use athena_cache_core::backend::operate::{SentinelReport, SentinelSight, SentinelVoice};
use futures_util::future::join_all;
use tokio::time::Instant;

use super::info::Info;
use super::state::OperationsState;
use crate::config::Addresses;
use crate::link::{Batch, Fields, Replies, Spare};
use crate::url::Endpoint;

impl OperationsState {
    /// Asks all sentinels that are known; `None` where there are none.
    pub(super) async fn sentinels(&self, limit: Duration) -> Option<SentinelReport> {
        let spares = self.sentinels.as_ref()?;
        let known = self.known_nodes(limit).await;
        let service = known.service.as_deref().unwrap_or_default();
        let voices = known.sentinels.iter().map(|endpoint| async move {
            let mut voice = SentinelVoice::default();
            voice.endpoint = endpoint.to_string();
            let spare = spares.to(endpoint);
            match sight(&spare, service, Instant::now() + limit).await {
                Ok(sight) => voice.sight = Some(sight),
                Err(failure) => voice.error = Some(failure.to_string()),
            }
            voice
        });
        let mut report = SentinelReport::default();
        service.clone_into(&mut report.service);
        report.sentinels = join_all(voices).await;
        Some(report)
    }
}

async fn sight(spare: &Spare, service: &str, deadline: Instant) -> Result<SentinelSight, Failure> {
    let mut batch = Batch::new();
    for question in ["MASTER", "REPLICAS", "SENTINELS", "CKQUORUM"] {
        batch.command("SENTINEL").arg(question).arg(service);
    }
    batch.command("INFO").arg("sentinel");
    let mut replies = spare.ask(&batch, deadline).await?;
    // What it does not know, or not tell, of the primary it does of nothing.
    if replies.begins_with_error()
        && let Some(failure) = spare.refusal(&replies)
    {
        return Err(failure);
    }
    read(&mut replies, &spare.access().addresses).map_err(|malformed| spare.malformed(&malformed))
}

fn read(
    replies: &mut Replies,
    addresses: &Addresses,
) -> Result<SentinelSight, crate::link::Malformed> {
    let primary = replies.fields()?;
    let mut records = || match replies.error() {
        Some(_) => Ok(Vec::new()),
        None => replies.records(),
    };
    let (replicas, others) = (records()?, records()?);
    let mut sight = SentinelSight::default();
    sight.primary = place(&primary, addresses).unwrap_or_default();
    sight.flags = flags(&primary);
    let is_down = |record: &&Fields| flags(record).iter().any(|flag| DOWN.contains(&flag.as_str()));
    let places = |records: &[&Fields]| -> Vec<String> {
        let mut places: Vec<_> = records.iter().filter_map(|it| place(it, addresses)).collect();
        places.sort();
        places
    };
    sight.replicas = places(&replicas.iter().collect::<Vec<_>>());
    sight.replicas_down = places(&replicas.iter().filter(is_down).collect::<Vec<_>>());
    sight.others = places(&others.iter().collect::<Vec<_>>());
    sight.quorum = number(&primary, "quorum");
    sight.down_after_ms = number(&primary, "down-after-milliseconds");
    sight.epoch = number(&primary, "config-epoch");
    // `OK 3 usable Sentinels. …`, `NOQUORUM …`, or that it may not be asked.
    if let Some((_, why)) = replies.error() {
        sight.has_quorum = why.as_str().starts_with("NOQUORUM").then_some(false);
        sight.quorum_says = Some(why.to_string());
    } else {
        sight.quorum_says = replies.text().ok();
        sight.has_quorum = sight.quorum_says.as_ref().map(|says| says.starts_with("OK"));
    }
    if replies.error().is_none() {
        let info = Info::parse(&replies.text()?);
        sight.is_in_tilt = info.number::<u8>("sentinel_tilt").map(|tilt| tilt != 0);
    }
    Ok(sight)
}

/// What a sentinel calls a node that it does not reach, or that is none of its primary's any more.
const DOWN: [&str; 3] = ["s_down", "o_down", "disconnected"];

fn place(record: &Fields, addresses: &Addresses) -> Option<String> {
    addresses.find(record.get("ip")?, record.get("port")?).map(|it: Endpoint| it.to_string())
}

fn flags(record: &Fields) -> Vec<String> {
    let flags = record.get("flags").map(String::as_str).unwrap_or_default();
    flags.split(',').filter(|flag| !flag.is_empty()).map(str::to_owned).collect()
}

fn number<N: std::str::FromStr>(record: &Fields, name: &str) -> Option<N> {
    record.get(name)?.parse().ok()
}
