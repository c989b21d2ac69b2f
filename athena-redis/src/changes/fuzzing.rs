//! What reads replies about a log, for tests and fuzzers that make bytes up.

use std::time::Duration;

use athena_cache_core::backend::Proof;

use super::reply;
use crate::link::Replies;

/// Reads what bytes are as each of the replies about a log.
pub(crate) fn read_all(replies: impl Fn() -> Option<Replies>) {
    let proof = Proof { epoch: 1, history: 1, tracks: true, lag: Duration::ZERO };
    let readers: [&dyn Fn(&mut Replies); 6] = [
        &|replies| drop(reply::appended(replies, &proof)),
        &|replies| drop(reply::page(replies, &proof)),
        &|replies| drop(reply::turn(replies, &proof)),
        &|replies| drop(reply::pulse(replies, &proof)),
        &|replies| drop(reply::parked(replies)),
        &|replies| drop(reply::count(replies)),
    ];
    for read in readers {
        if let Some(mut replies) = replies() {
            read(&mut replies);
        }
    }
}
