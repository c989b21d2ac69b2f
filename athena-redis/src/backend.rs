//! The backend operations as commands, written once for every topology.
//!
//! Invariant: every command and every script stays within one slot.

mod reply;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use athena_cache_core::backend::operate::Operator;
use athena_cache_core::backend::{
    Ability, Absent, Backend, Bump, ChangeLog, Class, Ensured, Failure, Fill, Filled, Found,
    Generation, Item, Lasting, LeaseRequest, Leased, Listener, Node, Proof, Proposal, Token,
};

use crate::link::{self, Batch, Origin, Replies, Script};
use crate::term::Term;
use crate::{Redis, slot};

static FILL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../scripts/fill.lua")));
static SHORTEN: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/shorten.lua")));
static RELEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/release.lua")));
static EXTEND: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/extend.lua")));
static OUST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../scripts/oust.lua")));
static HEAL_GENERATION: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../scripts/heal_generation.lua")));

/// How often generations are completed that somebody else removes or overwrites meanwhile.
const ROUNDS: usize = 4;
/// About a century: far below where servers refuse a life as too long.
const LONGEST_LIFE_MS: u64 = 1 << 42;

#[async_trait]
impl Backend for Redis {
    async fn read(&self, values: &[&str], generations: &[&str]) -> Result<Found, Failure> {
        let names = || values.iter().chain(generations).copied();
        if names().next().is_none() {
            return Ok(Found::default());
        }
        let Some(first) = values.first().filter(|name| self.clock_of(name).is_some()) else {
            // Boxed here and below: it is rare, and would stand in the future of every read.
            return Box::pin(self.read_with_lives(values, generations)).await;
        };
        let mut batch = self.topology.batch();
        batch.over("MGET", names());
        // Coherence 25: after the values, since none of them may be younger than the time.
        batch.ask_time(first);
        let read = |replies: &mut Replies| reply::stamped(replies, values.len(), generations.len());
        let (mut found, untold) = self.topology.send(&batch, read).await?;
        if !untold.is_empty() {
            let names: Vec<_> = untold.iter().map(|place| values[*place]).collect();
            let again = Box::pin(self.read_with_lives(&names, &[])).await?;
            found.proof = reply::common(found.proof, again.proof);
            for (place, stored) in untold.into_iter().zip(again.values) {
                found.values[place] = stored;
            }
        }
        Ok(found)
    }

    async fn ensure(&self, proposals: &[Proposal<'_>]) -> Result<Ensured, Failure> {
        if proposals.is_empty() {
            return Ok(Ensured::default());
        }
        let completed = self.complete(self.create(proposals), proposals, None).await?;
        let EnsuredBatch { generations, origin, .. } = completed;
        Ok(Ensured { generations, proof: origin.proof() })
    }

    async fn lease(&self, request: LeaseRequest<'_>) -> Result<Leased, Failure> {
        let LeaseRequest { lease, token, life, generations: proposals } = request;
        // What could not be given back is not taken.
        let mut batch = self.create(proposals).needing(Ability::Lease);
        batch
            .with("SET", lease)
            .arg(token.to_string())
            .args(["NX", "PX"])
            .number(millis(life).max(1));
        let completed = self.complete(batch, proposals, Some(lease)).await?;
        let EnsuredBatch { generations, holder, origin } = completed;
        // Coherence 6 and 18: the lease was read last, and a fill has to go where that answer came from; no
        // stand-in takes it. Whoever asked gives back what it may have granted.
        let proof = origin.last().ok_or_else(|| {
            let message =
                "redis was asked for a lease whose names are on their way to another node";
            Failure::new(Class::Scattered, message)
        })?;
        Ok(Leased { granted: holder == Some(token), holder, proof, generations })
    }

    async fn fill(&self, fill: Fill<'_>) -> Result<Filled, Failure> {
        let Fill { item, lease, token, epoch } = fill;
        // Coherence 6: on the connection that the lease was granted on, or not at all.
        let mut batch = self.topology.batch().on(epoch);
        batch
            .call(&FILL, item.value, [lease])
            .arg(token.to_string())
            .arg(item.bytes)
            .number(life_of(&item))
            .arg(
                self.clock_of(item.value).map(Term::name_of).as_ref().map_or(&[][..], |name| name),
            );
        self.topology.send(&batch, reply::filled).await
    }

    async fn extend(&self, lease: &str, token: Token, life: Duration) -> Result<bool, Failure> {
        let mut batch = self.topology.batch();
        batch.call(&EXTEND, lease, []).arg(token.to_string()).number(millis(life).max(1));
        self.topology.send(&batch, |replies| Ok(replies.integer()? == 1)).await
    }

    async fn release(&self, lease: &str, token: Token) -> Result<(), Failure> {
        let mut batch = self.topology.batch();
        batch.call(&RELEASE, lease, []).arg(token.to_string());
        self.topology.send(&batch, |_| Ok(())).await
    }

    async fn oust(&self, lease: &str, longest: Duration) -> Result<bool, Failure> {
        let mut batch = self.topology.batch();
        batch.call(&OUST, lease, []).number(millis(longest));
        self.topology.send(&batch, |replies| Ok(replies.integer()? == 1)).await
    }

    async fn remove(&self, names: &[String]) -> Result<(), Failure> {
        let mut batch = self.topology.batch();
        // Of a text `UNLINK` frees nothing later either, and one right is enough here and in scripts.
        batch.over("DEL", names.iter().map(String::as_str));
        self.send_all(&batch).await
    }

    async fn shorten(&self, names: &[String], life: Duration) -> Result<(), Failure> {
        let mut batch = self.topology.batch();
        for name in names {
            batch.call(&SHORTEN, name, []).number(millis(life));
        }
        self.send_all(&batch).await
    }

    async fn bump(&self, bumps: &[Bump<'_>]) -> Result<(), Failure> {
        let mut batch = self.topology.batch();
        add_bumps(&mut batch, bumps);
        self.send_all(&batch).await
    }

    async fn prove(&self, node: Node) -> Result<Proof, Failure> {
        self.topology.prove(node).await
    }

    fn node(&self, name: &str) -> Node {
        self.topology.node(name)
    }

    fn nodes(&self) -> Vec<Node> {
        self.topology.nodes()
    }

    fn partition(&self, name: &str) -> Option<&str> {
        self.topology.is_sharded().then(|| slot::partition(name))
    }

    fn partitions(&self) -> &[String] {
        if self.topology.is_sharded() { slot::partitions() } else { &[] }
    }

    fn limit_attempts(&self, timeout: Duration) {
        self.topology.client().set_limit(timeout);
    }

    fn expect_names(&self, prefix: &str) {
        self.topology.client().expect_names(prefix);
    }

    fn lacks(&self, node: Node, ability: Ability) -> bool {
        self.topology.lacks(node, ability)
    }

    fn is_confirmed(&self, _node: Node) -> bool {
        self.topology.is_confirmed()
    }

    fn listen(&self, listener: Listener) {
        self.topology.client().add_listener(&listener);
    }

    fn epoch(&self, node: Node) -> u64 {
        self.topology.epoch(node)
    }

    fn revivals(&self, node: Node) -> u64 {
        self.topology.revivals(node)
    }

    fn is_answering(&self, node: Node) -> bool {
        self.topology.is_answering(node)
    }

    fn max_value(&self, node: Node) -> u64 {
        self.topology.max_value(node)
    }

    fn max_value_setting(&self, node: Node) -> Option<&'static str> {
        let is_ours = self.topology.max_value(node) == link::most_let_in(self.max_reply);
        is_ours.then_some("`RedisConfig::max_reply`")
    }

    fn is_ready(&self, node: Node) -> bool {
        self.topology.is_ready(node)
    }

    fn in_flight(&self, node: Node) -> usize {
        self.topology.in_flight(node)
    }

    fn endpoint(&self, node: Node) -> String {
        self.topology.endpoint(node)
    }

    fn changes(&self) -> Option<&dyn ChangeLog> {
        Some(self)
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        Some(Arc::new(self.operations.clone()))
    }

    async fn close(&self) {
        self.operations.close();
        self.topology.close().await;
    }
}

/// Generations that are complete, and who held a lease when the last of them was read.
struct EnsuredBatch {
    generations: Vec<Lasting>,
    holder: Option<Token>,
    /// Of the replies that all of this was read from.
    origin: Origin,
}

impl Redis {
    /// Names the clock of the node that serves a name, if that tells the time and has a name of its own.
    fn clock_of(&self, name: &str) -> Option<u64> {
        self.topology.clock(self.topology.node(name))
    }

    /// Reads values and generations, and asks for the remaining life of each value.
    async fn read_with_lives(
        &self,
        values: &[&str],
        generations: &[&str],
    ) -> Result<Found, Failure> {
        let mut batch = self.topology.batch();
        for value in values {
            // Before the values: the life read may belong to an earlier value, never to a later one.
            batch.with("PTTL", value);
        }
        batch.over("MGET", values.iter().chain(generations).copied());
        let read = |replies: &mut Replies| reply::found(replies, values.len(), generations.len());
        self.topology.send(&batch, read).await
    }

    /// Sends commands whose replies only say that they were executed.
    async fn send_all(&self, batch: &Batch) -> Result<(), Failure> {
        if batch.len() == 0 {
            return Ok(());
        }
        self.topology.send(batch, |_| Ok(())).await
    }

    /// Begins a batch that creates the generations that are missing.
    fn create(&self, proposals: &[Proposal<'_>]) -> Batch {
        let mut batch = self.topology.batch();
        for proposal in proposals {
            let words = batch.with("SET", proposal.name).arg(proposal.generation.to_string());
            let words = words.arg("NX");
            if let Some(given) = given(proposal) {
                words.arg("PX").number(given);
            }
        }
        batch
    }

    /// Sends a batch that creates generations, and reads them, and after them the holder of a lease.
    ///
    /// Coherence 7: what turns out to be no generation is replaced, what would end too soon is let live on, then
    /// all are read again. A lease that the batch asked for counts if it outlived them: no invalidation came in
    /// between.
    async fn complete(
        &self,
        mut batch: Batch,
        proposals: &[Proposal<'_>],
        lease: Option<&str>,
    ) -> Result<EnsuredBatch, Failure> {
        for round in 0..ROUNDS {
            let done = batch.len();
            for proposal in proposals.iter().filter(|proposal| proposal.life.is_some()) {
                batch.with("PTTL", proposal.name);
            }
            batch.over("MGET", proposals.iter().map(|proposal| proposal.name).chain(lease));
            let read = |replies: &mut Replies| {
                replies.skip(done);
                let (found, holder) = reply::completed(replies, proposals, lease.is_some())?;
                Ok((found, holder, replies.origin()))
            };
            let (found, holder, origin) = self.topology.send(&batch, read).await?;
            // Once is enough: it is only about how long.
            let is_done = |(found, proposal): (&Option<_>, _)| {
                found.as_ref().is_some_and(|found| round > 0 || lasts(found, proposal))
            };
            if found.iter().zip(proposals).all(is_done) {
                let generations = found.into_iter().flatten().collect();
                return Ok(EnsuredBatch { generations, holder, origin });
            }
            batch = self.mend(proposals, &found, round);
        }
        let message = "redis lost generations as soon as they were written";
        Err(Failure::new(Class::Rejected, message))
    }

    /// Begins a batch that replaces what is no generation, and lets live on what would end too soon.
    fn mend(&self, proposals: &[Proposal<'_>], found: &[Option<Lasting>], round: usize) -> Batch {
        let mut batch = self.topology.batch();
        for (proposal, found) in proposals.iter().zip(found) {
            match (found, given(proposal)) {
                (None, given) => {
                    // Coherence 7: what an earlier round has created may have been used and changed since.
                    let another = proposal.generation.get().wrapping_add(1 + round as u64);
                    let another = Generation::new(another).to_string();
                    let words = batch.call(&HEAL_GENERATION, proposal.name, []).arg(another);
                    words.number(given.unwrap_or_default());
                }
                (Some(found), Some(given)) if !lasts(found, proposal) => {
                    batch.with("PEXPIRE", proposal.name).number(given);
                }
                (Some(_), _) => {}
            }
        }
        batch
    }
}

/// Adds the commands that change generations.
pub(crate) fn add_bumps(batch: &mut Batch, bumps: &[Bump<'_>]) {
    for Bump { name, generation, absent } in bumps {
        let words = batch.with("SET", name).arg(generation.to_string()).arg("KEEPTTL");
        match absent {
            Absent::Stays => words.arg("XX"),
            Absent::IsCreated => words,
        };
    }
}

/// How long a generation is let live, in milliseconds: twice as long as it has to, so that it is seldom let live
/// on, which is announced as a change of it. `None` if it has no end.
fn given(proposal: &Proposal<'_>) -> Option<u64> {
    proposal.life.map(|life| millis(life.saturating_mul(2)).max(1))
}

/// Whether a generation is there for as long as it has to, or for all that a server can be told.
fn lasts(found: &Lasting, proposal: &Proposal<'_>) -> bool {
    let enough = given(proposal).map(|given| Duration::from_millis(given / 2));
    enough.is_none_or(|enough| found.remaining.is_some_and(|remaining| remaining >= enough))
}

fn life_of(item: &Item<'_>) -> u64 {
    millis(item.life).max(1)
}

fn millis(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(LONGEST_LIFE_MS).min(LONGEST_LIFE_MS)
}
