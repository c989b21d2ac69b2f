//! Whether there is anything to look for in the task-locals of this crate.
//!
//! Invariant: asking costs less than looking, and a hit asks no more than this outside of a scope, a request or a
//! collection.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

thread_local! {
    /// How many scopes, requests and collections the thread is inside of.
    static ENTERED: Cell<usize> = const { Cell::new(0) };
}

/// Whether there is anything to look for in the task-locals, which costs more than this.
#[inline]
pub(crate) fn is_entered() -> bool {
    ENTERED.get() > 0
}

/// Polls a future so that what is looked for inside of it is known to be there.
pub(crate) fn counted<F: Future>(future: F) -> Visiting<F> {
    Visiting { future }
}

pin_project! {
    /// A future that is a visit to a scope, a request or a collection.
    pub(crate) struct Visiting<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Visiting<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _visit = Visit::new();
        self.project().future.poll(context)
    }
}

/// While this lives the thread is inside of a scope, a request or a collection.
pub(crate) struct Visit(());

impl Visit {
    pub(crate) fn new() -> Self {
        ENTERED.set(ENTERED.get() + 1);
        Self(())
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        ENTERED.set(ENTERED.get() - 1);
    }
}
