//! The error that a traced `Deserialize` impl passes on.

use std::fmt;

use serde::de;

/// Says that a pass is over; why is noted in the pass, so messages are not even formatted.
#[derive(Debug)]
pub(super) struct Refusal;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a made-up value was refused")
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<M: fmt::Display>(_: M) -> Self {
        Self
    }
}
