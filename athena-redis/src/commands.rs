//! The backend operations as commands, written once for every topology.
//!
//! Invariant: names that one batch reads or writes together are served by one link, and every script
//! stays within one slot.

mod reply;

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use athena_cache_core::backend::{
    Backend, Class, Failure, Fill, Filled, Found, Generation, Item, LeaseRequest, Leased, Lookup,
    Token,
};

use crate::Redis;
use crate::link::{Batch, Link, Script};

static FILL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../scripts/fill.lua")));
static INSERT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/insert.lua")));
static SHORTEN: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/shorten.lua")));
static RELEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/release.lua")));
static MEND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../scripts/mend.lua")));

/// How often generations are completed that somebody else removes or overwrites meanwhile.
const ROUNDS: usize = 4;
/// Names of one command; more would hold up the server for too long.
const NAMES_PER_COMMAND: usize = 500;
/// About a century: far below where servers refuse a life as too long.
const LONGEST_LIFE_MS: u64 = 1 << 42;

#[async_trait]
impl Backend for Redis {
    async fn read(&self, lookups: &[Lookup<'_>]) -> Result<Vec<Found>, Failure> {
        let Some(first) = lookups.first() else {
            return Ok(Vec::new());
        };
        let mut batch = Batch::new();
        for lookup in lookups {
            // In this order: the life read may belong to an earlier value, never to a later one.
            batch.command("PTTL").arg(lookup.value);
            batch.command("MGET").arg(lookup.value).args(lookup.generations);
        }
        let link = self.topology.link(first.value);
        link.send(&batch, |replies| {
            lookups.iter().map(|lookup| reply::found(replies, lookup)).collect()
        })
        .await
    }

    async fn adopt(&self, proposals: &[(String, Generation)]) -> Result<Vec<Generation>, Failure> {
        let Some((first, _)) = proposals.first() else {
            return Ok(Vec::new());
        };
        let link = self.topology.link(first);
        let (generations, _) = complete(link, create(proposals), proposals, None).await?;
        Ok(generations)
    }

    async fn lease(&self, request: LeaseRequest<'_>) -> Result<Leased, Failure> {
        let LeaseRequest { lease, token, life, generations: proposals } = request;
        let mut batch = create(proposals);
        batch
            .command("SET")
            .arg(lease)
            .arg(token.to_string())
            .args(["NX", "PX"])
            .number(millis(life).max(1));
        let link = self.topology.link(lease);
        let (generations, holder) = complete(link, batch, proposals, Some(lease)).await?;
        Ok(Leased { granted: holder == Some(token), generations })
    }

    async fn fill(&self, fill: Fill<'_>) -> Result<Filled, Failure> {
        let Fill { item, lease, token } = fill;
        let mut batch = Batch::new();
        batch
            .script(&FILL, 2)
            .args([item.value, lease])
            .arg(token.to_string())
            .arg(item.bytes)
            .number(life_of(&item));
        self.topology.link(item.value).send(&batch, reply::filled).await
    }

    async fn release(&self, lease: &str, token: Token) -> Result<(), Failure> {
        let mut batch = Batch::new();
        batch.script(&RELEASE, 1).arg(lease).arg(token.to_string());
        self.topology.link(lease).send(&batch, |_| Ok(())).await
    }

    async fn insert(
        &self,
        item: Item<'_>,
        lease: &str,
        obsolete: &[String],
    ) -> Result<(), Failure> {
        let mut batch = Batch::new();
        batch
            .script(&INSERT, 2 + obsolete.len())
            .args([item.value, lease])
            .args(obsolete)
            .arg(item.bytes)
            .number(life_of(&item));
        self.topology.link(item.value).send(&batch, |_| Ok(())).await
    }

    async fn remove(&self, names: &[String]) -> Result<(), Failure> {
        let mut batch = Batch::new();
        for names in names.chunks(NAMES_PER_COMMAND) {
            batch.command("UNLINK").args(names);
        }
        self.send_all(names.first(), &batch).await
    }

    async fn shorten(&self, names: &[String], life: Duration) -> Result<(), Failure> {
        let mut batch = Batch::new();
        for name in names {
            batch.script(&SHORTEN, 1).arg(name).number(millis(life));
        }
        self.send_all(names.first(), &batch).await
    }

    async fn renew(&self, generations: &[(String, Generation)]) -> Result<(), Failure> {
        let mut batch = Batch::new();
        for (name, generation) in generations {
            batch.command("SET").arg(name).arg(generation.to_string());
        }
        self.send_all(generations.first().map(|(name, _)| name), &batch).await
    }

    async fn ping(&self) -> Result<(), Failure> {
        for link in self.topology.links() {
            let mut batch = Batch::new();
            batch.command("PING");
            link.send(&batch, |_| Ok(())).await?;
        }
        Ok(())
    }

    fn limit_attempts(&self, timeout: Duration) {
        self.topology.limit_attempts(timeout);
    }

    fn epoch(&self) -> u64 {
        self.topology.epoch()
    }

    fn is_ready(&self) -> bool {
        self.topology.is_ready()
    }

    fn endpoint(&self) -> String {
        self.topology.endpoint()
    }

    async fn close(&self) {
        self.topology.close().await;
    }
}

impl Redis {
    /// Sends commands whose replies only say that they were executed.
    async fn send_all(&self, first: Option<&String>, batch: &Batch) -> Result<(), Failure> {
        let Some(name) = first else { return Ok(()) };
        self.topology.link(name).send(batch, |_| Ok(())).await
    }
}

/// Begins a batch that creates the generations that are missing.
fn create(proposals: &[(String, Generation)]) -> Batch {
    let mut batch = Batch::new();
    for (name, proposal) in proposals {
        batch.command("SET").arg(name).arg(proposal.to_string()).arg("NX");
    }
    batch
}

/// Sends a batch that creates generations, and reads them and the holder of a lease at one moment.
///
/// What turns out to be no generation is replaced, then all are read again. A lease that the batch
/// asked for was then set earlier than the last generation; it counts because it outlived them: no
/// invalidation came in between.
async fn complete(
    link: &Link,
    mut batch: Batch,
    proposals: &[(String, Generation)],
    lease: Option<&str>,
) -> Result<(Vec<Generation>, Option<Token>), Failure> {
    for _ in 0..ROUNDS {
        batch.command("MGET").args(proposals.iter().map(|(name, _)| name)).args(lease);
        let (found, holder) =
            link.send(&batch, |replies| reply::completed(replies, proposals.len())).await?;
        let generations: Vec<_> = found.iter().copied().flatten().collect();
        if generations.len() == proposals.len() {
            return Ok((generations, holder));
        }
        batch = Batch::new();
        for ((name, proposal), _) in proposals.iter().zip(found).filter(|(_, it)| it.is_none()) {
            batch.script(&MEND, 1).arg(name).arg(proposal.to_string());
        }
    }
    Err(link.failure(Class::Rejected, "lost generations as soon as they were written"))
}

fn life_of(item: &Item<'_>) -> u64 {
    millis(item.life).max(1)
}

fn millis(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(LONGEST_LIFE_MS).min(LONGEST_LIFE_MS)
}
