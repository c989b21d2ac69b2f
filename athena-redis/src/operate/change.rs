//! Changes single values that are what they were found to be, each at the node that serves it.
//!
//! Invariant: what was sent to a node and not answered is not sent again: it may have been done.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use athena_cache_core::backend::operate::{BecomingValue, ExpectedValue, ValueChange};
use athena_cache_core::backend::{Class, Failure, Node};
use tokio::time::{Instant, sleep};

use super::state::OperationsState;
use super::stored::{AT_A_TIME, PAUSE, ROUNDS};
use crate::link::{Batch, Replies, Script, Spare, inside_runtime};
use crate::term::Term;

static CHANGE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../scripts/change.lua")));

impl OperationsState {
    pub(super) async fn change(&self, changes: &[ValueChange<'_>]) -> Result<Vec<bool>, Failure> {
        inside_runtime()?;
        let mut done = vec![false; changes.len()];
        let mut left: Vec<usize> = (0..changes.len()).collect();
        for round in 1.. {
            let (elsewhere, failure) = self.change_at_owners(changes, &left, &mut done).await?;
            left = elsewhere;
            match failure {
                Some(failure) if round >= ROUNDS => return Err(failure),
                Some(_) => sleep(PAUSE * round).await,
                None => break,
            }
        }
        Ok(done)
    }

    /// Does each at the node that serves its name now; answers those that are served elsewhere.
    async fn change_at_owners(
        &self,
        changes: &[ValueChange<'_>],
        wanted: &[usize],
        done: &mut [bool],
    ) -> Result<(Vec<usize>, Option<Failure>), Failure> {
        let mut by_node: BTreeMap<Node, Vec<usize>> = BTreeMap::new();
        for at in wanted {
            by_node.entry(self.topology.node(changes[*at].name)).or_default().push(*at);
        }
        let (mut elsewhere, mut failure) = (Vec::new(), None);
        for (node, places) in by_node {
            let spare = self.spare_to(node)?;
            for places in places.chunks(AT_A_TIME) {
                let mut batch = Batch::new();
                for at in places {
                    command(&mut batch, &changes[*at]);
                }
                let mut replies = spare.exchange(&batch, Instant::now() + self.limit()).await?;
                for at in places {
                    match outcome(&mut replies, &spare) {
                        Ok(was_done) => done[*at] = was_done,
                        Err(moved) if moved.class() == Class::Moved => {
                            self.topology.look_again(spare.endpoint().clone());
                            elsewhere.push(*at);
                            failure = Some(moved);
                        }
                        Err(refused) => return Err(refused),
                    }
                }
            }
        }
        Ok((elsewhere, failure))
    }
}

fn command(batch: &mut Batch, change: &ValueChange<'_>) {
    let (found, beginning, length) = match change.found {
        ExpectedValue::Nothing => ("nothing", &[][..], 0),
        ExpectedValue::Bytes { beginning, length } => ("bytes", beginning, length),
        ExpectedValue::Other => ("other", &[][..], 0),
        // What this version does not know of is whatever there is.
        _ => ("whatever", &[][..], 0),
    };
    let (life, bytes) = match change.becomes {
        BecomingValue::Replaced { bytes, life } => {
            (u64::try_from(life.as_millis()).unwrap_or(u64::MAX).clamp(1, LONGEST), bytes)
        }
        _ => (0, &[][..]),
    };
    let words = batch.call(&CHANGE, change.name, []);
    let words = words.arg(found).arg(beginning).number(length).number(Term::LENGTH as u64);
    words.number(life).arg(bytes);
}

/// The longest life that is asked for, a hundred years: servers refuse much longer ones.
const LONGEST: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

fn outcome(replies: &mut Replies, spare: &Spare) -> Result<bool, Failure> {
    if let Some((class, why)) = replies.error() {
        return Err(spare.failure(class, why.as_str()));
    }
    let done = replies.integer().map_err(|malformed| spare.malformed(&malformed))?;
    Ok(done == 1)
}
