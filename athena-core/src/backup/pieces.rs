//! What is stored under the names of a cache, whole, piece by piece.
//!
//! Invariant: a piece holds at most so many bytes, or one value that is larger by itself.

use std::collections::VecDeque;

use super::pace::Pace;
use crate::backend::operate::{ExpectedValue, Operator, RawValue, Scan};
use crate::backend::{Class, Failure};
use crate::inspect::{NameKind, see};

/// Names that are listed at a time, at most.
const PAGE: usize = 500;
/// For how many seconds' worth of names a node is left alone at most: a connection that nobody uses is closed.
const SECONDS: u32 = 10;
/// What a piece has at most, in bytes.
const ROOM: u64 = 4 << 20;

/// What is under a name.
#[derive(Debug)]
pub(super) struct FoundName {
    pub(super) name: String,
    pub(super) stored: RawValue,
}

impl FoundName {
    /// What it has to be still where it is changed.
    pub(super) fn as_found(&self) -> ExpectedValue<'_> {
        match &self.stored.bytes {
            Some(bytes) => ExpectedValue::Bytes { beginning: bytes, length: bytes.len() as u64 },
            None => ExpectedValue::Other,
        }
    }
}

/// Names of some kinds, and what is under them.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    operator: &'a dyn Operator,
    namespace: &'a str,
    scan: Scan<'a>,
    wanted: fn(NameKind) -> bool,
    pace: &'a mut Pace,
    /// Names that were listed, and how long what is under them is.
    listed: VecDeque<(String, u64)>,
}

impl<'a> Pieces<'a> {
    /// Goes through all names of a cache; `prefix` is its namespace with the colon.
    pub(super) fn new(
        operator: &'a dyn Operator,
        prefix: &'a str,
        wanted: fn(NameKind) -> bool,
        pace: &'a mut Pace,
    ) -> Self {
        let namespace = prefix.strip_suffix(':').unwrap_or(prefix);
        let at_a_time = usize::try_from(pace.per_second().saturating_mul(SECONDS)).unwrap_or(PAGE);
        let scan = Scan::new(operator, prefix, at_a_time.min(PAGE));
        Self { operator, namespace, scan, wanted, pace, listed: VecDeque::new() }
    }

    /// The next piece; `None` at the end. A name may come more than once.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<FoundName>>, Failure> {
        while self.listed.is_empty() {
            let Some(page) = self.scan.next().await else {
                return if self.scan.is_incomplete() { Err(restless()) } else { Ok(None) };
            };
            self.list(page?).await?;
        }
        let mut room = ROOM;
        let mut names = Vec::new();
        while let Some((_, length)) = self.listed.front() {
            if *length > room && !names.is_empty() {
                break;
            }
            room = room.saturating_sub(*length);
            names.extend(self.listed.pop_front().map(|(name, _)| name));
        }
        let stored = self.operator.stored(&names, usize::MAX).await?;
        let found = names.into_iter().zip(stored);
        let found = found.filter_map(|(name, stored)| Some(FoundName { name, stored: stored? }));
        Ok(Some(found.collect()))
    }

    /// Finds out how long what is under names is.
    async fn list(&mut self, mut names: Vec<String>) -> Result<(), Failure> {
        self.pace.names(names.len()).await;
        names.retain(|name| see(self.namespace, name).is_some_and(|seen| (self.wanted)(seen.kind)));
        names.sort_unstable();
        names.dedup();
        let stored = self.operator.stored(&names, 1).await?;
        let there = names.into_iter().zip(stored);
        self.listed
            .extend(there.filter_map(|(name, stored)| Some((name, stored?.length.unwrap_or(0)))));
        Ok(())
    }
}

fn restless() -> Failure {
    let message = "names moved between nodes all the time, so that some may not have been found: try again once the \
                   cluster is at rest";
    Failure::new(Class::Moved, message)
}
