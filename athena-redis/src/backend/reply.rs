//! What the replies to our commands mean.

use std::time::Duration;

use athena_cache_core::backend::{Filled, Found, Generation, Lasting, Proposal, Stored, Token};

use crate::link::{Malformed, Replies};

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
        let millis = u64::try_from(remaining).ok()?;
        Some(Stored { bytes: bytes?, remaining: Duration::from_millis(millis) })
    };
    let values = lives.into_iter().zip(names.by_ref().take(values)).map(stored).collect();
    let proof = replies.origin().proof();
    Ok(Found { values, generations: names.map(generation).collect(), proof })
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
