//! What the replies to our commands mean.

use std::time::Duration;

use athena_cache_core::backend::{Filled, Found, Generation, Lookup, Stored, Token};

use crate::link::{Malformed, Replies};

/// Reads `PTTL value`, `MGET value generation…`.
pub(super) fn found(replies: &mut Replies, lookup: &Lookup<'_>) -> Result<Found, Malformed> {
    let remaining = replies.integer()?;
    let mut row = replies.list()?;
    let bytes = row.bytes()?;
    // Negative: absent, or without an end and so not written by us.
    let value = u64::try_from(remaining)
        .ok()
        .zip(bytes)
        .map(|(millis, bytes)| Stored { bytes, remaining: Duration::from_millis(millis) });
    Ok(Found { value, generations: generations(&mut row, lookup.generations.len())? })
}

/// Reads the last reply, `MGET generation… lease`, where the lease may be left out.
///
/// A lease of a foreign type, or a foreign text, has no holder.
pub(super) fn completed(
    replies: &mut Replies,
    count: usize,
) -> Result<(Vec<Option<Generation>>, Option<Token>), Malformed> {
    let mut row = replies.last_list()?;
    let generations = generations(&mut row, count)?;
    let holder = if row.is_empty() { None } else { row.bytes()? };
    Ok((generations, holder.as_deref().and_then(Token::parse)))
}

/// Reads generations from a list; what is none reads as missing.
fn generations(row: &mut Replies, count: usize) -> Result<Vec<Option<Generation>>, Malformed> {
    (0..count).map(|_| Ok(row.bytes()?.as_deref().and_then(Generation::parse))).collect()
}

/// Reads what the fill script returns.
pub(super) fn filled(replies: &mut Replies) -> Result<Filled, Malformed> {
    match replies.integer()? {
        0 => Ok(Filled::Refused),
        1 => Ok(Filled::Stored),
        _ => Err(Malformed::new("expected 0 or 1")),
    }
}
