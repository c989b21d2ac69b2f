//! Behaviour without a network.
//!
//! Names begin with the case of the behaviour list or the row of the requirements that they show.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::unchecked_time_subtraction, reason = "a test that is wrong fails")]
#![allow(clippy::option_option, clippy::cast_possible_truncation, reason = "what is tested")]
#![allow(unreachable_pub, missing_docs, reason = "nobody depends on a test")]

mod attribute;
mod backends;
mod batch;
mod blocking;
mod bounds;
mod breaker;
mod changes;
mod codec;
mod coherence;
mod collected;
mod contained;
mod digests;
mod each;
mod envelope;
mod extremes;
mod fleet;
mod functions;
mod generations;
mod grace;
mod health;
mod heavy;
mod insert;
mod invalidation;
mod keys;
mod labels;
mod lifecycle;
mod patience;
mod refresh;
mod regions;
mod report;
mod retry;
mod rights;
mod runtimes;
mod secrets;
mod sharded;
mod sharing;
mod sites;
mod spans;
mod stampede;
mod status;
mod tiers;
mod timeline;
mod times;
mod together;
mod user_code;
mod words;
mod world;
mod writes;
