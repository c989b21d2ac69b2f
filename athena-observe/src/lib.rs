//! What an athena-cache did, for systems that watch services.
//!
//! A cache counts, whether anybody reads it or not, and a [`Report`](athena_cache_core::Report) is all that it knows at one
//! moment. This crate writes reports as such systems read them: [`prometheus`] as the text that Prometheus scrapes.
//!
//! Invariant: nothing that is written holds a key, an argument, a tag or a value, and an address only if that was asked
//! for.

pub mod prometheus;
