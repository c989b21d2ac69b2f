//! Reads what is under names, each at the node that serves it.
//!
//! Invariant: nobody is told of changes of what is read here, and what is held of it at one time is bounded, also
//! where a user may read whole values only.

use std::collections::BTreeMap;
use std::time::Duration;

use athena_cache_core::backend::operate::RawValue;
use athena_cache_core::backend::{Class, Failure, Node};
use tokio::time::{Instant, sleep};

use super::state::OperationsState;
use crate::link::{Batch, Malformed, Replies, Spare, inside_runtime};
use crate::term::Term;

/// How often names are looked for that have moved, and how long that takes at least.
pub(super) const ROUNDS: u32 = 4;
pub(super) const PAUSE: Duration = Duration::from_millis(50);
/// How many names are read at a time, and how many where only whole values may be read, which may be large.
pub(super) const AT_A_TIME: usize = 200;
const WHOLE_AT_A_TIME: usize = 4;

impl OperationsState {
    pub(super) async fn stored(
        &self,
        names: &[String],
        most: usize,
    ) -> Result<Vec<Option<RawValue>>, Failure> {
        inside_runtime()?;
        let mut found = vec![None; names.len()];
        let mut left: Vec<usize> = (0..names.len()).collect();
        for round in 1.. {
            let (rest, failure) = self.read_at_owners(names, &left, most, &mut found).await?;
            left = rest;
            match failure {
                Some(failure) if round >= ROUNDS => return Err(failure),
                Some(_) => sleep(PAUSE * round).await,
                None => break,
            }
        }
        Ok(found)
    }

    /// Reads each name at the node that serves it now; answers those that are served elsewhere.
    async fn read_at_owners(
        &self,
        names: &[String],
        wanted: &[usize],
        most: usize,
        found: &mut [Option<RawValue>],
    ) -> Result<(Vec<usize>, Option<Failure>), Failure> {
        let mut by_node: BTreeMap<Node, Vec<usize>> = BTreeMap::new();
        for at in wanted {
            by_node.entry(self.topology.node(&names[*at])).or_default().push(*at);
        }
        let (mut elsewhere, mut failure) = (Vec::new(), None);
        for (node, places) in by_node {
            let spare = self.spare_to(node)?;
            for places in places.chunks(AT_A_TIME) {
                let read = self.read(&spare, names, places, most).await?;
                for (at, read) in places.iter().zip(read) {
                    match read {
                        Ok(value) => found[*at] = value,
                        Err(moved) => {
                            self.topology.look_again(spare.endpoint().clone());
                            elsewhere.push(*at);
                            failure = Some(moved);
                        }
                    }
                }
            }
        }
        Ok((elsewhere, failure))
    }

    /// Reads names at one node: what is there, or that it is served elsewhere.
    async fn read(
        &self,
        spare: &Spare,
        names: &[String],
        places: &[usize],
        most: usize,
    ) -> Result<Vec<Result<Option<RawValue>, Failure>>, Failure> {
        let deadline = Instant::now() + self.limit();
        let of = |places: &[usize]| -> Vec<&str> {
            places.iter().map(|at| names[*at].as_str()).collect()
        };
        let mut replies = spare.ask(&in_part(of(places), most), deadline).await?;
        if !replies.is_any_denied() {
            return values(&mut replies, spare, (Extent::InPart, most), places.len());
        }
        // Whoever may do no more than a cache has to may read them as a whole.
        let mut found = Vec::with_capacity(places.len());
        for places in places.chunks(WHOLE_AT_A_TIME) {
            let mut replies =
                spare.ask(&as_a_whole(of(places)), Instant::now() + self.limit()).await?;
            found.extend(values(&mut replies, spare, (Extent::AsAWhole, most), places.len())?);
        }
        Ok(found)
    }
}

/// Parts of values: they may be large.
fn in_part(names: Vec<&str>, most: usize) -> Batch {
    let mut batch = Batch::new();
    let last = u64::try_from(most).unwrap_or(u64::MAX).clamp(1, 1 << 40) - 1;
    let tail = format!("-{}", Term::LENGTH);
    for name in names {
        batch.command("PTTL").arg(name);
        batch.command("GETRANGE").arg(name).number(0).number(last);
        batch.command("STRLEN").arg(name);
        batch.command("GETRANGE").arg(name).arg(&tail).arg("-1");
    }
    batch
}

/// How much of values is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    InPart,
    AsAWhole,
}

/// The same by what every user of a cache may do.
fn as_a_whole(names: Vec<&str>) -> Batch {
    let mut batch = Batch::new();
    for name in names {
        batch.command("PTTL").arg(name);
        batch.command("GET").arg(name);
    }
    batch
}

fn values(
    replies: &mut Replies,
    spare: &Spare,
    (extent, most): (Extent, usize),
    count: usize,
) -> Result<Vec<Result<Option<RawValue>, Failure>>, Failure> {
    (0..count).map(|_| value(replies, spare, extent, most)).collect()
}

/// What is under a name; an error if it is served elsewhere.
fn value(
    replies: &mut Replies,
    spare: &Spare,
    extent: Extent,
    most: usize,
) -> Result<Result<Option<RawValue>, Failure>, Failure> {
    let malformed = |malformed: Malformed| spare.malformed(&malformed);
    if let Some((class, why)) = replies.error() {
        // Of those that belong together one speaks for all.
        replies.skip(if extent == Extent::InPart { 3 } else { 1 });
        return refused(spare, class, why.as_str());
    }
    let remaining = replies.integer().map_err(malformed)?;
    let bytes = match replies.error() {
        // What is no text answers so to both.
        Some((_, why)) if why.as_str().contains("WRONGTYPE") => None,
        Some((class, why)) => {
            replies.skip(if extent == Extent::InPart { 2 } else { 0 });
            return refused(spare, class, why.as_str());
        }
        None => Some(replies.bytes().map_err(malformed)?.unwrap_or_default()),
    };
    let (mut told, mut tail) = (None, None);
    if extent == Extent::InPart {
        if replies.error().is_none() {
            told = u64::try_from(replies.integer().map_err(malformed)?).ok();
        }
        if replies.error().is_none() {
            tail = replies.bytes().map_err(malformed)?;
        }
    }
    // It may have ended, or gone, behind the first question; no value is empty.
    if remaining == -2 || bytes.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Ok(None));
    }
    // What was added after a part was read is not in it.
    let length = bytes.as_ref().map(|bytes| bytes.len() as u64).max(told);
    let remaining = u64::try_from(remaining).ok().map(Duration::from_millis);
    let mut value = RawValue::new(bytes, length, remaining);
    take_term(&mut value, tail);
    if let Some(bytes) = &mut value.bytes {
        bytes.truncate(most);
    }
    Ok(Ok(Some(value)))
}

/// What an error to a question about one name is: that it is served elsewhere, or a refusal of all of them.
fn refused<T>(spare: &Spare, class: Class, why: &str) -> Result<Result<T, Failure>, Failure> {
    let failure = spare.failure(class, &format!("refused: {why}"));
    let is_elsewhere = matches!(class, Class::Moved | Class::Unready);
    if is_elsewhere { Ok(Err(failure)) } else { Err(failure) }
}

/// What a value says of its end stands behind it, and is no part of it.
fn take_term(value: &mut RawValue, tail: Option<Vec<u8>>) {
    let (Some(bytes), Some(length)) = (&mut value.bytes, value.length) else { return };
    let own = bytes.len().saturating_sub(Term::LENGTH);
    let mut tail = tail.unwrap_or_else(|| bytes[own..].to_vec());
    if let Some(term) = Term::take(&mut tail) {
        let length = length.saturating_sub(Term::LENGTH as u64);
        bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        value.length = Some(length);
        value.remaining = value.remaining.map(|left| term.bound(left));
    }
}
