//! What the replies to our commands mean.

use std::time::Duration;

use athena_cache_core::backend::{
    Filled, Found, Generation, Lasting, Proof, Proposal, Stored, Token,
};

use crate::link::{Malformed, Replies};
use crate::term::{NodeTime, Term};

/// Reads `PTTL value` for each value, then `MGET value… generation…`.
pub(super) fn found(
    replies: &mut Replies,
    values: usize,
    generations: usize,
) -> Result<Found, Malformed> {
    let lives = (0..values).map(|_| replies.integer()).collect::<Result<Vec<_>, _>>()?;
    let mut names = replies.gather(values + generations)?.into_iter();
    let stored = |(remaining, bytes): (i64, Option<Vec<u8>>)| {
        // Negative: absent, or without an end and so not written by us.
        let left = Duration::from_millis(u64::try_from(remaining).ok()?);
        let mut bytes = bytes?;
        let remaining = Term::take(&mut bytes).map_or(left, |term| term.bound(left));
        Some(Stored { bytes, remaining })
    };
    let values = lives.into_iter().zip(names.by_ref().take(values)).map(stored).collect();
    let proof = replies.origin().proof();
    Ok(Found { values, generations: names.map(generation).collect(), proof })
}

/// Reads `MGET value… generation…` and `TIME`; with the places of the values whose remaining life that does not tell.
pub(super) fn stamped(
    replies: &mut Replies,
    values: usize,
    generations: usize,
) -> Result<(Found, Vec<usize>), Malformed> {
    let mut names = replies.gather(values + generations)?.into_iter();
    let now = replies.time()?;
    let proof = replies.origin().proof();
    let time = proof.zip(now).map(|(proof, now)| NodeTime { clock: proof.history, now });
    let mut untold = Vec::new();
    let stored = |(place, bytes): (usize, Option<Vec<u8>>)| {
        let mut bytes = bytes?;
        let left = Term::take(&mut bytes).and_then(|term| term.left_at(time));
        if left.is_none() {
            untold.push(place);
        }
        Some(Stored { bytes, remaining: left.unwrap_or_default() })
    };
    let values = names.by_ref().take(values).enumerate().map(stored).collect();
    Ok((Found { values, generations: names.map(generation).collect(), proof }, untold))
}

/// What proves both of two answers, if one connection does.
pub(super) fn common(one: Option<Proof>, other: Option<Proof>) -> Option<Proof> {
    let (one, other) = one.zip(other)?;
    let is_same = (one.epoch, one.history) == (other.epoch, other.history);
    let (tracks, lag) = (one.tracks && other.tracks, one.lag.max(other.lag));
    is_same.then_some(Proof { tracks, lag, ..one })
}

/// Reads `PTTL generation` for each that has an end, then `MGET generation… lease`, where the lease may be left
/// out.
///
/// A lease of a foreign type, or a foreign text, has no holder.
pub(super) fn completed(
    replies: &mut Replies,
    proposals: &[Proposal<'_>],
    with_lease: bool,
) -> Result<(Vec<Option<Lasting>>, Option<Token>), Malformed> {
    // Negative: absent, or without an end.
    let mut life = |proposal: &Proposal<'_>| match proposal.life {
        Some(_) => {
            replies.integer().map(|left| u64::try_from(left).ok().map(Duration::from_millis))
        }
        None => Ok(None),
    };
    let lives = proposals.iter().map(&mut life).collect::<Result<Vec<_>, _>>()?;
    let mut names = replies.gather(proposals.len() + usize::from(with_lease))?.into_iter();
    let lasting = |(bytes, remaining)| Some(Lasting { generation: generation(bytes)?, remaining });
    let generations = names.by_ref().take(proposals.len()).zip(lives).map(lasting).collect();
    let holder = names.next().flatten();
    Ok((generations, holder.as_deref().and_then(Token::parse)))
}

/// A generation; what is none reads as missing.
fn generation(bytes: Option<Vec<u8>>) -> Option<Generation> {
    Generation::parse(&bytes?)
}

/// Reads what the fill script returns.
pub(super) fn filled(replies: &mut Replies) -> Result<Filled, Malformed> {
    if replies.is_superseded() {
        return Ok(Filled::Refused);
    }
    match replies.integer()? {
        0 => Ok(Filled::Refused),
        1 => Ok(Filled::Stored),
        _ => Err(Malformed::new("expected 0 or 1")),
    }
}
