//! What an operation fails with that has had no answer in time.

use std::time::Duration;

use crate::backend::{Backend, Class, Failure, Node};
use crate::excerpt::Excerpt;

/// The failure of an operation that was just dropped.
pub(super) fn given_up(backend: &dyn Backend, node: Node, limit: Duration) -> Failure {
    let endpoint = Excerpt::of(backend.endpoint(node));
    if backend.is_answering(node) {
        let message = format!("{endpoint} was still answering after {limit:?}");
        return Failure::new(Class::Slow, message);
    }
    Failure::new(Class::Timeout, format!("{endpoint} did not answer within {limit:?}"))
}
