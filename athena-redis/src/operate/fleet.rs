//! The processes of a fleet, each with what it says of itself, in one slot.
//!
//! Invariant: times are those of the node that keeps the roster: no clocks of two machines are compared. Whatever
//! somebody has written there, no more of it is read than processes may write.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use athena_cache_core::backend::operate::{FleetMember, Membership};
use athena_cache_core::backend::{Class, Failure};
use tokio::time::Instant;

use super::state::OperationsState;
use crate::link::{Batch, Replies, Script, Spare, inside_runtime};

static JOIN: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../scripts/join_fleet.lua")));
static FLEET: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../scripts/fleet.lua")));

/// The most processes that are told of.
const MOST: usize = 1024;
/// Of how many it is asked at a time: no reply of a script is long.
const AT_A_TIME: usize = 128;
/// The longest life that is given, a year: servers refuse much longer ones.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl OperationsState {
    pub(super) async fn join_fleet(
        &self,
        prefix: &str,
        membership: &Membership,
    ) -> Result<(), Failure> {
        let Membership { id, document, life, .. } = membership;
        if let Some(fault) = membership.fault() {
            return Err(Failure::new(Class::Rejected, fault));
        }
        let millis =
            |life: Duration| u64::try_from(life.min(LONGEST).as_millis()).unwrap_or(1).max(1);
        let (life, kept) = (millis(*life), millis(life.saturating_mul(Membership::LIVES)));
        let roster = roster(prefix);
        let mut batch = Batch::new();
        let words = batch.call(&JOIN, &roster, [document_of(prefix, id).as_str()]);
        words.arg(id).arg(document).number(life).number(kept);
        self.at_roster(&roster, &batch).await.map(drop)
    }

    pub(super) async fn leave_fleet(&self, prefix: &str, id: &str) -> Result<(), Failure> {
        let roster = roster(prefix);
        let mut batch = Batch::new();
        batch.command("ZREM").arg(&roster).arg(id);
        batch.command("DEL").arg(document_of(prefix, id));
        self.at_roster(&roster, &batch).await.map(drop)
    }

    pub(super) async fn fleet(&self, prefix: &str) -> Result<Vec<FleetMember>, Failure> {
        let roster = roster(prefix);
        let mut found = BTreeMap::new();
        for from in (0..MOST).step_by(AT_A_TIME) {
            let (ids, is_last) = self.ids(&roster, from).await?;
            found.extend(ids);
            if is_last {
                break;
            }
        }
        let ids: Vec<_> = found.into_iter().collect();
        let mut members = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_A_TIME) {
            let documents = self.documents(prefix, &roster, ids).await?;
            let member = |((id, since), document): (&(String, Duration), _)| {
                FleetMember::new(id.as_str(), *since, document)
            };
            members.extend(ids.iter().zip(documents).map(member));
        }
        Ok(members)
    }

    /// Some that are in the roster, each with how long it has not come; and whether there are no more.
    async fn ids(
        &self,
        roster: &str,
        from: usize,
    ) -> Result<(Vec<(String, Duration)>, bool), Failure> {
        let mut batch = Batch::new();
        let words = batch.call(&FLEET, roster, []).number(from as u64);
        words.number(AT_A_TIME as u64).number(Membership::LONGEST_ID as u64);
        let (spare, mut replies) = self.at_roster(roster, &batch).await?;
        let words = replies.words().map_err(|malformed| spare.malformed(&malformed))?;
        let words = words.unwrap_or_default();
        let (count, words) = words
            .split_first()
            .map_or((0, &[][..]), |(count, words)| (count.parse().unwrap_or(0), words));
        let came = |ms: &str| Duration::from_millis(ms.parse().unwrap_or(u64::MAX));
        let pairs = words.chunks_exact(2).map(|pair| (pair[0].clone(), came(&pair[1])));
        // Whoever has another name has not come by `join_fleet`.
        let is_named = |id: &str| Membership::new(id, [], Duration::ZERO).fault().is_none();
        Ok((pairs.filter(|(id, _)| is_named(id)).collect(), count < AT_A_TIME))
    }

    async fn documents(
        &self,
        prefix: &str,
        roster: &str,
        ids: &[(String, Duration)],
    ) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        let names: Vec<_> = ids.iter().map(|(id, _)| document_of(prefix, id)).collect();
        let mut batch = Batch::new();
        batch.over("MGET", names.iter().map(String::as_str));
        let (spare, mut replies) = self.at_roster(roster, &batch).await?;
        let documents =
            replies.gather(ids.len()).map_err(|malformed| spare.malformed(&malformed))?;
        // What is longer was not written by `join_fleet`, and says nothing.
        let of_ours = |document: Vec<u8>| match document.len() {
            0..=Membership::LONGEST => document,
            _ => Vec::new(),
        };
        Ok(documents.into_iter().map(|document| document.map(of_ours)).collect())
    }

    /// Sends a batch to the node that keeps a roster.
    async fn at_roster(
        &self,
        roster: &str,
        batch: &Batch,
    ) -> Result<(std::sync::Arc<Spare>, Replies), Failure> {
        inside_runtime()?;
        let spare = self.spare_to(self.topology.node(roster))?;
        let replies = spare.ask(batch, Instant::now() + self.limit()).await?;
        match spare.refusal(&replies) {
            Some(failure) => {
                if failure.class() == Class::Moved {
                    self.topology.look_again(spare.endpoint().clone());
                }
                Err(failure)
            }
            None => Ok((spare, replies)),
        }
    }
}

fn roster(prefix: &str) -> String {
    format!("{prefix}{{@}}")
}

fn document_of(prefix: &str, id: &str) -> String {
    format!("{prefix}{{@}}:{id}")
}
